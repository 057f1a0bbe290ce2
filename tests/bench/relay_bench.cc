// How fast a backlog of a city's entries goes into its share ledger: all of it granted, and none.
//
//   relay_bench [ENTRIES]     100 000 where nothing is said; relay, share keeper and checkpoints
//                             together, over an embedded log without fsync. Prints one JSON object.
#include <cstdio>
#include <cstdlib>

#include "tests/bench/bench_league.h"

namespace hansa::bench {
namespace {

const LedgerId kWuxi{"city", "wuxi"};

std::string relayed(const char* event, const char* field, int entries) {
  League league;
  v1::Agreement terms;
  auto& grant = *terms.add_grants();
  grant.set_event(event);
  grant.add_fields(field);
  bring(league, {"wuxi"}, terms);
  v1::DefineUnit unit;
  unit.set_city("wuxi");
  for (int i = 0; i < entries; ++i) {
    unit.set_unit("unit-" + std::to_string(i % 1000));
    // Said once more in the same words it would make no entry.
    unit.mutable_title()->set_en("a title of some length, as people give them " +
                                 std::to_string(i));
    must(league.call(kWuxi, unit), "a command");
  }
  const Measured measured;
  if (!league.links().settle(1'000'000)) give_up("the links do not come to rest");
  return measured.text(static_cast<uint64_t>(entries));
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const int entries = count > 1 ? std::atoi(words[1]) : 100'000;
  const auto granted = hansa::bench::relayed("UnitDefined", "unit", entries);
  const auto withheld = hansa::bench::relayed("CaseClosed", "case", entries);
  std::printf("{\"granted\": {%s}, \"withheld\": {%s}}\n", granted.c_str(), withheld.c_str());
}
