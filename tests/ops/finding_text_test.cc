// Goal: a finding of any kind is told in one sentence that says what is held against what, on every
// surface the same; what is missing is left out. Method: one of each kind, with its evidence as
// core/alliance makes it.
#include "ops/finding_text.h"

#include <gtest/gtest.h>

namespace hansa::ops {
namespace {

using Kind = v1::FindingKind;

v1::FindingRaised raised_of(Kind::Value kind, const std::string& held, const std::string& against,
                            uint64_t held_seq) {
  v1::FindingRaised raised;
  raised.set_kind(kind);
  raised.add_cities("suzhou");
  raised.set_ledger("share/delta/wuxi");
  raised.add_evidence()->set_text(held);
  raised.mutable_evidence(0)->set_seq(held_seq);
  raised.add_evidence()->set_text(against);
  return raised;
}

TEST(FindingText, EachKindSaysWhatIsHeldAgainstWhat) {
  EXPECT_EQ(finding_sentence(raised_of(Kind::fork, "7 entries with the root aa",
                                       "7 entries with the root bb", 7)),
            "its key has signed two histories: 7 entries with the root aa, and 7 "
            "entries with the root bb");
  EXPECT_EQ(finding_sentence(raised_of(Kind::figure, "published as m7: 2/3",
                                       "the whole is published as 2/3; what is shared gives 1/3; "
                                       "reckoned from 9 entries of share/delta/wuxi, root aa",
                                       9)),
            "a figure that was published does not follow from it: the whole is published as 2/3; "
            "what is shared gives 1/3");
  EXPECT_EQ(finding_sentence(raised_of(Kind::silence, "three heartbeats went by in vain",
                                       "its last word is entry 5 of 2025-01-01", 0)),
            "nothing was heard of it: its last word is entry 5 of 2025-01-01");
  EXPECT_EQ(finding_sentence(raised_of(Kind::refused, "taken up to this entry",
                                       "fork_found: the checkpoint names another hash", 4)),
            "nothing more of it is taken: fork_found: the checkpoint names another hash");
  EXPECT_EQ(finding_sentence(raised_of(Kind::forgotten, "9 entries with the root aa",
                                       "asked again, it named 3 entries", 9)),
            "the witness of suzhou has cosigned 9 entries of it: asked again, it named 3 entries");
}

TEST(FindingText, OfACampaignItNamesTheAction) {
  v1::FindingRaised raised;
  raised.set_campaign("k1");
  raised.set_joint_id("mouth");
  raised.set_kind(Kind::differing);
  raised.add_cities("suzhou");
  raised.add_cities("wuxi");
  EXPECT_EQ(finding_cities(raised), "suzhou, wuxi");
  EXPECT_EQ(finding_sentence(raised), "the two accounts of mouth of campaign k1 differ");
  raised.set_kind(Kind::orphan);
  EXPECT_EQ(finding_sentence(raised), "one city alone tells of mouth of campaign k1");
}

TEST(FindingText, EveryKindHasASentenceAlsoWithoutEvidence) {
  const auto* kinds = Kind::Value_descriptor();
  for (int i = 1; i < kinds->value_count(); ++i) {
    v1::FindingRaised raised;
    raised.set_kind(static_cast<Kind::Value>(kinds->value(i)->number()));
    EXPECT_EQ(finding_sentence(raised).find("does not know"), std::string::npos)
        << kinds->value(i)->name();
  }
}

}  // namespace
}  // namespace hansa::ops
