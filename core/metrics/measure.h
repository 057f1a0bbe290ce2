// Measure: which cases count for what, on which day, and why others do not: the rules of figures.
//
// Shape:   judge(measure, facts, item) answers Judgement: counted, with its day and whether it is
//          above the line, or the reason why not. items_of() says how many items a case has in a
//          measure: one, except for ratings and disputes. contributions() lists all that count.
//
//          measure           one item a       counts on         above the line
//          source            case             day of report     (its source class)
//          verification      reported case    day of report     verified
//          discovery         reported case    day of report     (from seeing to report)
//          handling          closed case      day of closure    (from report to closure)
//          deadline          filed case       day it is due     closed by then; closed at all
//          moved_deadline    filed case       first due day     (day it is due now)
//          first_response    reported case    day it is due     responded or closed by then
//          rating            rating           day of rating     satisfied
//          rebound           closed case      day of closure    its problem came back
//          dispute           dispute          day it was raised settled
//
//          An imported case is no witness for what its source does not state: verification,
//          discovery, first response, rebound. It has a deadline only where the source states one.
//          A merged case counts with its parent, so only its source, its own ratings and disputes
//          count. Withdrawn, referred out and refuted cases are in no deadline, and in no first
//          response unless they had one. A refuted report is reported and not verified, and
//          discovered nothing. A reopened case counts by its new deadline.
// Errors:  none.
// Threads: pure.
// Source:  SPEC §3 (rates), DOMAIN §1.1; what a duplicate does: DOMAIN §2 (fixmystreet#24, #1957).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/metrics/facts.h"

namespace hansa {

enum class Measure : uint8_t {
  kSource,
  kVerification,
  kDiscovery,
  kHandling,
  kDeadline,
  kMovedDeadline,
  kFirstResponse,
  kRating,
  kRebound,
  kDispute,
};
inline constexpr size_t kMeasures = 10;

struct Counted {
  int32_t day = 0;
  bool met = false;     // above the line of the rate
  bool closed = false;  // kDeadline: closed, in time or not
  // kDiscovery, kHandling: microseconds; kMovedDeadline: the day it is due now; kSource: the class.
  int64_t value = 0;

  bool operator==(const Counted&) const = default;
};

struct Judgement {
  std::optional<Counted> counted;
  std::string_view reason;  // why not; empty when counted
};

struct Contribution {
  Measure measure;
  Counted counted;

  bool operator==(const Contribution&) const = default;
};

int items_of(Measure measure, const Facts& facts);
Judgement judge(Measure measure, const Facts& facts, int item);
using Contributions = std::vector<Contribution>;
Contributions contributions(const Facts& facts);

}  // namespace hansa
