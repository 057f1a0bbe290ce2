// Goal:   the embedded log keeps what it acknowledged over reopening, crashes, a full disk and a
//         disk that does not sync, and belongs to one process at a time.
// Method: real RocksDB databases in temporary folders; a crash is a copy of the folder of a log
//         that is still open; a failing disk is a wrapped RocksDB file system.
#include "streams/embedded_log.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <cstdlib>

#include "streams/end_marker.h"
#include "streams/ledger_reader.h"
#include "tests/streams/failing_file_system.h"
#include "tests/streams/mini_keeper.h"

namespace hansa::streams {
namespace {

using Texts = std::vector<std::string>;
const LedgerId kOtherLedger{"city", "otherburg"};

EmbeddedLogOptions options_for(const std::string& folder) {
  EmbeddedLogOptions options;
  options.folder = folder;
  return options;
}

std::unique_ptr<EmbeddedLog> open_log(const EmbeddedLogOptions& options) {
  auto log = EmbeddedLog::open(options);
  if (!log) ADD_FAILURE() << log.error().detail;
  return log ? std::move(*log) : nullptr;
}

Texts numbered(int from, int to) {
  Texts values;
  for (int i = from; i < to; ++i) values.push_back("value " + std::to_string(i));
  return values;
}

// Waits for each answer before the next call, so that the calls of one test have one order.
class WaitingLog final : public Log {
 public:
  explicit WaitingLog(Log& log) : log_(log) {}
  Result<Offset> end(const LedgerId& ledger) override { return log_.end(ledger); }
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override {
    return log_.read(ledger, from, bytes_max);
  }
  void append(const LedgerId& ledger, Texts values, Offset expected_end,
              Delivered delivered) override {
    delivered(append_now(log_, ledger, std::move(values), expected_end));
  }
  void renew_writer(const LedgerId& ledger) override { log_.renew_writer(ledger); }

