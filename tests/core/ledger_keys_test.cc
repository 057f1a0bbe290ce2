// Goal: one key at most counts for a size; only who has the newest sound key or the recovery key
// changes that; nothing that was taken loses its key but by a compromise. Method: the table in
// core/alliance/README.md, walked for an alliance and for a city; each rule by its code, with
// unchanged rows; random statements, right and wrong, against what must hold after each.
#include "core/alliance/ledger_keys.h"

#include <map>
#include <memory>

#include "core/base/env.h"
#include "tests/core/affiliated_city.h"
#include "tests/core/test_alliance.h"

namespace hansa {
namespace {

std::string seed(int number) { return std::string(sha256("key " + std::to_string(number)).view()); }
const std::string& key(int number) {
  static std::map<int, std::string> made;
  auto& one = made[number];
  if (one.empty()) one = to_hex(public_key_of(seed(number)));
  return one;
}
constexpr int kRecovery = -1;

// Who records statements on the keys of another ledger: an alliance on a city's, or a city on an
// alliance's. Key 0 is known from the start.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void meet() = 0;
  virtual std::string record(const KeyChange& change) = 0;
  virtual std::string record(const KeyEnd& end) = 0;
  virtual KeyRanges keys() = 0;
  virtual std::string newest_key() = 0;
  virtual const Result<Decision>& last() const = 0;
  virtual MapRows& rows() = 0;

  // `signer`: the number of a key, or kRecovery.
  std::string change(int number, Seq from_size, int signer) {
    KeyChange change{key(number), from_size, ""};
    change.signature = to_hex(sign(seed(signer), change_text(ledger(), founding_id(), change)));
    return record(change);
  }
  std::string end(int number, Seq last_good_size, bool compromised, int signer) {
    KeyEnd end{key(number), last_good_size, compromised, ""};
    end.signature = to_hex(sign(seed(signer), end_text(ledger(), founding_id(), end)));
    return record(end);
  }
  void take(Seq entries) { rows().put(kInputTable, ledger().text()).set_seq(entries); }
  std::string founding_id() const { return std::string(32, 'a'); }
  LedgerId ledger() const { return ledger_; }
  // Whose key counts for a size; -2: nobody's.
  int key_at(Seq size) {
    const auto all = keys();
    const auto* one = key_for(all, size);
    for (int number = 0; one != nullptr && number < 200; ++number) {
      if (one->public_key() == key(number)) return number;
    }
    return -2;
  }

 protected:
  explicit Recorder(LedgerId ledger) : ledger_(std::move(ledger)) {}

 private:
  LedgerId ledger_;
};

class RecordingAlliance final : public Recorder {
 public:
  RecordingAlliance() : Recorder(share_ledger("delta", "wuxi")) {}
  void meet() override {
    auto command = admission("wuxi", 'a');
    command.set_public_key(key(0));
    command.set_recovery_key(key(kRecovery));
    ASSERT_EQ(alliance_.send(command), "CityAdmitted");
  }
  std::string record(const KeyChange& change) override {
    auto command = on_city<v1::ChangeCityKey>("wuxi");
    command.set_public_key(change.public_key);
    command.set_from_size(change.from_size);
    command.set_signature(change.signature);
    return alliance_.send(command);
  }
  std::string record(const KeyEnd& end) override {
    auto command = on_city<v1::RevokeCityKey>("wuxi");
    command.set_public_key(end.public_key);
    command.set_last_good_size(end.last_good_size);
    command.set_compromised(end.compromised);
    command.set_signature(end.signature);
    return alliance_.send(command);
  }
  KeyRanges keys() override { return keys_of(*alliance_.rows.find(kMemberTable, "wuxi")); }
  std::string newest_key() override {
    return alliance_.rows.find(kMemberTable, "wuxi")->public_key();
  }
  const Result<Decision>& last() const override { return alliance_.last; }
  MapRows& rows() override { return alliance_.rows; }
  TestAlliance& alliance() { return alliance_; }

