#include "core/metrics/measure.h"

#include <algorithm>

#include "core/base/assert.h"

namespace hansa {
namespace {

using State = v1::State;

Judgement counts(const Counted& counted) { return {counted, ""}; }
Judgement leaves_out(std::string_view reason) { return {std::nullopt, reason}; }

constexpr std::string_view kImported = "imported: its source does not state this";
// Of a copy of a part of a ledger: decisions refuse times that run backwards.
constexpr std::string_view kTimesUnknown = "the times between which it lasted are not known";
constexpr std::string_view kMerged = "merged: it counts with its parent";

Judgement judge_source(const Facts& facts) {
  if (facts.source() == v1::Source::unspecified) return leaves_out("its source is not stated");
  return counts({.day = facts.reported_day(), .value = facts.source()});
}

Judgement judge_verification(const Facts& facts) {
  if (facts.imported()) return leaves_out(kImported);
  const Counted counted{.day = facts.reported_day(), .met = facts.verified()};
  if (facts.verified() || facts.end() == State::refuted) return counts(counted);
  if (facts.merged()) return leaves_out("merged before it was verified");
  if (facts.end() == State::withdrawn) return leaves_out("withdrawn before it was verified");
  if (facts.end() == State::referred_out) return leaves_out("referred out before it was verified");
  return counts(counted);
}

Judgement judge_discovery(const Facts& facts) {
  if (facts.imported()) return leaves_out(kImported);
  if (facts.merged()) return leaves_out(kMerged);
  if (facts.end() == State::refuted) return leaves_out("refuted: there was no problem to discover");
  if (facts.observed_time_us() == 0) return leaves_out("nobody said when the problem was seen");
  const int64_t span_us = facts.reported_time_us() - facts.observed_time_us();
  if (span_us < 0) return leaves_out(kTimesUnknown);
  return counts({.day = facts.reported_day(), .value = span_us});
}

Judgement judge_handling(const Facts& facts) {
  if (facts.merged()) return leaves_out(kMerged);
  if (facts.end() != State::closed) {
    return leaves_out(facts.end() == State::unspecified ? "not closed"
                                                        : "ended otherwise than by closing");
  }
  const int64_t span_us = facts.closed_time_us() - facts.reported_time_us();
  if (span_us < 0) return leaves_out(kTimesUnknown);
  return counts({.day = facts.closed_day(), .value = span_us});
}

// Why a case is in no deadline; empty if it is.
std::string_view without_deadline(const Facts& facts) {
  if (facts.merged()) return kMerged;
  switch (facts.end()) {
    case State::withdrawn: return "withdrawn";
    case State::referred_out: return "referred out";
    case State::refuted: return "refuted";
    default: break;
  }
  if (facts.deadline_time_us() != 0) return "";
  return facts.imported() ? "imported without a due time" : "not filed yet: no deadline";
}

Judgement judge_deadline(const Facts& facts) {
  if (const auto reason = without_deadline(facts); !reason.empty()) return leaves_out(reason);
  const bool closed = facts.end() == State::closed;
  return counts({.day = facts.deadline_day(),
                 .met = closed && facts.closed_time_us() <= facts.deadline_time_us(),
                 .closed = closed});
}

Judgement judge_moved_deadline(const Facts& facts) {
  if (const auto reason = without_deadline(facts); !reason.empty()) return leaves_out(reason);
  if (facts.first_deadline_day() == facts.deadline_day()) {
    return leaves_out("its deadline did not move to another day");
  }
  return counts({.day = facts.first_deadline_day(), .value = facts.deadline_day()});
}

// Work that is done answers too: a case closed in time needs no word before.
Judgement judge_first_response(const Facts& facts) {
  if (facts.imported()) return leaves_out(kImported);
  const int64_t due_us = facts.first_response_due_time_us();
  if (due_us == 0) return leaves_out("no first response was due");
  const int64_t responded_us = facts.first_response_time_us();
  if (responded_us == 0) {
    if (facts.merged()) return leaves_out("merged before a first response");
    if (facts.end() != State::unspecified && facts.end() != State::closed) {
      return leaves_out("ended otherwise than by closing, before a first response");
    }
  }
  const int64_t answered_us = responded_us != 0 ? responded_us : facts.closed_time_us();
  return counts({.day = facts.first_response_due_day(),
                 .met = answered_us != 0 && answered_us <= due_us});
}

Judgement judge_rating(const Facts& facts, int item) {
  if (facts.ratings().empty()) return leaves_out("not rated");
  const auto& rating = facts.ratings(item);
  return counts({.day = rating.day(), .met = rating.satisfied()});
}

Judgement judge_rebound(const Facts& facts) {
  if (facts.imported()) return leaves_out(kImported);
  if (facts.merged()) return leaves_out(kMerged);
  if (facts.end() != State::closed) return leaves_out("not closed");
  return counts({.day = facts.closed_day(), .met = facts.rebounded()});
}

Judgement judge_dispute(const Facts& facts, int item) {
  if (facts.disputes().empty()) return leaves_out("its assignment was not disputed");
  const auto& dispute = facts.disputes(item);
  return counts({.day = dispute.day(), .met = dispute.settled()});
}

}  // namespace

int items_of(Measure measure, const Facts& facts) {
  // A case without any still has one judgement: why it does not count.
  if (measure == Measure::kRating) return std::max(1, facts.ratings_size());
  if (measure == Measure::kDispute) return std::max(1, facts.disputes_size());
  return 1;
}

Judgement judge(Measure measure, const Facts& facts, int item) {
  switch (measure) {
    case Measure::kSource: return judge_source(facts);
    case Measure::kVerification: return judge_verification(facts);
    case Measure::kDiscovery: return judge_discovery(facts);
    case Measure::kHandling: return judge_handling(facts);
    case Measure::kDeadline: return judge_deadline(facts);
    case Measure::kMovedDeadline: return judge_moved_deadline(facts);
    case Measure::kFirstResponse: return judge_first_response(facts);
    case Measure::kRating: return judge_rating(facts, item);
    case Measure::kRebound: return judge_rebound(facts);
    case Measure::kDispute: return judge_dispute(facts, item);
  }
  HANSA_ASSERT(false, "every measure has its rule");
}

Contributions contributions(const Facts& facts) {
  Contributions all;
  all.reserve(kMeasures);
  for (size_t i = 0; i < kMeasures; ++i) {
    const auto measure = static_cast<Measure>(i);
    for (int item = 0; item < items_of(measure, facts); ++item) {
      const auto judgement = judge(measure, facts, item);
      if (judgement.counted) all.push_back({measure, *judgement.counted});
    }
  }
  return all;
}

}  // namespace hansa