 private:
  Log& log_;
};

TEST(EmbeddedLog, KeepsRecordsAndLedgersOverReopening) {
  TempFolder folder;
  {
    auto log = open_log(options_for(folder / "log"));
    append_now(*log, kTestLedger, {"a", "b"}, 0);
    append_now(*log, kOtherLedger, {"x"}, 0);
  }
  auto log = open_log(options_for(folder / "log"));
  append_now(*log, kTestLedger, {"c"}, 2);
  EXPECT_EQ(read_all(*log, kTestLedger), (Texts{"a", "b", "c"}));
  EXPECT_EQ(read_all(*log, kOtherLedger), Texts{"x"});
  const auto ledgers = log->list_ledgers();
  ASSERT_EQ(ledgers.size(), 2u);
  EXPECT_EQ(ledgers[0].ledger, kOtherLedger);
  EXPECT_EQ(ledgers[1].end, 3u);
}

TEST(EmbeddedLog, KeepsWhatItAcknowledgedOverACrash) {
  TempFolder folder;
  auto log = open_log(options_for(folder / "log"));
  Offset end = 0;
  for (int i = 0; i < 20; ++i, end += 50) {
    append_now(*log, kTestLedger, numbered(i * 50, i * 50 + 50), end);
  }
  std::filesystem::copy(folder / "log", folder / "crashed");
  auto crashed = open_log(options_for(folder / "crashed"));
  EXPECT_EQ(read_all(*crashed, kTestLedger), numbered(0, 1000));
  EXPECT_EQ(append_now(*crashed, kTestLedger, {"next"}, 1000)[0].offset, Offset{1000});
}

TEST(EmbeddedLog, WritesWhatIsQueuedWhenItIsDestroyed) {
  TempFolder folder;
  std::atomic<int> answered{0};
  {
    auto log = open_log(options_for(folder / "log"));
    for (Offset i = 0; i < 30; ++i) {
      log->append(kTestLedger, {"v"}, i, [&](std::vector<Delivery> deliveries) {
        if (deliveries[0].offset) ++answered;
      });
    }
  }
  EXPECT_EQ(answered, 30);
  EXPECT_EQ(open_log(options_for(folder / "log"))->end(kTestLedger), Offset{30});
}

TEST(EmbeddedLog, FlightsOfAllLedgersThatWaitShareOneSync) {
  TempFolder folder;
  auto log = open_log(options_for(folder / "log"));
  std::promise<void> queued;
  std::promise<void> all;
  std::atomic<int> answered{0};
  log->append(kTestLedger, {"first"}, 0,
              [&](std::vector<Delivery>) { queued.get_future().wait(); });
  for (int i = 0; i < 10; ++i) {
    const LedgerId ledger{"city", "c" + std::to_string(i)};
    log->append(ledger, {"v"}, 0, [&](std::vector<Delivery> deliveries) {
      EXPECT_TRUE(deliveries[0].offset);
      if (++answered == 10) all.set_value();
    });
  }
  queued.set_value();
  all.get_future().wait();
  EXPECT_LE(log->counts().batches, 2u);
}

TEST(EmbeddedLog, RefusesWhatIsOverTheLimits) {
  TempFolder folder;
  auto log = open_log(options_for(folder / "log"));
  const Texts too_long{"ok", std::string(EmbeddedLog::kValueBytesMax + 1, 'x')};
  for (const auto& answer : append_now(*log, kTestLedger, too_long, 0)) {
    EXPECT_EQ(answer.error->code, Errc::kTooLarge);
  }
  const Texts too_many(EmbeddedLog::kFlightValuesMax + 1, "x");
  EXPECT_EQ(append_now(*log, kTestLedger, too_many, 0)[0].error->code, Errc::kTooLarge);
  EXPECT_EQ(log->end(kTestLedger), Offset{0});
  EXPECT_TRUE(append_now(*log, kTestLedger, {}, 0).empty());
}

TEST(EmbeddedLog, RefusesASecondHandleOnTheFolder) {
  TempFolder folder;
  auto log = open_log(options_for(folder / "log"));
  auto second = EmbeddedLog::open(options_for(folder / "log"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kDataInUse);
  EXPECT_NE(second.error().detail.find("in use by another process"), std::string::npos);
  EXPECT_TRUE(append_now(*log, kTestLedger, {"a"}, 0)[0].offset);
}

// The test binary runs itself again; the second run finds the folder in its environment.
TEST(EmbeddedLog, RefusesASecondProcessOnTheFolder) {
  constexpr int kRefused = 42;
  if (const char* taken = std::getenv("HANSA_TEST_TAKEN_LOG")) {
    auto log = EmbeddedLog::open(options_for(taken));
    std::_Exit(!log && log.error().code == Errc::kDataInUse ? kRefused : 1);
  }
  TempFolder folder;
  auto log = open_log(options_for(folder / "log"));
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command = "HANSA_TEST_TAKEN_LOG='" + folder / "log" + "' '" + self +
                              "' --gtest_filter=EmbeddedLog.RefusesASecondProcessOnTheFolder "
                              "> /dev/null 2>&1";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), kRefused);
}

TEST(EmbeddedLog, AToolFindsNoLogWhereThereIsNone) {
  TempFolder folder;
  EmbeddedLogOptions options = options_for(folder / "nowhere");
  options.create_if_missing = false;
  auto log = EmbeddedLog::open(options);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Errc::kBadFile);
  EXPECT_FALSE(std::filesystem::exists(folder / "nowhere")) << "a tool leaves nothing behind";
}

// L7 on this log: whoever comes second is told so, follows, and decides again.
TEST(EmbeddedLog, TwoWritersOfOneLedgerTakeTurns) {
  TempFolder folder;
  auto embedded = open_log(options_for(folder / "log"));
  WaitingLog log(*embedded);
  SeededEnv env(4, "two writers");
  const auto founding = env.random_id<FoundingId>();
  MiniKeeper one(log, founding, env);
  MiniKeeper two(log, founding, env);
  for (int i = 0; i < 60; ++i) {
    one.demand("c" + std::to_string(i));
    two.demand("c" + std::to_string(59 - i));
    MiniKeeper& first = i % 2 == 0 ? one : two;
    MiniKeeper& second = i % 2 == 0 ? two : one;
    first.round(1 + static_cast<size_t>(i) % 3);
    second.round(2);
    second.round(2);  // a second flight behind the first
    one.deliver();
    two.deliver();
  }
  for (MiniKeeper* keeper : {&one, &two, &one}) {
    keeper->follow();
    keeper->round();
    keeper->deliver();
  }
  EXPECT_FALSE(one.error || two.error);
  EXPECT_GT(one.undone + two.undone, 10u);
  EXPECT_EQ(one.prefix().size(), 60u) << "each command once";
  EXPECT_EQ(one.prefix(), two.prefix());
  EXPECT_EQ(one.appender.landed().voids, 0u) << "a conflict appends nothing";
}