 private:
  TestAlliance alliance_;
};

class RecordingCity final : public Recorder {
 public:
  RecordingCity() : Recorder({"alliance", "delta"}) {}
  void meet() override { ASSERT_EQ(city_.send(joins()), "AllianceJoined"); }
  static v1::JoinAlliance joins() {
    auto command = joining("delta");
    command.set_public_key(key(0));
    command.set_recovery_key(key(kRecovery));
    return command;
  }
  std::string record(const KeyChange& change) override {
    auto command = to_alliance<v1::ChangeAllianceKey>("delta");
    command.set_public_key(change.public_key);
    command.set_from_size(change.from_size);
    command.set_signature(change.signature);
    return city_.send(command);
  }
  std::string record(const KeyEnd& end) override {
    auto command = to_alliance<v1::RevokeAllianceKey>("delta");
    command.set_public_key(end.public_key);
    command.set_last_good_size(end.last_good_size);
    command.set_compromised(end.compromised);
    command.set_signature(end.signature);
    return city_.send(command);
  }
  KeyRanges keys() override { return keys_of(*city_.find("delta")); }
  std::string newest_key() override { return city_.find("delta")->public_key(); }
  const Result<Decision>& last() const override { return city_.last; }
  MapRows& rows() override { return city_.rows; }
  AffiliatedCity& city() { return city_; }

