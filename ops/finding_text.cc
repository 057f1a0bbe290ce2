#include "ops/finding_text.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kReckonedFrom = "; reckoned from ";

const v1::FindingEvidence& evidence(const v1::FindingRaised& raised, int index) {
  static const v1::FindingEvidence kNone;
  return index < raised.evidence_size() ? raised.evidence(index) : kNone;
}

std::string with(const std::string& words, const std::string& detail) {
  return detail.empty() ? words : words + ": " + detail;
}

}  // namespace

std::string finding_cities(const v1::FindingRaised& raised) {
  std::string names;
  for (const auto& city : raised.cities()) names += (names.empty() ? "" : ", ") + city;
  return names;
}

std::string finding_sentence(const v1::FindingRaised& raised) {
  const auto& held = evidence(raised, 0);
  const auto& against = evidence(raised, 1);
  const auto action = raised.joint_id() + " of campaign " + raised.campaign();
  switch (raised.kind()) {
    case v1::FindingKind::differing: return "the two accounts of " + action + " differ";
    case v1::FindingKind::orphan: return "one city alone tells of " + action;
    case v1::FindingKind::fork:
      return with("its key has signed two histories", held.text() + ", and " + against.text());
    case v1::FindingKind::figure:
      return with("a figure that was published does not follow from it",
                  against.text().substr(0, against.text().find(kReckonedFrom)));
    case v1::FindingKind::silence: return with("nothing was heard of it", against.text());
    case v1::FindingKind::refused: return with("nothing more of it is taken", against.text());
    case v1::FindingKind::forgotten:
      return with("the witness of " + finding_cities(raised) + " has cosigned " +
                      std::to_string(held.seq()) + " entries of it",
                  against.text());
    default: return "of a kind that this release does not know";
  }
}

}  // namespace hansa::ops