class FailingDisk : public testing::Test {
 protected:
  FailingDisk() {
    options = options_for(folder / "log");
    options.env = env.get();
    log = open_log(options);
    append_now(*log, kTestLedger, {"before"}, 0);
  }
  std::optional<Errc> append(const std::string& value) {
    auto end = log->end(kTestLedger);
    auto answer = append_now(*log, kTestLedger, {value, value + " too"}, end ? *end : 0)[0];
    if (answer.offset) return std::nullopt;
    return answer.error->code;
  }
  // Work resumes by itself, within as many attempts as the header says.
  void expect_resumed() {
    int attempts = 1;
    while (append("after") && attempts < 20) ++attempts;
    EXPECT_LE(attempts, 9);
  }

  TempFolder folder;
  std::shared_ptr<FailingFileSystem> disk = std::make_shared<FailingFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  EmbeddedLogOptions options;
  std::unique_ptr<EmbeddedLog> log;
};

TEST_F(FailingDisk, AFullDiskAnswersUnavailableAndNothingIsHalfDone) {
  disk->full = true;
  for (int i = 0; i < 30; ++i) EXPECT_EQ(append("lost"), Errc::kUnavailable) << i;
  EXPECT_EQ(read_all(*log, kTestLedger), Texts{"before"}) << "reading goes on";
  disk->full = false;
  expect_resumed();
  const Texts expected{"before", "after", "after too"};
  EXPECT_EQ(read_all(*log, kTestLedger), expected);
  log.reset();
  EXPECT_EQ(read_all(*open_log(options), kTestLedger), expected);
}

// Whichever read of the start it is; the ledger's end stands in a block of its own.
TEST_F(FailingDisk, AReadThatFailsOnceRefusesNoLedgerForGood) {
  const Texts expected{"before", std::string(40'000, 'a'), std::string(40'000, 'b')};
  append_now(*log, kTestLedger, {expected[1], expected[2]}, 1);
  int opened = 0;
  for (int read = 1;; ++read) {
    log.reset();
    disk->reads_left = read;
    auto again = EmbeddedLog::open(options);
    const bool struck = disk->reads_left == 0;
    disk->reads_left = 0;
    if (!again) {
      EXPECT_TRUE(struck);
      EXPECT_EQ(again.error().code, Errc::kUnavailable) << again.error().detail;
      continue;
    }
    log = std::move(*again);
    EXPECT_EQ(log->end(kTestLedger), Offset{3}) << "read " << read;
    EXPECT_EQ(read_all(*log, kTestLedger), expected) << "read " << read;
    if (!struck) break;
    ++opened;
  }
  EXPECT_GT(opened, 0) << "no read failed while the ledgers were loaded";
}

TEST_F(FailingDisk, AReadThatFailsOnceHidesNoLostEntry) {
  append_now(*log, kTestLedger, {std::string(40'000, 'a'), std::string(40'000, 'b')}, 1);
  log.reset();
  auto marker = std::move(EndMarker::open(options.folder + "/end_marker", false)).value();
  ASSERT_TRUE(marker->write(1, 4));
  bool struck = true;
  for (int read = 1; struck; ++read) {
    disk->reads_left = read;
    const auto again = EmbeddedLog::open(options);
    struck = disk->reads_left == 0;
    disk->reads_left = 0;
    const Result<Offset> end = again ? (*again)->end(kTestLedger) : fail(again.error());
    ASSERT_FALSE(end) << "read " << read;
    const bool is_unread = !again && struck;
    EXPECT_EQ(end.error().code, is_unread ? Errc::kUnavailable : Errc::kLogBehind)
        << end.error().detail;
  }
}

