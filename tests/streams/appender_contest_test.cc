// Goal:   whatever a log does to its writers, no acknowledged command is lost, none is valid twice,
//         and every reader sees the same valid prefix (laws 1 and 2).
// Method: three mini keepers contend for one simulated ledger with every fault at once; each asks
//         for commands until it knows them recorded; processes crash and come back from a position
//         they had. Hundreds of seeds; a failing seed is printed and repeats to the byte.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <memory>

#include "streams/ledger_reader.h"
#include "streams/simulated_log.h"
#include "tests/streams/mini_keeper.h"

namespace hansa::streams {
namespace {

constexpr int kWritersCount = 3;
constexpr int kCommandsPerWriter = 25;
constexpr int kStepsMax = 20000;

struct Writer {
  std::unique_ptr<SimulatedLog> log;
  std::unique_ptr<MiniKeeper> keeper;
  // What an earlier life of it told its callers.
  std::map<std::string, Seq> acknowledged;
};

class Contest {
 public:
  Contest(uint64_t seed, const SimulatedFaults& faults)
      : env_(seed, "contest"), store_(seed, faults) {
    for (auto& writer : writers_) start(writer, {}, {});
    for (int w = 0; w < kWritersCount; ++w) {
      for (int c = 0; c < kCommandsPerWriter; ++c) {
        // Every third command is asked of two writers: a caller that turned to another node.
        commands_[w].push_back("w" + std::to_string(w) + "c" + std::to_string(c));
        if (c % 3 == 0) commands_[(w + 1) % kWritersCount].push_back(commands_[w].back());
      }
    }
  }

  void run() {
    for (int i = 0; i < kStepsMax && (i % 50 > 0 || !all_acknowledged()); ++i) act();
    store_.set_faults({});
    for (int i = 0; i < 200 && !all_acknowledged(); ++i) {
      for (auto& writer : writers_) {
        writer.keeper->follow();
        demand_all(writer);
        writer.keeper->round();
        store_.run_until_idle();
        writer.keeper->deliver();
      }
    }
    store_.run_until_idle();
    for (auto& writer : writers_) {
      writer.keeper->deliver();
      writer.keeper->follow();
    }
  }

  // Reads the ledger afresh, as an auditor would, and holds everyone's word against it.
  void verify() {
    std::vector<MiniKeeper::Folded> ledger;
    std::map<std::string, Seq> where;
    SimulatedLog log(store_);
    const LedgerVisitor visitor{
        [&](Seq seq, Offset, const Hash& hash, std::string_view value) -> Result<void> {
          const std::string payload(payload_of(value));
          ledger.push_back({hash, payload});
          EXPECT_TRUE(where.emplace(payload, seq).second) << payload << " is valid twice";
          return {};
        }};
    auto end = read_ledger(log, kTestLedger, founding_, {}, visitor);
    ASSERT_TRUE(end) << end.error().detail;
    EXPECT_TRUE(all_acknowledged()) << "a command never came through";
    for (auto& writer : writers_) {
      EXPECT_FALSE(writer.keeper->error) << writer.keeper->error->detail;
      EXPECT_EQ(writer.keeper->prefix(), ledger) << "two readers, two histories";
      EXPECT_TRUE(writer.keeper->appender.check_tail());
      EXPECT_EQ(writer.keeper->appender.landed().voids, end->voids);
      keep_word(writer);
      for (const auto& [command, seq] : writer.acknowledged) {
        EXPECT_EQ(where[command], seq) << command << " was acknowledged and is not there";
      }
    }
    voids = end->voids;
    for (auto& writer : writers_) {
      undone += writer.keeper->undone;
      foreign += writer.keeper->foreign;
    }
  }
  std::vector<std::string> records() const { return store_.records(kTestLedger); }

  uint64_t voids = 0;
  uint64_t undone = 0;
  uint64_t foreign = 0;
  uint64_t crashes = 0;

 private:
  uint64_t pick(uint64_t below) {
    uint64_t number = 0;
    env_.random(reinterpret_cast<uint8_t*>(&number), sizeof(number));
    return number % below;
  }

  void start(Writer& writer, const ChainPosition& from,
             std::vector<MiniKeeper::Folded> prefix) {
    writer.log = std::make_unique<SimulatedLog>(store_);
    writer.keeper = std::make_unique<MiniKeeper>(*writer.log, founding_, env_, from,
                                                 std::move(prefix));
  }

  void demand_all(Writer& writer) {
    for (const auto& command : commands_[&writer - writers_.data()]) {
      writer.keeper->demand(command);
    }
  }

  void keep_word(Writer& writer) {
    for (const auto& [command, seq] : writer.keeper->acknowledged()) {
      auto [known, is_new] = writer.acknowledged.emplace(command, seq);
      EXPECT_EQ(known->second, seq) << command << " was answered twice, differently";
    }
  }

