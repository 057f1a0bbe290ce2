// Goal: a personal text opens for its person, place and key and for nothing else, an erased person
// is gone for good, and no crash or damage of the file goes unnoticed or loses an acknowledged key.
// Method: a keyring in a folder of its own with seeded keys; reopened, cut, flipped byte by byte.
#include "projections/keyring.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <thread>

namespace hansa::projections {
namespace {

constexpr std::string_view kPhone = "+86 512 6522 3344";
constexpr std::string_view kPhoneDigits = "+8651265223344";
constexpr size_t kSlotBytes = 256;

PersonId person(uint8_t number) {
  PersonId id;
  id.bytes.fill(number);
  return id;
}

// Random bytes as SeededEnv gives them, remembered, so that a test can look for them in the file.
class RememberingEnv : public Env {
 public:
  int64_t now_us() override { return 0; }
  void random(uint8_t* out, size_t length) override {
    seeded_.random(out, length);
    given.emplace_back(reinterpret_cast<char*>(out), length);
  }
  std::vector<std::string> given;

 private:
  SeededEnv seeded_{1, "keyring"};
};

class KeyringTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "hansa-test-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override {
    keyring_.reset();
    std::filesystem::remove_all(folder_);
  }
  Result<void> try_open(const std::string& city = "wuxi") {
    keyring_.reset();
    auto opened = Keyring::open(folder_, city, master_, env_, true);
    if (!opened) return fail(std::move(opened).error());
    keyring_ = std::move(*opened);
    return {};
  }
  void open() {
    const auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().detail;
  }
  Result<void> flush() {
    auto done = std::make_shared<std::promise<Result<void>>>();
    auto answer = done->get_future();
    keyring_->flush([done](Result<void> result) { done->set_value(std::move(result)); });
    return answer.get();
  }
  void add(uint8_t number, std::string_view phone = "", std::string_view email = "") {
    ASSERT_TRUE(keyring_->add(person(number), phone, email));
    ASSERT_TRUE(flush());
  }
  std::string path() const { return folder_ + "/wuxi.keys"; }
  std::string file_bytes() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write_file(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes;
  }
  static SealContext context(uint8_t number = 1) {
    return {person(number), "CaseReported", "hansa.v1.Contact.phone"};
  }

  std::string folder_;
  std::string master_ = std::string(32, 'm');
  RememberingEnv env_;
  std::unique_ptr<Keyring> keyring_;
};

Errc code_of(const Result<std::string>& result) {
  return result ? Errc::kInternal : result.error().code;
}

TEST_F(KeyringTest, SealedTextOpensAlsoAfterReopening) {
  open();
  add(1);
  std::map<std::string, std::string> sealed;
  for (const size_t length : {0, 1, 63, 64, 65, 4000}) {
    const std::string text(length, 'x');
    sealed[text] = *keyring_->seal(context(), text);
    EXPECT_TRUE(sealed[text].starts_with(kSealedPrefix));
  }
  open();
  for (const auto& [text, cipher] : sealed) {
    EXPECT_EQ(keyring_->unseal(context(), cipher).value_or("refused"), text);
  }
}

TEST_F(KeyringTest, SealedTextIsBoundToCityPersonEventAndField) {
  open();
  add(1);
  add(2);
  const auto sealed = *keyring_->seal(context(), kPhone);
  const auto refused = [&](const SealContext& other) {
    return code_of(keyring_->unseal(other, sealed)) == Errc::kBadFile;
  };
  EXPECT_TRUE(refused(context(2)));
  EXPECT_TRUE(refused({person(1), "PersonChanged", "hansa.v1.Contact.phone"}));
  EXPECT_TRUE(refused({person(1), "CaseReported", "hansa.v1.Contact.email"}));
  // The border between two parts is bound too.
  EXPECT_TRUE(refused({person(1), "CaseReportedh", "ansa.v1.Contact.phone"}));
  EXPECT_EQ(code_of(keyring_->unseal(context(3), sealed)), Errc::kUnknownPerson);
}

// Two persons with one key, which chance never makes: only the bound person tells them apart.
TEST_F(KeyringTest, SealedTextOfAnotherPersonDoesNotOpenEvenUnderTheSameKey) {
  class SameBytesEnv : public Env {
    int64_t now_us() override { return 0; }
    void random(uint8_t* out, size_t length) override { std::memset(out, 7, length); }
  } same;
  const auto keyring = *Keyring::open(folder_, "wuxi", master_, same, true);
  ASSERT_TRUE(keyring->add(person(1), "", ""));
  ASSERT_TRUE(keyring->add(person(2), "", ""));
  const auto sealed = *keyring->seal(context(1), kPhone);
  EXPECT_EQ(keyring->unseal(context(1), sealed).value_or("refused"), kPhone);
  EXPECT_EQ(code_of(keyring->unseal(context(2), sealed)), Errc::kBadFile);
}

