// Goal: how soon what a city shares is confirmed by its witnesses, and how fast an entry is proved.
// Method: six cities and their alliance with all that a node has: one embedded log with fsync, two
// keeper threads, the links on their own thread. One city records a day of air, and as soon as its
// share ledger shows that what was shared is confirmed by the five others' quorum, the next; timed
// is from when the command is sent. The first tenth warms up uncounted. Then entries of that ledger
// are proved from its committed rows, and each proof is checked. Prints one JSON object.
//
//   evidence_bench [COMMANDS PROOFS]     500 commands, 2 000 proofs
#include <cstdio>
#include <future>
#include <thread>

#include "core/base/day.h"
#include "core/evidence/tree_rows.h"
#include "projections/snapshot_rows.h"
#include "tests/bench/bench_league.h"

namespace hansa::bench {
namespace {

constexpr int64_t kLateUsMax = 30'000'000;
const std::vector<std::string> kCities = {"city-0", "city-1", "city-2",
                                          "city-3", "city-4", "city-5"};

v1::LedgerHead head_of_share(const projections::Keeper& share) {
  const auto head = must(share.snapshot()->find(kLedgerHeadTable, ""), "reading a head");
  return head ? *head : v1::LedgerHead();
}

// Until the deeds that the city's entry led to are confirmed.
void await_confirmed(const projections::Keeper& share, Seq deed_before, int64_t sent_us) {
  while (true) {
    const auto head = head_of_share(share);
    if (head.deed_seq() > deed_before && head.confirmed_size() >= head.deed_seq()) return;
    if (monotonic_us() - sent_us > kLateUsMax) give_up("a share that is never confirmed");
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
}

Latencies confirm(League& league, const projections::Keeper& share, uint64_t commands) {
  Latencies latencies(commands);
  const int32_t first_day = must(parse_day("1990-01-01", "date"), "a day");
  for (uint64_t i = 0; i < commands; ++i) {
    const Seq before = head_of_share(share).deed_seq();
    v1::RecordAirQuality command;
    command.set_city(kCities[0]);
    auto& day = *command.add_days();
    day.set_date(day_text(first_day + static_cast<int32_t>(i)));
    day.set_pm25(std::to_string(i % 300) + ".5");
    const int64_t sent_us = monotonic_us();
    must(league.call({"city", kCities[0]}, command), "a command");
    await_confirmed(share, before, sent_us);
    if (i >= commands / 10) latencies.add(monotonic_us() - sent_us);
  }
  return latencies;
}

Latencies prove(const projections::Keeper& share, uint64_t proofs) {
  Latencies latencies(proofs);
  for (uint64_t i = 0; i < proofs; ++i) {
    const int64_t begun_us = monotonic_us();
    const auto snapshot = share.snapshot();
    projections::SnapshotRows rows(*snapshot);
    const auto tiles = tiles_of(rows);
    const Seq size = head_of_share(share).size();
    const uint64_t index = i * 7'919 % size;
    const auto proof = must(inclusion_proof(index, size, tiles), "a proof");
    latencies.add(monotonic_us() - begun_us);
    const auto tile = must(tiles({0, index / kTileWidth}), "a tile");
    const auto leaf = TreeHash::from(std::string_view(tile).substr(index % kTileWidth * 32, 32));
    if (!proves_inclusion(index, size, *leaf, must(root_at(size, tiles), "a root"), proof)) {
      give_up("a proof that proves nothing");
    }
  }
  return latencies;
}

void run(uint64_t commands, uint64_t proofs) {
  SystemEnv env;
  auto options = like_a_node(env);
  options.alliance_pause_us = options.share_pause_us = 0;
  League league(options);
  v1::Agreement terms;
  auto& grant = *terms.add_grants();
  grant.set_event("AirQualityRecorded");
  grant.add_fields("date");
  grant.add_fields("pm25");
  bring(league, kCities, terms);
  const auto share = league.links().share(share_ledger(kDelta.id, kCities[0]));
  if (share == nullptr) give_up("a city that shares nothing");
  league.links().start();
  const Measured confirming;
  auto confirmed = confirm(league, *share, commands);
  std::printf("{\"confirmed\": {%s}", confirming.text(commands, confirmed).c_str());
  const Measured proving;
  auto proved = prove(*share, proofs);
  std::printf(", \"proof\": {%s}}\n", proving.text(proved).c_str());
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  hansa::bench::run(count > 1 ? std::stoull(words[1]) : 500,
                    count > 2 ? std::stoull(words[2]) : 2'000);
}