  bool all_acknowledged() {
    for (int w = 0; w < kWritersCount; ++w) {
      const auto& keeper = *writers_[static_cast<size_t>(w)].keeper;
      std::set<std::string> known;
      for (const auto& entry : keeper.prefix()) known.insert(entry.command);
      for (const auto& command : commands_[w]) {
        if (known.count(command) == 0) return false;
      }
    }
    return true;
  }

  void act() {
    Writer& writer = writers_[pick(kWritersCount)];
    MiniKeeper& keeper = *writer.keeper;
    switch (pick(12)) {
      case 0:
        keeper.follow();
        break;
      case 1:
      case 2:
        if (!commands_[&writer - writers_.data()].empty()) {
          const auto& own = commands_[&writer - writers_.data()];
          for (int i = 0; i < 3; ++i) keeper.demand(own[pick(own.size())]);
        }
        if (!keeper.appender.must_follow()) keeper.round(1 + pick(4));
        break;
      case 3:
      case 4:
        keeper.deliver();
        if (keeper.appender.must_follow()) keeper.follow();
        break;
      case 5:
        if (pick(10) == 0) crash(writer);
        break;
      case 6:
        if (pick(10) == 0) store_.inject(kTestLedger, env_.random_bytes(pick(200)));
        break;
      default:
        store_.step();
    }
  }

  // The new process begins from what the old one had folded, or from the very beginning.
  void crash(Writer& writer) {
    ++crashes;
    keep_word(writer);
    ChainPosition from = writer.keeper->appender.landed();
    auto prefix = writer.keeper->prefix();
    writer.keeper.reset();
    writer.log.reset();
    if (pick(2) == 0) {
      start(writer, {}, {});
    } else {
      start(writer, from, std::move(prefix));
    }
  }

  SeededEnv env_;
  FoundingId founding_ = env_.random_id<FoundingId>();
  SimulatedStore store_;
  std::array<Writer, kWritersCount> writers_;
  std::map<std::ptrdiff_t, std::vector<std::string>> commands_;
};

// What happened at all: a contest in which nothing went wrong proves nothing.
struct Probe {
  uint64_t voids = 0, undone = 0, foreign = 0, crashes = 0;
};

void run_contest(uint64_t seed, const SimulatedFaults& faults, Probe* probe = nullptr) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Contest contest(seed, faults);
  contest.run();
  contest.verify();
  if (probe == nullptr) return;
  probe->voids += contest.voids;
  probe->undone += contest.undone;
  probe->foreign += contest.foreign;
  probe->crashes += contest.crashes;
}

TEST(AppenderContest, RivalsOnAFaultlessLog) {
  for (uint64_t seed = 1; seed <= 100 && !testing::Test::HasFailure(); ++seed) {
    run_contest(seed, {});
  }
}

TEST(AppenderContest, RivalsUnderEveryFaultAtOnce) {
  Probe probe;
  for (uint64_t seed = 1; seed <= 150 && !testing::Test::HasFailure(); ++seed) {
    run_contest(seed, SimulatedFaults::all(30), &probe);
  }
  EXPECT_GT(probe.voids, 1000u);
  EXPECT_GT(probe.undone, 300u);
  EXPECT_GT(probe.foreign, 1000u);
  EXPECT_GT(probe.crashes, 100u);
}

TEST(AppenderContest, RivalsUnderHeavyFaults) {
  for (uint64_t seed = 1001; seed <= 1060 && !testing::Test::HasFailure(); ++seed) {
    run_contest(seed, SimulatedFaults::all(150));
  }
}

// Each fault alone and in any mixture, found and shrunk by RapidCheck.
TEST(AppenderContest, RivalsUnderAnyMixtureOfFaults) {
  const bool held = rc::check("laws 1 and 2 hold", [] {
    const auto rate = [] { return *rc::gen::inRange<uint32_t>(0, 200); };
    SimulatedFaults faults;
    faults.delay = rate();
    faults.duplicate = rate();
    faults.drop = rate();
    faults.late = rate();
    faults.lost_answer = rate();
    faults.error_though_appended = rate();
    faults.reorder_answers = rate();
    faults.crash = rate();
    faults.unreachable = rate();
    faults.short_read = rate();
    run_contest(*rc::gen::inRange<uint64_t>(0, UINT32_MAX), faults);
    RC_ASSERT(!testing::Test::HasFailure());
  });
  EXPECT_TRUE(held);
}

TEST(AppenderContest, OneSeedIsOneRun) {
  const auto run = [] {
    Contest contest(5, SimulatedFaults::all(50));
    contest.run();
    return contest.records();
  };
  const auto first = run();
  EXPECT_GT(first.size(), 25u);
  EXPECT_EQ(first, run());
}

}  // namespace
}  // namespace hansa::streams