TEST_F(KeyringTest, SealedTextOfAnotherCityDoesNotOpenUnderTheSameKey) {
  // Both cities draw the same person key, so only the bound city can tell them apart.
  SeededEnv one(7, "city");
  SeededEnv other(7, "city");
  auto wuxi = Keyring::open(folder_, "wuxi", master_, one, true);
  auto suzhou = Keyring::open(folder_, "suzhou", master_, other, true);
  ASSERT_TRUE((*wuxi)->add(person(1), "", ""));
  ASSERT_TRUE((*suzhou)->add(person(1), "", ""));
  const auto sealed = *(*wuxi)->seal(context(), kPhone);
  EXPECT_EQ((*wuxi)->unseal(context(), sealed).value_or("refused"), kPhone);
  EXPECT_EQ(code_of((*suzhou)->unseal(context(), sealed)), Errc::kBadFile);
}

TEST_F(KeyringTest, EveryChangedCharacterOfASealedTextIsNoticed) {
  open();
  add(1);
  const auto sealed = *keyring_->seal(context(), kPhone);
  for (size_t at = 0; at < sealed.size(); ++at) {
    auto changed = sealed;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(code_of(keyring_->unseal(context(), changed)), Errc::kBadFile) << at;
    EXPECT_EQ(code_of(keyring_->unseal(context(), sealed.substr(0, at))), Errc::kBadFile) << at;
  }
}

TEST_F(KeyringTest, PaddingHidesTheLengthWithinABlock) {
  open();
  add(1);
  std::set<size_t> lengths;
  for (size_t length = 0; length < 64; ++length) {
    lengths.insert(keyring_->seal(context(), std::string(length, 'x'))->size());
  }
  EXPECT_EQ(lengths.size(), 1u);
  EXPECT_GT(keyring_->seal(context(), std::string(64, 'x'))->size(), *lengths.begin());
}

TEST_F(KeyringTest, SameTextTwiceIsSealedDifferently) {
  open();
  add(1);
  EXPECT_NE(*keyring_->seal(context(), kPhone), *keyring_->seal(context(), kPhone));
}

TEST_F(KeyringTest, FindsBySpellingsOfOneNumberAndAddress) {
  open();
  add(1, kPhone, "Li.Wei@Example.CN");
  EXPECT_EQ(keyring_->find("+8651265223344", ""), std::vector{person(1)});
  EXPECT_EQ(keyring_->find("(+86) 512-6522-3344", ""), std::vector{person(1)});
  EXPECT_EQ(keyring_->find("", " li.wei@example.cn "), std::vector{person(1)});
  EXPECT_TRUE(keyring_->find("8651265223344", "").empty());
  EXPECT_TRUE(keyring_->find("li.wei@example.cn", "").empty());
  EXPECT_TRUE(keyring_->find("", "").empty());
  EXPECT_TRUE(keyring_->find("+", "  ").empty());
}

TEST_F(KeyringTest, PersonIsFoundByEveryNumberTheyEverGaveAlsoAfterReopening) {
  open();
  add(1, "111", "");
  add(1, "222", "a@b.cn");
  add(1, "111", "");
  add(2, "222", "");
  const auto sealed = *keyring_->seal(context(), kPhone);
  open();
  EXPECT_EQ(keyring_->find("111", ""), std::vector{person(1)});
  EXPECT_EQ(keyring_->find("222", ""), (std::vector{person(1), person(2)}));
  EXPECT_EQ(keyring_->find("", "a@b.cn"), std::vector{person(1)});
  EXPECT_EQ(keyring_->unseal(context(), sealed).value_or("refused"), kPhone);
  // The repeated number took no slot.
  EXPECT_EQ(file_bytes().size(), 4 * kSlotBytes);
}

TEST_F(KeyringTest, ErasedPersonStaysErasedAlsoAfterReopening) {
  open();
  add(1, kPhone, "a@b.cn");
  add(1, "222", "");
  add(2, kPhone, "");
  const auto sealed = *keyring_->seal(context(), kPhone);
  ASSERT_TRUE(keyring_->erase(person(1)));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(code_of(keyring_->unseal(context(), sealed)), Errc::kPersonErased);
    EXPECT_EQ(code_of(keyring_->seal(context(), kPhone)), Errc::kPersonErased);
    EXPECT_FALSE(keyring_->knows(person(1)));
    EXPECT_TRUE(keyring_->knows(person(2)));
    EXPECT_EQ(keyring_->find(kPhone, "a@b.cn"), std::vector{person(2)});
    EXPECT_TRUE(keyring_->find("222", "").empty());
    const auto added = keyring_->add(person(1), kPhone, "");
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, Errc::kPersonErased);
    EXPECT_TRUE(keyring_->erase(person(1)));
    open();
  }
}

