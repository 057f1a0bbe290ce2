// League workload: what people of an alliance and of its cities ask, beside a city's daily work.
//
// Shape:   AllianceWorkload founds the alliance delta, admits its cities and proposes agreements;
//          then it goes on to propose, suspend, resume, revoke and drop them, suspends, expels and
//          takes back members, and proposes campaigns.
//          MemberWorkload does what CityWorkload does and joins, ratifies, takes back, leaves and
//          joins again, offers cases, takes and declines what is offered, records air, and has a
//          word on campaigns.
//          Both look at committed rows of some node, as people would, and answer them.
//          The functions beneath make single requests.
// Errors:  none.
// Threads: one.
// Limits:  agreements name a few events, one more or less at a time.
#pragma once

#include "projections/store.h"
#include "tests/sim/league_node.h"
#include "tests/sim/workload.h"

namespace hansa::sim {

// Committed rows of a ledger at some node; nullptr: none can be asked.
using SeeRows = std::function<std::shared_ptr<const projections::Snapshot>(const LedgerId&)>;

Request joining(Dice& dice, const LedgerId& city);
Request leaving(Dice& dice, const LedgerId& city);
Request admission(Dice& dice, const LedgerId& city);
Request readmission(Dice& dice, const std::string& city, bool was_expelled);
// The public key of `change` counts for the ledger from then on: to the alliance for a city's share
// ledger, to a city for its alliance's.
Request city_key_change(Dice& dice, const LedgerId& city, const federation::SeedChange& change);
Request alliance_key_change(Dice& dice, const LedgerId& city,
                            const federation::SeedChange& change);
// A quarantined input is read again: a city's by the alliance, or the alliance's by a city.
Request city_release(Dice& dice, const LedgerId& city);
Request alliance_release(Dice& dice, const LedgerId& city);

class AllianceWorkload final : public Workload {
 public:
  AllianceWorkload(Dice& dice, std::vector<LedgerId> cities, int64_t now_us, SeeRows see_rows);

  std::vector<Request> setup() override;
  Request next() override;
  void learn(const std::string&, const std::string&) override {}

 private:
  Request proposal();
  Request on_agreement();
  Request on_member();
  Request on_campaign();

  Dice& dice_;
  const std::vector<LedgerId> cities_;
  const int64_t now_us_;
  const SeeRows see_rows_;
};

class MemberWorkload final : public Workload {
 public:
  MemberWorkload(Dice& dice, LedgerId city, std::vector<LedgerId> cities, const int64_t& now_us,
                 bool erases, SeeRows see_rows);

  std::vector<Request> setup() override;
  Request next() override;
  void learn(const std::string& subject, const std::string& state) override {
    daily_.learn(subject, state);
  }

 private:
  std::optional<Request> on_agreement();
  std::optional<Request> on_offer();
  std::optional<Request> offer();
  std::optional<Request> on_campaign();
  Request air();

  Dice& dice_;
  const LedgerId city_;
  const std::vector<LedgerId> cities_;
  const int64_t& now_us_;
  const SeeRows see_rows_;
  CityWorkload daily_;
};

}  // namespace hansa::sim
