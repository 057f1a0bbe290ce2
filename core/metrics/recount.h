// Recount: a figure reckoned anew from a ledger's entries alone, with what counted and why not.
//
// Shape:   take() folds one entry after the other, from seq 1; figure() is then as of the last one.
//          outcomes() has one Outcome for every item of every case of the scope: counted or not,
//          the reason, and the entry that made it so.
// Errors:  of the fold: kInternal for entries that contradict each other.
// Threads: one at a time.
// Limits:  keeps facts and tallies of the whole ledger in memory, about 1 KiB a case.
// Source:  DESIGN §7.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/metrics/metric.h"

namespace hansa {

struct Outcome {
  std::string case_id;
  bool counted = false;
  bool met = false;
  int32_t day = 0;          // of what counts, also when it lies outside the range
  std::string_view reason;  // why it does not count
  Seq seq = 0;              // of the entry that last changed this
  std::string event;
};

// The event's name, its content, and the case whose facts it changes; no case for events about the
// city.
struct MetricSubject {
  std::string event;
  std::string case_id;
  const google::protobuf::Message* content = nullptr;
};
MetricSubject subject_of(const v1::Event& event);

class Recount {
 public:
  Recount(const MetricInfo& metric, FigureQuery query);

  Result<void> take(const v1::Payload& payload, Seq seq);
  v1::Figure figure();
  std::vector<Outcome> outcomes();

 private:
  struct Seen {
    std::vector<Judgement> judgements;
    Seq seq = 0;
    std::string event;
  };
  void note(const std::string& case_id, const std::string& event, Seq seq);
  bool in_scope(const Facts& facts) const;
  std::string_view why_outside(const Facts& facts) const;

  const MetricInfo& metric_;
  const FigureQuery query_;
  MapRows rows_;
  std::map<std::string, Seen> seen_;  // by case key
};

}  // namespace hansa