TEST_F(KeyringTest, ErasingAPersonWhoseKeyIsNotYetOnDiskLeavesNothing) {
  open();
  ASSERT_TRUE(keyring_->add(person(1), kPhone, ""));
  ASSERT_TRUE(keyring_->erase(person(1)));
  ASSERT_TRUE(keyring_->erase(person(9)));
  open();
  EXPECT_FALSE(keyring_->add(person(1), kPhone, ""));
  EXPECT_FALSE(keyring_->add(person(9), kPhone, ""));
  EXPECT_TRUE(keyring_->find(kPhone, "").empty());
}

TEST_F(KeyringTest, FileHoldsNeitherKeyNorNumberAndErasureRemovesTheSlotsBytes) {
  open();
  add(1, kPhone, "li@example.cn");
  const auto before = file_bytes();
  for (const auto& secret : {std::string(kPhone), std::string(kPhoneDigits),
                             std::string("li@example.cn"), master_, env_.given.at(0)}) {
    ASSERT_GE(secret.size(), 13u);
    EXPECT_EQ(before.find(secret), std::string::npos);
  }
  ASSERT_EQ(env_.given.at(0).size(), 32u);
  const auto nonce = env_.given.at(1);
  EXPECT_NE(before.find(nonce), std::string::npos);
  const auto wrapped = before.substr(kSlotBytes + 56, 48);
  const auto finders = before.substr(kSlotBytes + 104, 32);
  ASSERT_TRUE(keyring_->erase(person(1)));
  const auto after = file_bytes();
  EXPECT_EQ(after.size(), before.size());
  for (const auto& gone : {nonce, wrapped, finders.substr(0, 16), finders.substr(16)}) {
    EXPECT_EQ(after.find(gone), std::string::npos);
  }
  EXPECT_EQ(after.substr(kSlotBytes + 32, 192), std::string(192, '\0'));
}

TEST_F(KeyringTest, ErasureThatACrashCutShortIsFinishedAtOpening) {
  open();
  add(1, "111", "");
  add(1, "222", "");
  const auto before = file_bytes();
  ASSERT_TRUE(keyring_->erase(person(1)));
  keyring_.reset();
  auto half = file_bytes();
  half.replace(2 * kSlotBytes, kSlotBytes, before.substr(2 * kSlotBytes, kSlotBytes));
  write_file(half);
  open();
  EXPECT_TRUE(keyring_->find("222", "").empty());
  EXPECT_FALSE(keyring_->knows(person(1)));
  EXPECT_EQ(file_bytes().substr(2 * kSlotBytes + 32, 192), std::string(192, '\0'));
}

TEST_F(KeyringTest, TornTailIsTheTraceOfACrashAndDoesNotHurt) {
  open();
  add(1, "111", "");
  add(2, "222", "");
  keyring_.reset();
  const auto whole = file_bytes();
  // As a crash leaves it: the last slot was being written, the header knows of the first only.
  std::string one_durable;
  {
    std::filesystem::remove(path());
    env_ = RememberingEnv();
    open();
    add(1, "111", "");
    keyring_.reset();
    one_durable = file_bytes();
  }
  for (const size_t kept : {1, 100, 255}) {
    write_file(one_durable + whole.substr(2 * kSlotBytes, kept));
    open();
    EXPECT_TRUE(keyring_->knows(person(1)));
    EXPECT_FALSE(keyring_->knows(person(2)));
    add(3, "333", "");
    open();
    EXPECT_EQ(keyring_->find("333", ""), std::vector{person(3)});
  }
}

TEST_F(KeyringTest, NumberOfAPersonWhoseKeyWasTornByACrashFindsNobody) {
  open();
  add(1, "111", "");
  keyring_.reset();
  const auto one_durable = file_bytes();
  open();
  ASSERT_TRUE(keyring_->add(person(2), "222", ""));
  ASSERT_TRUE(keyring_->add(person(2), "2222", ""));
  keyring_.reset();
  write_file(one_durable + std::string(kSlotBytes, 'n') + file_bytes().substr(3 * kSlotBytes));
  for (int round = 0; round < 2; ++round) {
    open();
    EXPECT_TRUE(keyring_->find("2222", "").empty());
    EXPECT_FALSE(keyring_->knows(person(2)));
  }
  // No later erasure would know of the number's trace, so it goes at once.
  EXPECT_EQ(file_bytes().substr(3 * kSlotBytes, 224), std::string(224, '\0'));
  add(2, "333", "");
  open();
  EXPECT_EQ(keyring_->find("333", ""), std::vector{person(2)});
  EXPECT_TRUE(keyring_->find("2222", "").empty());
}

