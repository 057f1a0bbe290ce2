#include "tests/bench/bench_league.h"

#include "core/alliance/agreement.h"

namespace hansa::bench {
namespace {

// Cities act on what their alliance says once it is confirmed, and that takes its time.
bool is_confirmed(League& league) {
  const auto head = league.keeper(kDelta).snapshot()->find(kLedgerHeadTable, "");
  return head && *head && (*head)->deed_seq() <= (*head)->confirmed_size();
}

void settle(League& league) {
  const int64_t begun_us = monotonic_us();
  do {
    if (!league.links().settle(60'000)) give_up("the links do not come to rest");
    if (monotonic_us() - begun_us > 60'000'000) give_up("an alliance that is never confirmed");
  } while (!is_confirmed(league));
}

template <typename Command>
void call(League& league, const LedgerId& ledger, Command command) {
  command.set_alliance(kDelta.id);
  if constexpr (requires { command.set_city(""); }) {
    if (command.city().empty()) command.set_city(ledger.id);
  }
  must(league.call(ledger, command), Command::descriptor()->name().c_str());
}

template <typename Command>
Command with_keys(League& league, const LedgerId& of) {
  Command command;
  command.set_founding_id(to_hex(league.founding_id(of)));
  command.set_public_key(league.public_key(of));
  command.set_recovery_key(league.recovery_key(of));
  return command;
}

}  // namespace

LeagueOptions like_a_node(Env& env) {
  LeagueOptions options;
  options.env = &env;
  options.fsync = true;
  options.threads = 2;
  options.block_cache_mib = 256;
  options.write_mib = 128;
  options.row_cache_mib = 256;
  options.commit_interval_us = projections::KeeperLimits().commit_interval_us;
  options.alliance_pause_us = 1'000'000;
  options.share_pause_us = 60'000'000;
  return options;
}

void bring(League& league, const std::vector<std::string>& cities, v1::Agreement terms) {
  league.add(kDelta.kind, kDelta.id);
  call(league, kDelta, v1::FoundAlliance());
  for (const auto& id : cities) {
    const LedgerId city{"city", id};
    league.add(city.kind, city.id);
    v1::FoundCity founding;
    founding.set_city(id);
    must(league.call(city, founding), "FoundCity");
    auto admission = with_keys<v1::AdmitCity>(league, city);
    admission.set_city(id);
    admission.set_witness_key(league.witness_key(city));
    call(league, kDelta, std::move(admission));
    call(league, city, with_keys<v1::JoinAlliance>(league, kDelta));
  }
  settle(league);
  terms.set_purpose("Measured.");
  v1::ProposeAgreement proposal;
  *proposal.mutable_agreement() = terms;
  call(league, kDelta, proposal);
  settle(league);
  v1::RatifyAgreement ratification;
  ratification.set_version(1);
  ratification.set_sha256(agreement_sha256(terms));
  for (const auto& id : cities) call(league, {"city", id}, ratification);
  settle(league);
}

}  // namespace hansa::bench
