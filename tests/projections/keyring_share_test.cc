// Goal: nodes that share a keyring read each other's texts, also those sealed under keys made at
// once; what one erases is gone everywhere, whoever comes later; nothing counts as durable that
// others may never see. Method: keyrings of one city on a share in memory, which can be away.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>

#include "projections/keyring.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::kStartUs;
using testing::ScratchFolder;

const PersonId kAnn = *PersonId::from(std::string(16, 'a'));
const SealContext kPhone{kAnn, "CaseReported", "hansa.v1.Contact.phone"};

// As a compacted topic: a log of changes, and the newest of every name.
class MemoryShare final : public KeyringShare {
 public:
  // Called on the writing threads of several keyrings.
  Result<void> publish(const std::vector<SharedSlot>& changes) override {
    const std::lock_guard lock(mutex);
    if (away) return fail(Errc::kUnavailable, "the share is away");
    for (const auto& change : changes) {
      log.push_back(change);
      if (change.value) {
        newest[change.name] = *change.value;
      } else {
        newest.erase(change.name);
      }
    }
    return {};
  }
  std::vector<SharedSlot> all() const {
    const std::lock_guard lock(mutex);
    std::vector<SharedSlot> slots;
    for (const auto& [name, value] : newest) slots.push_back({name, value});
    return slots;
  }

  std::vector<SharedSlot> since(size_t seen) const {
    const std::lock_guard lock(mutex);
    return {log.begin() + static_cast<ptrdiff_t>(seen), log.end()};
  }
  size_t held() const {
    const std::lock_guard lock(mutex);
    return newest.size();
  }

  mutable std::mutex mutex;
  std::atomic<bool> away{false};
  std::vector<SharedSlot> log;                // guarded by mutex
  std::map<std::string, std::string> newest;  // guarded by mutex
};

class KeyringShareTest : public ::testing::Test {
 protected:
  struct Site {
    ScratchFolder folder;
    std::unique_ptr<Keyring> keyring;
    size_t learned = 0;  // of the share's log
  };

  Result<void> open(Site& site, bool joins = true) {
    site.keyring.reset();
    HANSA_TRY(site.keyring, Keyring::open(site.folder.path("keys"), "wuxi", master_, env_, false));
    if (!joins) return {};
    site.learned = share_.since(0).size();
    return site.keyring->join(share_, share_.all());
  }
  size_t learn(Site& site) {
    const auto news = share_.since(site.learned);
    site.learned += news.size();
    return site.keyring->learn(news);
  }
  static Result<void> flush(Site& site) {
    std::promise<Result<void>> durable;
    site.keyring->flush([&](Result<void> result) { durable.set_value(std::move(result)); });
    return durable.get_future().get();
  }
  static std::string seal(Site& site, std::string_view text) {
    EXPECT_TRUE(site.keyring->add(kAnn, text, "").has_value());
    return *site.keyring->seal(kPhone, text);
  }

  std::string master_ = std::string(32, 'm');
  SeededEnv env_{5, "keyring_share_test", kStartUs};
  MemoryShare share_;
  Site one_;
  Site two_;
};

TEST_F(KeyringShareTest, TextSealedOnOneNodeOpensOnTheOtherAndAfterItsReopening) {
  ASSERT_TRUE(open(one_) && open(two_));
  const std::string sealed = seal(one_, "555 0100");
  ASSERT_TRUE(flush(one_));
  EXPECT_EQ(two_.keyring->unseal(kPhone, sealed).error().code, Errc::kUnknownPerson);
  EXPECT_EQ(learn(two_), 0u);
  EXPECT_EQ(*two_.keyring->unseal(kPhone, sealed), "555 0100");
  EXPECT_EQ(two_.keyring->find("555-0100", ""), std::vector<PersonId>{kAnn});
  // Each keeps all in its own file, also without the share.
  ASSERT_TRUE(open(two_, false));
  EXPECT_EQ(*two_.keyring->unseal(kPhone, sealed), "555 0100");
  // The share holds neither key nor number in clear.
  for (const auto& [name, value] : share_.all()) {
    EXPECT_EQ((name + *value).find("0100"), std::string::npos);
  }
}

TEST_F(KeyringShareTest, KeysMadeForOnePersonAtOnceBothOpenEverywhere) {
  ASSERT_TRUE(open(one_) && open(two_));
  const std::string first = seal(one_, "555 0100");
  const std::string second = seal(two_, "555 0199");
  ASSERT_TRUE(flush(one_) && flush(two_));
  learn(one_);
  learn(two_);
  for (Site* site : {&one_, &two_}) {
    EXPECT_EQ(*site->keyring->unseal(kPhone, first), "555 0100");
    EXPECT_EQ(*site->keyring->unseal(kPhone, second), "555 0199");
    ASSERT_TRUE(open(*site));
    EXPECT_EQ(*site->keyring->unseal(kPhone, first), "555 0100");
    EXPECT_EQ(*site->keyring->unseal(kPhone, second), "555 0199");
  }
}