TEST_F(KeyringTest, SlotsThatChangedPlacesAreNoticed) {
  open();
  add(1, "111", "");
  add(2, "222", "");
  keyring_.reset();
  const auto whole = file_bytes();
  write_file(whole.substr(0, kSlotBytes) + whole.substr(2 * kSlotBytes) +
             whole.substr(kSlotBytes, kSlotBytes));
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kBadFile);
}

TEST_F(KeyringTest, EveryFlippedByteOfADurableSlotIsNamed) {
  open();
  add(1, "111", "");
  add(2, "222", "");
  keyring_.reset();
  const auto whole = file_bytes();
  for (size_t at = 0; at < whole.size(); at += 5) {
    auto changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    write_file(changed);
    const auto opened = try_open();
    ASSERT_FALSE(opened) << at;
    EXPECT_EQ(opened.error().code, Errc::kBadFile);
    if (at < kSlotBytes) continue;
    const auto slot = "slot " + std::to_string(at / kSlotBytes - 1);
    EXPECT_NE(opened.error().detail.find(slot), std::string::npos) << opened.error().detail;
  }
  write_file(whole.substr(0, 2 * kSlotBytes));
  EXPECT_FALSE(try_open());
  write_file("");
  EXPECT_FALSE(try_open());
}

TEST_F(KeyringTest, ForeignMasterKeyAndSecondOpenerAreRefused) {
  open();
  add(1);
  auto second = Keyring::open(folder_, "wuxi", master_, env_, true);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kDataInUse);
  master_ = std::string(32, 'n');
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kBadFile);
  EXPECT_NE(opened.error().detail.find("master key"), std::string::npos);
}

TEST_F(KeyringTest, FlushWithNothingPendingAnswersAtOnce) {
  open();
  bool called = false;
  keyring_->flush([&](Result<void> result) { called = result.has_value(); });
  EXPECT_TRUE(called);
}

TEST_F(KeyringTest, FullDiskIsUnavailableAndWorkResumesWithNothingLost) {
  open();
  add(1, "111", "");
  // A limit on the size of files makes writes fail as a full disk does.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit full{2 * kSlotBytes + 100, old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  ASSERT_TRUE(keyring_->add(person(2), "222", ""));
  const auto refused = flush();
  ASSERT_TRUE(keyring_->add(person(3), "333", ""));
  const auto refused_again = flush();
  EXPECT_TRUE(keyring_->is_failing());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  EXPECT_FALSE(refused_again);
  EXPECT_TRUE(flush());
  EXPECT_FALSE(keyring_->is_failing());
  open();
  EXPECT_EQ(keyring_->find("222", ""), std::vector{person(2)});
  EXPECT_EQ(keyring_->find("333", ""), std::vector{person(3)});
}

TEST_F(KeyringTest, ManyCallersAtOnceLoseNothing) {
  open();
  constexpr int kThreads = 4;
  constexpr int kPersonsEach = 50;
  std::atomic<int> durable = 0;
  std::atomic<int> wrong = 0;
  const auto id_of = [](int thread, int number) {
    PersonId id;
    id.bytes[0] = static_cast<uint8_t>(thread + 1);
    id.bytes[1] = static_cast<uint8_t>(number);
    return id;
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = 0; number < kPersonsEach; ++number) {
        const auto id = id_of(thread, number);
        const auto phone = std::to_string(1000 * (thread + 1) + number);
        if (!keyring_->add(id, phone, "")) ++wrong;
        if (flush()) ++durable;
        const SealContext here{id, "CaseReported", "field"};
        const auto sealed = keyring_->seal(here, phone);
        if (!sealed || keyring_->unseal(here, *sealed).value_or("") != phone) ++wrong;
        if (number % 10 == 0 && !keyring_->erase(id)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(durable, kThreads * kPersonsEach);
  open();
  for (int thread = 0; thread < kThreads; ++thread) {
    for (int number = 0; number < kPersonsEach; ++number) {
      EXPECT_EQ(keyring_->knows(id_of(thread, number)), number % 10 != 0);
    }
  }
}

TEST_F(KeyringTest, SameSeedGivesTheSameFileAndTexts) {
  std::string first_file;
  std::string first_sealed;
  for (int run = 0; run < 2; ++run) {
    std::filesystem::remove(path());
    SeededEnv env(3, "same");
    auto keyring = *Keyring::open(folder_, "wuxi", master_, env, false);
    ASSERT_TRUE(keyring->add(person(1), kPhone, ""));
    const auto sealed = *keyring->seal(context(), kPhone);
    keyring.reset();
    if (run == 0) {
      first_file = file_bytes();
      first_sealed = sealed;
    }
    EXPECT_EQ(file_bytes(), first_file);
    EXPECT_EQ(sealed, first_sealed);
  }
}

}  // namespace
}  // namespace hansa::projections