 private:
  AffiliatedCity city_;
};

std::unique_ptr<Recorder> recorder_of(const std::string& command) {
  if (command.find("City") != std::string::npos) return std::make_unique<RecordingAlliance>();
  return std::make_unique<RecordingCity>();
}
std::vector<std::unique_ptr<Recorder>> both() {
  std::vector<std::unique_ptr<Recorder>> all;
  all.push_back(std::make_unique<RecordingAlliance>());
  all.push_back(std::make_unique<RecordingCity>());
  for (auto& one : all) one->meet();
  return all;
}

// Leads the newest key to a state; answers its number.
int bring(Recorder& recorder, const std::string& state) {
  if (state == "none") return 0;
  recorder.meet();
  recorder.take(40);
  if (state == "first") return 0;
  EXPECT_TRUE(recorder.change(1, 41, 0).ends_with("KeyChanged"));
  recorder.take(60);
  if (state == "changed") return 1;
  const bool stolen = state == "compromised";
  EXPECT_TRUE(recorder.end(1, stolen ? 50 : 60, stolen, 1).ends_with("KeyRevoked"));
  return 1;
}

TEST(LedgerKeysTable, EveryCellIsWhatTheCodeDoes) {
  const auto table = read_table("core/alliance/README.md", "Key command | none");
  ASSERT_EQ(table.size(), 7U) << "the table in core/alliance/README.md was not found";
  for (size_t row = 1; row < table.size(); ++row) {
    ASSERT_EQ(table[row].size(), table[0].size());
    for (size_t column = 1; column < table[0].size(); ++column) {
      const std::string& command = table[row][0];
      const auto recorder = recorder_of(command);
      const int newest = bring(*recorder, table[0][column]);
      const auto before = recorder->rows().dump();
      const std::string outcome =
          command.starts_with("Change")
              ? recorder->change(2, 61, kRecovery)
              : recorder->end(newest, 60, command.ends_with(", compromised"), kRecovery);
      EXPECT_EQ(outcome, table[row][column]) << command << " where the newest key is "
                                             << table[0][column];
      EXPECT_EQ(recorder->rows().dump() == before, !recorder->last().has_value());
    }
  }
}

// ---- who may say so

TEST(LedgerKeys, AStatementIsSignedByTheNewestSoundKeyOrTheRecoveryKey) {
  struct Case {
    const char* state;
    int signer;
    bool counts;
  };
  for (const auto& [state, signer, counts] : {
           Case{"first", 0, true}, Case{"first", kRecovery, true}, Case{"first", 2, false},
           Case{"changed", 0, false}, Case{"changed", 1, true}, Case{"changed", kRecovery, true},
           Case{"retired", 0, false}, Case{"retired", 1, true}, Case{"retired", kRecovery, true},
           Case{"compromised", 0, true}, Case{"compromised", 1, false},
           Case{"compromised", kRecovery, true}}) {
    for (const char* of : {"City", "Alliance"}) {
      const auto changing = recorder_of(of);
      bring(*changing, state);
      const auto before = changing->rows().dump();
      EXPECT_EQ(changing->change(2, 61, signer) != "bad_signature", counts) << state << signer;
      EXPECT_EQ(changing->rows().dump() != before, counts);
      const auto ending = recorder_of(of);
      bring(*ending, state);
      EXPECT_EQ(ending->end(0, 40, true, signer) != "bad_signature", counts) << state << signer;
    }
  }
}

TEST(LedgerKeys, WhoSignedIsRecorded) {
  RecordingAlliance alliance;
  alliance.meet();
  ASSERT_EQ(alliance.change(1, 2, 0), "CityKeyChanged");
  EXPECT_FALSE(alliance.last()->events[0].city_key_changed().by_recovery_key());
  ASSERT_EQ(alliance.change(2, 3, kRecovery), "CityKeyChanged");
  EXPECT_TRUE(alliance.last()->events[0].city_key_changed().by_recovery_key());
  EXPECT_EQ(alliance.last()->subject_id, "wuxi");
  RecordingCity city;
  city.meet();
  ASSERT_EQ(city.end(0, 1, true, kRecovery), "AllianceKeyRevoked");
  EXPECT_TRUE(city.last()->events[0].alliance_key_revoked().by_recovery_key());
}

TEST(LedgerKeys, ASignatureIsOverEveryPartOfTheStatement) {
  for (const auto& recorder : both()) {
    const KeyChange right{key(1), 41, ""};
    const auto signed_text = [&](const std::string& text) { return to_hex(sign(seed(0), text)); };
    const auto id = recorder->founding_id();
    for (int part = 0; part < 6; ++part) {
      auto other = right;
      if (part == 0) other.public_key = key(2);
      if (part == 1) other.from_size = 42;
      std::string text = change_text(part == 2 ? share_ledger("bay", "wuxi") : recorder->ledger(),
                                     part == 3 ? std::string(32, 'b') : id, other);
      if (part == 4) text = end_text(recorder->ledger(), id, {key(1), 41, false, ""});
      auto statement = right;
      statement.signature = part == 5 ? "" : signed_text(text);
      EXPECT_EQ(recorder->record(statement), "bad_signature") << part;
      EXPECT_EQ(recorder->last().error().pointer, "/signature");
    }
    KeyEnd end{key(0), 40, true, ""};
    end.signature = signed_text(end_text(recorder->ledger(), id, {key(0), 40, false, ""}));
    EXPECT_EQ(recorder->record(end), "bad_signature") << "a retirement is no compromise";
  }
}

TEST(LedgerKeys, TheTextsAreTheseLines) {
  const LedgerId share = share_ledger("delta", "wuxi");
  EXPECT_EQ(change_text(share, "ff", {"aa", 41, ""}),
            "hansa key change 1\nshare/delta/wuxi\nff\n41\naa\n");
  EXPECT_EQ(end_text(share, "ff", {"aa", 40, true, ""}),
            "hansa key end 1\nshare/delta/wuxi\nff\n40\ncompromised\naa\n");
  EXPECT_EQ(end_text(share, "ff", {"aa", 40, false, ""}),
            "hansa key end 1\nshare/delta/wuxi\nff\n40\nretired\naa\n");
}

// ---- which key

TEST(LedgerKeys, AKeyIsUsedOnce) {
  for (const auto& recorder : both()) {
    EXPECT_EQ(recorder->change(0, 41, 0), "already_exists");
    EXPECT_EQ(recorder->change(kRecovery, 41, 0), "already_exists");
    ASSERT_TRUE(recorder->change(1, 41, 0).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->change(0, 50, 1), "already_exists");
    EXPECT_EQ(recorder->change(1, 50, 1), "already_exists");
    EXPECT_EQ(recorder->record(KeyChange{std::string(64, '0'), 50, ""}), "bad_request");
    EXPECT_EQ(recorder->record(KeyChange{"no key", 50, ""}), "bad_request");
    EXPECT_EQ(recorder->record(KeyEnd{"no key", 50, true, ""}), "bad_request");
    EXPECT_EQ(recorder->end(7, 41, true, 1), "wrong_state") << "it never was a key of this ledger";
  }
}

TEST(LedgerKeys, NoTwoMembersHaveTheSame) {
  RecordingAlliance alliance;
  alliance.meet();
  auto other = admission("suzhou", 'b');
  other.set_public_key(key(5));
  other.set_recovery_key(key(6));
  ASSERT_EQ(alliance.alliance().send(other), "CityAdmitted");
  EXPECT_EQ(alliance.change(5, 41, 0), "already_exists");
  EXPECT_EQ(alliance.change(6, 41, 0), "already_exists");
}

TEST(LedgerKeys, HaveALimit) {
  for (const auto& recorder : both()) {
    for (int i = 1; i < kLedgerKeysMax; ++i) {
      ASSERT_TRUE(recorder->change(i, 10 * static_cast<Seq>(i), i - 1).ends_with("KeyChanged"));
    }
    EXPECT_EQ(recorder->change(99, 9'999, kLedgerKeysMax - 1), "limit_reached");
  }
}

// ---- which sizes

TEST(LedgerKeys, AChangeBeginsBehindTheKeyBeforeAndBehindWhatWasTaken) {
  for (const auto& recorder : both()) {
    EXPECT_EQ(recorder->change(1, 1, 0), "wrong_state") << "the first key counts for one at least";
    recorder->take(40);
    EXPECT_EQ(recorder->change(1, 40, 0), "wrong_state");
    ASSERT_TRUE(recorder->change(1, 50, 0).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->newest_key(), key(1));
    EXPECT_EQ(recorder->change(2, 50, 1), "wrong_state");
    ASSERT_TRUE(recorder->change(2, 51, 1).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->key_at(1), 0);
    EXPECT_EQ(recorder->key_at(49), 0);
    EXPECT_EQ(recorder->key_at(50), 1);
    EXPECT_EQ(recorder->key_at(51), 2);
    EXPECT_EQ(recorder->key_at(1'000'000), 2);
  }
}

TEST(LedgerKeys, ARetirementEndsWhatCountsAndTakesNothingBack) {
  for (const auto& recorder : both()) {
    recorder->take(40);
    EXPECT_EQ(recorder->end(0, 39, false, 0), "wrong_state");
    ASSERT_TRUE(recorder->end(0, 45, false, 0).ends_with("KeyRevoked"));
    EXPECT_EQ(recorder->key_at(45), 0);
    EXPECT_EQ(recorder->key_at(46), -2);
    EXPECT_EQ(recorder->change(1, 45, 0), "wrong_state");
    ASSERT_TRUE(recorder->change(1, 50, 0).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->key_at(45), 0);
    EXPECT_EQ(recorder->key_at(46), -2) << "between the two nobody vouches";
    EXPECT_EQ(recorder->end(0, 46, true, kRecovery), "wrong_state") << "it ended at 45";
    EXPECT_EQ(recorder->end(1, 49, false, 1), "wrong_state") << "it would count for nothing";
  }
}

TEST(LedgerKeys, ACompromiseIsRecordedWhateverWasTaken) {
  for (const auto& recorder : both()) {
    recorder->take(60);
    ASSERT_TRUE(recorder->end(0, 40, true, kRecovery).ends_with("KeyRevoked"));
    EXPECT_EQ(recorder->key_at(40), 0);
    EXPECT_EQ(recorder->key_at(41), -2);
    EXPECT_EQ(recorder->change(1, 40, kRecovery), "wrong_state");
    EXPECT_EQ(recorder->change(1, 41, 0), "bad_signature") << "the thief has it, too";
    ASSERT_TRUE(recorder->change(1, 41, kRecovery).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->key_at(41), 1) << "also for what was taken under the stolen one";
    EXPECT_EQ(recorder->end(0, 30, true, kRecovery), "wrong_state") << "it is said already";
  }
}

TEST(LedgerKeys, AKeyMayNeverHaveBeenGood) {
  for (const auto& recorder : both()) {
    ASSERT_TRUE(recorder->end(0, 0, true, kRecovery).ends_with("KeyRevoked"));
    EXPECT_EQ(recorder->key_at(1), -2);
    ASSERT_TRUE(recorder->change(1, 1, kRecovery).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->key_at(1), 1);
  }
}

TEST(LedgerKeys, AreReadByPeopleWithTheirSizes) {
  auto keys = only_key("a");
  EXPECT_EQ(keys_text(keys), "a from size 1");
  apply_change(keys, "b", 5);
  EXPECT_EQ(keys_text(keys), "a for sizes 1 to 4, b from size 5");
  apply_end(keys, "b", 4, true);
  EXPECT_EQ(keys_text(keys), "a for sizes 1 to 4, b for no size (compromised)");
}

// The thief changes the key to one of his own, from a size that is never reached.
TEST(LedgerKeys, TheRecoveryKeyTakesBackWhatAThiefChanged) {
  for (const auto& recorder : both()) {
    const Seq never = Seq{1} << 63;
    recorder->take(40);
    ASSERT_TRUE(recorder->change(7, never, 0).ends_with("KeyChanged"));
    ASSERT_TRUE(recorder->end(7, never - 1, true, kRecovery).ends_with("KeyRevoked"));
    ASSERT_TRUE(recorder->end(0, 40, true, kRecovery).ends_with("KeyRevoked"));
    ASSERT_TRUE(recorder->change(1, 41, kRecovery).ends_with("KeyChanged"));
    EXPECT_EQ(recorder->key_at(40), 0);
    EXPECT_EQ(recorder->key_at(41), 1);
    EXPECT_EQ(recorder->key_at(never), 1);
  }
}

// ---- joining again

TEST(LedgerKeys, WhoJoinsAgainByAKnownKeyKnowsTheOthersStill) {
  RecordingCity recorder;
  recorder.meet();
  ASSERT_EQ(recorder.change(1, 41, 0), "AllianceKeyChanged");
  ASSERT_EQ(recorder.city().send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  EXPECT_EQ(recorder.change(2, 50, 1), "unknown_alliance");
  ASSERT_EQ(recorder.city().send(RecordingCity::joins()), "AllianceJoined");
  EXPECT_EQ(recorder.key_at(40), 0);
  EXPECT_EQ(recorder.key_at(41), 1);
  ASSERT_EQ(recorder.city().send(to_alliance<v1::LeaveAlliance>("delta")), "AllianceLeft");
  auto other = RecordingCity::joins();
  other.set_public_key(key(9));
  ASSERT_EQ(recorder.city().send(other), "AllianceJoined");
  EXPECT_EQ(recorder.key_at(1), 9) << "somebody compared the fingerprint of this one";
  EXPECT_EQ(recorder.keys().size(), 1);
}

TEST(LedgerKeys, TheShareLedgerTellsOfThem) {
  RecordingCity recorder;
  recorder.meet();
  ASSERT_EQ(recorder.change(1, 41, 0), "AllianceKeyChanged");
  ASSERT_EQ(recorder.end(0, 30, true, kRecovery), "AllianceKeyRevoked");
  ShareLedger share;
  ASSERT_EQ(share.relay_all(recorder.city()), "EntriesShared");
  EXPECT_EQ(share.shared().events_size(), 3);
  const auto* row = share.rows.find(kAffiliationTable, "delta");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->SerializeAsString(), recorder.city().find("delta")->SerializeAsString());
}

TEST(LedgerKeys, TheAllianceMakesNothingOfACitysWordOnItsOwnKey) {
  TestAlliance alliance;
  ASSERT_EQ(alliance.send(admission("wuxi", 'a')), "CityAdmitted");
  v1::TakeShared words;
  words.set_city("wuxi");
  words.add_acts()->mutable_event()->mutable_alliance_key_changed()->set_alliance("delta");
  words.add_acts()->mutable_event()->mutable_alliance_key_revoked()->set_alliance("delta");
  EXPECT_EQ(alliance.send(words), "nothing");
}

// ---- random statements

class Draw {
 public:
  explicit Draw(uint64_t seed) : env_(seed, "ledger keys") {}
  int below(int end) {
    uint16_t number = 0;
    env_.random(reinterpret_cast<uint8_t*>(&number), sizeof(number));
    return number % end;
  }

 private:
  SeededEnv env_;
};

// What must hold behind a statement that was taken.
void expect_sound(Recorder& recorder, const std::vector<int>& before, Seq taken,
                  bool is_compromise) {
  const auto keys = recorder.keys();
  bool ends_in_theft = false;
  for (Seq size = 1; size < before.size(); ++size) {
    int counting = 0;
    for (const auto& one : keys) counting += counts_for(one, size) ? 1 : 0;
    EXPECT_LE(counting, 1) << size << ": " << keys_text(keys);
    ends_in_theft = ends_in_theft || before[size] < 0;
    if (size > taken || is_compromise || ends_in_theft) continue;
    EXPECT_EQ(recorder.key_at(size), before[size]) << size << ": " << keys_text(keys);
  }
}

TEST(LedgerKeysSequences, OneKeyAtMostCountsAndNothingTakenIsTakenBackButByACompromise) {
  int taken_statements = 0;
  for (uint64_t run = 0; run < 40; ++run) {
    const auto recorder = recorder_of(run % 2 == 0 ? "City" : "Alliance");
    recorder->meet();
    Draw draw(run);
    Seq taken = 0;
    int next_key = 1;
    for (int step = 0; step < 30; ++step) {
      recorder->take(taken += static_cast<Seq>(draw.below(4)));
      std::vector<int> before;
      for (Seq size = 0; size < 150; ++size) before.push_back(recorder->key_at(size));
      const auto rows = recorder->rows().dump();
      const int signer = draw.below(3) == 0 ? draw.below(next_key) : kRecovery;
      const Seq size = static_cast<Seq>(draw.below(static_cast<int>(taken) + 12));
      const bool changes = draw.below(2) == 0;
      const bool compromised = draw.below(3) == 0;
      const std::string outcome =
          changes ? recorder->change(draw.below(4) == 0 ? draw.below(next_key) : next_key++, size,
                                     signer)
                  : recorder->end(draw.below(next_key), size, compromised, signer);
      if (!recorder->last()) {
        EXPECT_EQ(recorder->rows().dump(), rows);
        continue;
      }
      ++taken_statements;
      EXPECT_EQ(recorder->last()->events.size(), 1U) << outcome;
      expect_sound(*recorder, before, taken, !changes && compromised);
    }
  }
  EXPECT_GT(taken_statements, 100);
}

}  // namespace
}  // namespace hansa