TEST_F(KeyringShareTest, ErasedOnOneIsErasedOnAllAndOnlyTheMarkStaysInTheShare) {
  ASSERT_TRUE(open(one_) && open(two_));
  const std::string sealed = seal(one_, "555 0100");
  ASSERT_TRUE(flush(one_));
  learn(two_);
  ASSERT_TRUE(two_.keyring->erase(kAnn));
  ASSERT_TRUE(flush(two_));
  learn(one_);
  for (Site* site : {&one_, &two_}) {
    EXPECT_EQ(site->keyring->unseal(kPhone, sealed).error().code, Errc::kPersonErased);
    EXPECT_EQ(site->keyring->add(kAnn, "1", "").error().code, Errc::kPersonErased);
    EXPECT_TRUE(site->keyring->find("555 0100", "").empty());
  }
  ASSERT_TRUE(flush(one_));
  ASSERT_EQ(share_.held(), 1u);
}

TEST_F(KeyringShareTest, KeyThatAnotherNodeMadeForAnErasedPersonGoesFromTheShare) {
  ASSERT_TRUE(open(one_) && open(two_));
  ASSERT_TRUE(one_.keyring->erase(kAnn));
  ASSERT_TRUE(flush(one_));
  const std::string sealed = seal(two_, "555 0100");
  ASSERT_TRUE(flush(two_));
  learn(one_);
  learn(two_);
  ASSERT_TRUE(flush(one_) && flush(two_));
  EXPECT_EQ(two_.keyring->unseal(kPhone, sealed).error().code, Errc::kPersonErased);
  EXPECT_EQ(share_.held(), 1u);
}

TEST_F(KeyringShareTest, OldFileBroughtBackErasesWhatWasErasedMeanwhile) {
  ASSERT_TRUE(open(one_, false));
  const std::string sealed = seal(one_, "555 0100");
  ASSERT_TRUE(flush(one_));
  ASSERT_TRUE(open(one_)) << "what was there before sharing is published";
  EXPECT_EQ(share_.held(), 1u);
  const std::string file = one_.folder.path("keys/wuxi.keys");
  std::filesystem::copy_file(file, file + ".old");
  ASSERT_TRUE(open(two_));
  EXPECT_EQ(*two_.keyring->unseal(kPhone, sealed), "555 0100");
  ASSERT_TRUE(two_.keyring->erase(kAnn));
  ASSERT_TRUE(flush(two_));
  one_.keyring.reset();
  std::filesystem::rename(file + ".old", file);
  ASSERT_TRUE(open(one_));
  EXPECT_EQ(one_.keyring->unseal(kPhone, sealed).error().code, Errc::kPersonErased);
  EXPECT_EQ(share_.held(), 1u);
}

TEST_F(KeyringShareTest, ShareIsAway_NothingCountsAsDurableAndAnErasureFollowsLater) {
  ASSERT_TRUE(open(one_));
  seal(one_, "555 0100");
  ASSERT_TRUE(flush(one_));
  share_.away = true;
  const PersonId bob = *PersonId::from(std::string(16, 'b'));
  ASSERT_TRUE(one_.keyring->add(bob, "555 0111", ""));
  EXPECT_EQ(flush(one_).error().code, Errc::kUnavailable);
  EXPECT_TRUE(one_.keyring->erase(kAnn)) << "a node destroys its own copy without the share";
  EXPECT_EQ(flush(one_).error().code, Errc::kUnavailable);
  share_.away = false;
  ASSERT_TRUE(flush(one_));
  ASSERT_TRUE(open(two_));
  EXPECT_TRUE(two_.keyring->knows(bob));
  EXPECT_EQ(two_.keyring->add(kAnn, "", "").error().code, Errc::kPersonErased);
}

TEST_F(KeyringShareTest, ForeignChangesAreLeftOutAndAForeignMasterKeyIsRefused) {
  ASSERT_TRUE(open(one_));
  const std::string sealed = seal(one_, "555 0100");
  ASSERT_TRUE(flush(one_));
  auto forged = share_.all().front();
  for (const size_t at : {size_t{0}, forged.value->size() / 2, forged.value->size() - 1}) {
    auto copy = forged;
    (*copy.value)[at] = static_cast<char>((*copy.value)[at] ^ 1);
    EXPECT_EQ(one_.keyring->learn({copy}), 1u);
  }
  EXPECT_EQ(one_.keyring->learn({{"", "x"}, {"short", ""}}), 2u);
  EXPECT_EQ(*one_.keyring->unseal(kPhone, sealed), "555 0100");
  master_ = std::string(32, 'x');
  EXPECT_EQ(open(two_).error().code, Errc::kBadFile);
}

}  // namespace
}  // namespace hansa::projections
