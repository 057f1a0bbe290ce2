// Goal: a feed gives out what the city's key vouches for, once it does and not before; nothing
// under a foreign key; and it never goes on with a topic that was made from another ledger.
// Method: share ledgers written entry by entry into an embedded log, with checkpoints that say what
// the test wants; the feed's topic is on a broker of the test's own.
#include "ops/outlet.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/assert.h"
#include "federation/checkpoint.h"
#include "streams/embedded_log.h"
#include "streams/kafka_topics.h"
#include "tests/federation/vouched_tree.h"
#include "tests/streams/log_helpers.h"

namespace hansa::ops {
namespace {

using namespace std::chrono_literals;

const FoundingId kFounding = *FoundingId::from(std::string(16, 'f'));
const std::string kSeed(kSeedBytes, 's');

struct ShareLedger {
  ShareLedger(LedgerId id, uint64_t seed) : ledger(std::move(id)), writer(kFounding, seed) {}

  void write(const v1::Payload& payload) {
    const std::string value = writer.next(payload.SerializeAsString());
    tree.add(value);
    const auto delivered = streams::append_now(*log, ledger, {value}, *log->end(ledger));
    ASSERT_TRUE(delivered.at(0).offset);
  }
  void write_shared(const std::string& name) {
    v1::Payload payload;
    auto& shared = *payload.add_events()->mutable_entries_shared();
    shared.add_events()->mutable_event()->mutable_case_reported()->set_case_(name);
    write(payload);
  }
  void write_checkpoint(Seq size, const std::string& seed = kSeed) {
    v1::Payload payload;
    *payload.add_events()->mutable_checkpoint_signed() =
        federation::sign_checkpoint(seed, tree.head(size));
    write(payload);
  }

  LedgerId ledger;
  streams::TempFolder folder;
  std::shared_ptr<streams::Log> log =
      *streams::EmbeddedLog::open({.folder = folder / "log", .fsync = false});
  streams::EntryWriter writer;
  federation::VouchedTree tree{ledger, kFounding};
};

class FeedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* broker = std::getenv("HANSA_KAFKA");
    HANSA_ASSERT(broker != nullptr, "run by cmake/kafka/broker run");
    options_.bootstrap = broker;
    ASSERT_TRUE(streams::create_topics(options_, {outlet_topic(ledger_)}));
  }

  std::unique_ptr<Outlet> feed(const ShareLedger& share) const {
    Outlet::Plan plan{share.ledger, kFounding, share.log, options_};
    plan.keys = only_key(to_hex(hansa::public_key_of(kSeed)));
    return std::make_unique<Outlet>(std::move(plan));
  }

  // As soon as it holds; a feed that never gets there fails the test by its timeout.
  static void wait_until(const std::function<bool()>& holds) {
    while (!holds()) std::this_thread::sleep_for(5ms);
  }
  static bool waits_for(const Outlet& outlet, Errc code) {
    const auto health = outlet.health();
    return health.waits && health.waits->code == code;
  }

  std::vector<std::string> given() const {
    std::vector<std::string> ids;
    const auto reader = streams::RecordReader::open(options_, outlet_topic(ledger_).topic());
    EXPECT_TRUE(reader);
    EXPECT_TRUE((*reader)->read_all([&](const streams::KafkaRecord& record) {
      ids.push_back(*record.header("ce_id") + " " + record.key);
    }));
    return ids;
  }

  const LedgerId ledger_ = share_ledger("delta", "city-" + streams::fresh_name());
  const std::string first_ = ledger_.text() + "/1/0 c1";
  const std::string second_ = ledger_.text() + "/2/0 c2";
  streams::KafkaOptions options_;
};

TEST_F(FeedTest, GivesOutWhatACheckpointCoversAndNoMore) {
  ShareLedger share(ledger_, 1);
  share.write_shared("c1");
  share.write_shared("c2");
  share.write_checkpoint(1);
  const auto outlet = feed(share);
  wait_until([&] { return outlet->health().given_events > 0; });
  EXPECT_EQ(given(), (std::vector<std::string>{first_}));
  share.write_checkpoint(3);
  wait_until([&] { return outlet->health().given_events > 1; });
  EXPECT_EQ(given(), (std::vector<std::string>{first_, second_}));
}

TEST_F(FeedTest, GivesOutNothingUnderAForeignKey) {
  ShareLedger share(ledger_, 1);
  share.write_shared("c1");
  share.write_checkpoint(1, std::string(kSeedBytes, 'o'));
  const auto outlet = feed(share);
  wait_until([&] { return waits_for(*outlet, Errc::kBadSignature); });
  EXPECT_TRUE(given().empty());
}

TEST_F(FeedTest, RefusesATopicThatWasMadeFromAnotherLedger) {
  ShareLedger share(ledger_, 1);
  share.write_shared("c1");
  share.write_shared("c2");
  share.write_checkpoint(2);
  {
    const auto outlet = feed(share);
    wait_until([&] { return outlet->health().given_events == 2; });
  }
  ShareLedger other(ledger_, 2);
  other.write_shared("c8");
  other.write_shared("c9");
  other.write_shared("c10");
  other.write_checkpoint(3);
  const auto outlet = feed(other);
  wait_until([&] { return waits_for(*outlet, Errc::kChainBroken); });
  EXPECT_EQ(given(), (std::vector<std::string>{first_, second_}));
}

}  // namespace
}  // namespace hansa::ops
