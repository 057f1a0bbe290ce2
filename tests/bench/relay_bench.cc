// How fast a backlog of a city's entries goes into its share ledger: all of it granted, and none.
//
//   relay_bench [ENTRIES]     100 000 where nothing is said; one line a run, entries per second of
//                             relay, share keeper and checkpoints together, over an embedded log
//                             without fsync
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/alliance/agreement.h"
#include "tests/federation/league.h"

namespace hansa::federation {
namespace {

const LedgerId kDelta{"alliance", "delta"};
const LedgerId kWuxi{"city", "wuxi"};

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "relay_bench: %s failed\n", what);
  std::exit(5);
}

void bring(testing::League& league, const char* event, const char* field) {
  league.add("alliance", "delta");
  league.add("city", "wuxi");
  v1::FoundAlliance alliance;
  alliance.set_alliance("delta");
  must(league.call(kDelta, alliance).has_value(), "founding");
  v1::FoundCity city;
  city.set_city("wuxi");
  must(league.call(kWuxi, city).has_value(), "founding");
  v1::AdmitCity admit;
  admit.set_alliance("delta");
  admit.set_city("wuxi");
  admit.set_founding_id(to_hex(league.founding_id(kWuxi)));
  admit.set_public_key(league.public_key(kWuxi));
  admit.set_recovery_key(league.recovery_key(kWuxi));
  must(league.call(kDelta, admit).has_value(), "admission");
  v1::JoinAlliance join;
  join.set_city("wuxi");
  join.set_alliance("delta");
  join.set_founding_id(to_hex(league.founding_id(kDelta)));
  join.set_public_key(league.public_key(kDelta));
  join.set_recovery_key(league.recovery_key(kDelta));
  must(league.call(kWuxi, join).has_value(), "joining");
  v1::ProposeAgreement proposal;
  proposal.set_alliance("delta");
  proposal.mutable_agreement()->set_purpose("Measured.");
  auto& grant = *proposal.mutable_agreement()->add_grants();
  grant.set_event(event);
  grant.add_fields(field);
  must(league.call(kDelta, proposal).has_value(), "proposal");
  must(league.links().settle(20'000), "settling");
  v1::RatifyAgreement ratify;
  ratify.set_city("wuxi");
  ratify.set_alliance("delta");
  ratify.set_version(1);
  ratify.set_sha256(agreement_sha256(proposal.agreement()));
  must(league.call(kWuxi, ratify).has_value(), "ratification");
  must(league.links().settle(20'000), "settling");
}

void measure(const char* name, const char* event, const char* field, int entries) {
  testing::League league;
  bring(league, event, field);
  v1::DefineUnit unit;
  unit.set_city("wuxi");
  for (int i = 0; i < entries; ++i) {
    unit.set_unit("unit-" + std::to_string(i % 1000));
    // Said once more in the same words it would make no entry.
    unit.mutable_title()->set_en("a title of some length, as people give them " +
                                 std::to_string(i));
    must(league.call(kWuxi, unit).has_value(), "a command");
  }
  const auto share = league.links().share(share_ledger("delta", "wuxi"));
  const Seq before = share->health().landed_seq;
  const auto started = std::chrono::steady_clock::now();
  must(league.links().settle(1'000'000), "settling");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::printf("%s: %d entries in %.2f s = %.0f/s, %llu entries of the share ledger\n", name,
              entries, took.count(), entries / took.count(),
              static_cast<unsigned long long>(share->health().landed_seq - before));
}

}  // namespace
}  // namespace hansa::federation

int main(int count, char** words) {
  const int entries = count > 1 ? std::atoi(words[1]) : 100'000;
  hansa::federation::measure("granted", "UnitDefined", "unit", entries);
  hansa::federation::measure("withheld", "CaseClosed", "case", entries);
}