TEST_F(FailingDisk, AFullDiskRefusesAllFlightsOfTheBatch) {
  disk->full = true;
  std::promise<void> all;
  std::atomic<int> refused{0};
  for (int i = 0; i < 5; ++i) {
    log->append(kOtherLedger, {"v"}, static_cast<Offset>(i), [&](std::vector<Delivery> answer) {
      EXPECT_FALSE(answer[0].offset);
      if (++refused == 5) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(log->end(kOtherLedger), Offset{0});
}

TEST_F(FailingDisk, AfterOneFailureWhatStandsIsShownByReadingAndIsFinal) {
  disk->sync_fails = true;
  EXPECT_EQ(append("perhaps"), Errc::kUnavailable);
  // The bytes are written but not safe: as long as that is so, nobody may act on them.
  auto end = log->end(kTestLedger);
  EXPECT_EQ(end.value_or(1), 1u);
  disk->sync_fails = false;
  expect_resumed();
  const Texts standing = read_all(*log, kTestLedger);
  EXPECT_EQ(standing.front(), "before");
  EXPECT_EQ(standing.back(), "after too");
  EXPECT_EQ(standing.size() % 2, 1u) << "a flight stands whole or not at all";
  log.reset();
  EXPECT_EQ(read_all(*open_log(options), kTestLedger), standing);
}

TEST_F(FailingDisk, AKeeperLosesAndDoublesNothing) {
  WaitingLog waiting(*log);
  SeededEnv seeded(9, "failing disk");
  const auto founding = seeded.random_id<FoundingId>();
  MiniKeeper keeper(waiting, founding, seeded);
  keeper.follow();
  for (int i = 0; i < 120; ++i) {
    disk->full = i % 7 == 3 || i % 11 == 5;
    disk->sync_fails = i % 5 == 2;
    keeper.demand("c" + std::to_string(i));
    if (keeper.appender.must_follow()) keeper.follow();
    keeper.round();
    keeper.deliver();
  }
  disk->full = false;
  disk->sync_fails = false;
  for (int i = 0; i < 30; ++i) {
    keeper.follow();
    keeper.round();
    keeper.deliver();
  }
  EXPECT_EQ(keeper.prefix().size(), 120u) << "each command once";
  EXPECT_GT(log->counts().reopenings, 10u);
  log.reset();
  auto again = open_log(options);
  Seq seq = 0;
  const LedgerVisitor visitor{
      [&](Seq, Offset, const Hash& hash, std::string_view) -> Result<void> {
        EXPECT_EQ(hash, keeper.prefix()[seq++].hash);
        return {};
      }};
  ASSERT_TRUE(read_ledger(*again, kTestLedger, founding, {}, visitor));
  EXPECT_EQ(seq, 120u);
}

// What waits behind a failed flight must not land after the keeper looked and gave it up.
TEST_F(FailingDisk, RenewingTheWriterRefusesWhatIsQueued) {
  std::promise<void> renewed;
  std::promise<std::vector<Delivery>> first;
  std::promise<std::vector<Delivery>> second;
  log->append(kOtherLedger, {"x"}, 0, [&](std::vector<Delivery> answer) {
    renewed.get_future().wait();
    first.set_value(std::move(answer));
  });
  while (log->counts().batches < 2) std::this_thread::yield();  // "before" and "x" are written
  log->append(kTestLedger, {"queued"}, 1,
              [&](std::vector<Delivery> answer) { second.set_value(std::move(answer)); });
  std::thread renewer([&] { log->renew_writer(kTestLedger); });
  // The renewal marks what is queued before it waits for the hand that is being written.
  std::this_thread::yield();
  renewed.set_value();
  renewer.join();
  const Offset end = *log->end(kTestLedger);
  EXPECT_EQ(first.get_future().get()[0].offset, Offset{0});
  const auto answer = second.get_future().get()[0];
  EXPECT_EQ(end, answer.offset ? 2u : 1u) << "what renewing allowed was written before it returned";
}

}  // namespace
}  // namespace hansa::streams
