// Goal:   what tests of real processes write down is held against the ledger as simulated cities
//         are, and what cannot be read is said to be so, never taken for a sound history.
// Method: a ledger of two entries as a file, with histories that are sound but for one thing.
#include "tests/sim/evidence_file.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/base/base64.h"
#include "core/base/hash.h"
#include "tests/streams/log_helpers.h"

namespace hansa::sim {
namespace {

constexpr int64_t kStartUs = 1'735'689'600'000'000;

class EvidenceFileTest : public ::testing::Test {
 protected:
  EvidenceFileTest() {
    ledger_ = to_hex(founding_id_) + "\n";
    for (uint8_t number : {1, 2}) {
      v1::Payload payload;
      payload.set_time_us(kStartUs);
      payload.mutable_cause()->set_kind(v1::CauseKind::command);
      payload.mutable_cause()->set_command_id(std::string(id(number).view()));
      payload.mutable_cause()->set_method("FileCase");
      const auto value = writer_.next(payload.SerializeAsString());
      hashes_.push_back(to_hex(sha256(value)));
      ledger_ += to_base64(value) + "\n";
    }
  }

  static CommandId id(uint8_t number) { return make_uuid_v7(kStartUs / 1000, {number}); }

  std::string asked(uint8_t number, const std::string& attempt) const {
    return R"({"client":1,"id":")" + uuid_text(id(number)) + R"(","attempts":[)" + attempt + "]}\n";
  }

  // Told that it stands at `seq`, from one moment to another.
  std::string told(Seq seq, int invoked_us, int completed_us) const {
    return R"({"node":0,"invoked_us":)" + std::to_string(invoked_us) + R"(,"completed_us":)" +
           std::to_string(completed_us) + R"(,"outcome":"ok","seq":)" + std::to_string(seq) +
           R"(,"entry_sha256":")" + hashes_[seq - 1] + R"("})";
  }

  Result<Evidence> read(const std::string& history) const {
    std::istringstream history_file(history);
    std::istringstream ledger_file(ledger_);
    return read_evidence(history_file, ledger_file);
  }

  // The names of what is found, in order.
  std::vector<std::string> found(const std::string& history) const {
    const auto evidence = read(history);
    EXPECT_TRUE(evidence) << evidence.error().detail;
    std::vector<std::string> names;
    if (!evidence) return names;
    for (const auto& finding : check(*evidence)) names.push_back(finding.name);
    return names;
  }
  using Names = std::vector<std::string>;

  const FoundingId founding_id_ = *FoundingId::from(std::string(16, 'f'));
  streams::EntryWriter writer_{founding_id_, 1};
  std::vector<std::string> hashes_;
  std::string ledger_;
};

TEST_F(EvidenceFileTest, NothingIsFoundWhereAllIsAsItWasTold) {
  EXPECT_EQ(found(asked(1, told(1, 1, 2)) + asked(2, told(2, 3, 4))), Names{});
}

TEST_F(EvidenceFileTest, WhatWasToldAndDoesNotStandIsLost) {
  const auto elsewhere = asked(3, told(2, 5, 6));
  EXPECT_EQ(found(asked(1, told(1, 1, 2)) + asked(2, told(2, 3, 4)) + elsewhere), Names{"lost"});
}

TEST_F(EvidenceFileTest, WhatWasToldFirstAndStandsBehindIsOutOfOrder) {
  EXPECT_EQ(found(asked(1, told(1, 5, 6)) + asked(2, told(2, 1, 2))), Names{"order"});
}

TEST_F(EvidenceFileTest, WhatNobodyAskedForIsAPhantomUnlessOthersMadeIt) {
  const auto one = asked(1, told(1, 1, 2));
  EXPECT_EQ(found(one), Names{"phantom"});
  EXPECT_EQ(found(one + R"({"others":{"entry_sha256":")" + hashes_[1] + "\"}}\n"), Names{});
  EXPECT_EQ(found(asked(2, told(2, 1, 2)) + "{\"others\":{\"until_seq\":1}}\n"), Names{});
}

TEST_F(EvidenceFileTest, WhoWasOnlyRefusedHasNoEntry) {
  const auto refused = R"({"node":0,"invoked_us":3,"completed_us":4,"outcome":"refused",)"
                       R"("code":"wrong_state","seq":1})";
  EXPECT_EQ(found(asked(1, told(1, 1, 2)) + asked(2, refused)), Names{"effect_of_refusal"});
}

TEST_F(EvidenceFileTest, ASecretInTheLedgerIsFound) {
  const auto sound = asked(1, told(1, 1, 2)) + asked(2, told(2, 3, 4));
  EXPECT_EQ(found(sound + "{\"secret\":\"FileC\"}\n"), (Names{"clear_text", "clear_text"}));
}

TEST_F(EvidenceFileTest, ADigestThatIsNotTheFoldsIsFound) {
  const auto sound = asked(1, told(1, 1, 2)) + asked(2, told(2, 3, 4));
  const auto shown = R"({"shown":{"node":0,"seq":2,"tip_sha256":")" + hashes_[1] +
                     R"(","digest":")" + std::string(64, '1') + "\"}}\n";
  EXPECT_EQ(found(sound + shown), Names{"projection_differs"});
}

TEST_F(EvidenceFileTest, WhatCannotBeReadIsNoSoundHistory) {
  for (const std::string line : {"", "{", "[]", "{\"id\":\"1\"}", "{\"shown\":{}}",
                                 "{\"others\":{\"entry_sha256\":\"ff\"}}"}) {
    const auto evidence = read(asked(1, told(1, 1, 2)) + line + "\n");
    ASSERT_FALSE(evidence) << line;
    EXPECT_EQ(evidence.error().code, Errc::kBadFile);
    EXPECT_NE(evidence.error().detail.find("line 2 of the history"), std::string::npos);
  }
  EXPECT_FALSE(read(asked(1, R"({"outcome":"fine"})")));
  ledger_ += "no base64\n";
  EXPECT_NE(read("").error().detail.find("line 4 of the ledger"), std::string::npos);
}

}  // namespace
}  // namespace hansa::sim
