// Goal: what a refused record said can be read for thirty days by those who may, by nobody after
// that, and the place it took is free again. Method: the letters of one city on a real broker, with
// a clock that the test sets.
#include "ops/dead_letters.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/assert.h"
#include "core/base/durations.h"
#include "ops/system_env.h"
#include "streams/kafka_topics.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::ops {
namespace {

using projections::testing::ScratchFolder;

constexpr int kAttemptsMax = 600;  // each asks a broker
constexpr const char* kSource = "hansa.inbox.city.suzhou.hotline-system";

class ShiftedEnv final : public Env {
 public:
  int64_t now_us() override { return system_.now_us() + ahead_us; }
  void random(uint8_t* out, size_t length) override { system_.random(out, length); }

  int64_t ahead_us = 0;

 private:
  SystemEnv system_;
};

class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* broker = std::getenv("HANSA_KAFKA");
    HANSA_ASSERT(broker != nullptr, "run by cmake/kafka/broker run");
    options_.bootstrap = broker;
    // A ledger of its own for every test.
    ledger_.id = "city-" + std::to_string(env_.now_us());
    const std::vector<streams::Topic> topics = {
        {dead_topic(ledger_), streams::TopicUse::kDead, 0}};
    ASSERT_TRUE(streams::create_topics(options_, topics));
    auto keyring = projections::Keyring::open(folder_.path("keyring"), ledger_.id,
                                              std::string(32, 'm'), env_, false);
    ASSERT_TRUE(keyring) << keyring.error().detail;
    keyring_ = *std::move(keyring);
    open();
  }

  // A topic that was made a moment ago is not known everywhere yet: asked again, as a node does.
  void open() {
    letters_.reset();
    auto opened = DeadLetters::open(options_, ledger_, *keyring_, env_);
    for (int attempt = 0; !opened && attempt < kAttemptsMax; ++attempt) {
      opened = DeadLetters::open(options_, ledger_, *keyring_, env_);
    }
    ASSERT_TRUE(opened) << opened.error().detail;
    letters_ = *std::move(opened);
  }

  // One more refused record.
  std::string put(Offset offset) {
    streams::KafkaRecord record;
    record.offset = offset;
    record.value = "what record " + std::to_string(offset) + " said";
    const Error reason{Errc::kBadRequest, "not like this", "/data"};
    EXPECT_TRUE(letters_->put(kSource, record, "", reason, false));
    return "hotline-system-" + std::to_string(offset);
  }

  std::string read(const std::string& id) {
    const auto letter = letters_->find(id);
    if (!letter) return "no such letter";
    const auto opened = letters_->open_letter(*letter);
    return opened ? opened->value : std::string(error_info(opened.error().code).name);
  }

  ScratchFolder folder_;
  ShiftedEnv env_;
  streams::KafkaOptions options_;
  LedgerId ledger_{"city", ""};
  std::unique_ptr<projections::Keyring> keyring_;
  std::unique_ptr<DeadLetters> letters_;
};

TEST_F(DeadLettersTest, ALetterIsReadForThirtyDaysAndByNobodyAfterwards) {
  const auto id = put(3);
  const auto kept = *letters_->find(id);
  EXPECT_EQ(read(id), "what record 3 said");
  env_.ahead_us += 30 * kDayUs;
  letters_->forget_old_days();
  EXPECT_EQ(read(id), "what record 3 said");
  env_.ahead_us += kDayUs;
  letters_->forget_old_days();
  EXPECT_EQ(read(id), "no such letter");
  const auto opened = letters_->open_letter(kept);
  ASSERT_FALSE(opened) << "whoever kept a copy of the record can read it";
  EXPECT_EQ(opened.error().code, Errc::kPersonErased);
}

TEST_F(DeadLettersTest, ThePlaceOfAnOldLetterIsFreeAndNewOnesAreKept) {
  const auto old = put(1);
  env_.ahead_us += 10 * kDayUs;
  const auto young = put(2);
  env_.ahead_us += 21 * kDayUs;
  letters_->forget_old_days();
  EXPECT_EQ(letters_->list().size(), 1U);
  EXPECT_EQ(read(young), "what record 2 said");
  const auto today = put(4);
  open();
  EXPECT_EQ(letters_->list().size(), 2U);
  EXPECT_EQ(read(old), "no such letter");
  EXPECT_EQ(read(today), "what record 4 said");
}

}  // namespace
}  // namespace hansa::ops
