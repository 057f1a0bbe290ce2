#include "ops/demo/league.h"

#include <thread>

#include "core/alliance/alliance.h"
#include "core/alliance/finding.h"
#include "core/base/assert.h"
#include "core/base/durations.h"
#include "core/base/rows.h"
#include "projections/reads.h"

namespace hansa::ops {
namespace {

// A campaign word takes five steps from city to city; a day's reports, a few.
constexpr int kSettleRoundsMax = 10'000;
constexpr size_t kShareRowCacheMib = 4;
constexpr int64_t kSharePauseUs = kDayUs;

template <typename Row>
Result<std::vector<Row>> all_rows(const projections::Snapshot& rows, Table<Row> table) {
  std::vector<Row> all;
  bool readable = true;
  const std::string to(1, static_cast<char>(static_cast<uint8_t>(table.id) + 1));
  HANSA_CHECK(rows.scan(stored_key(table.id, ""), to, [&](std::string_view, std::string_view row) {
    readable = all.emplace_back().ParseFromArray(row.data(), static_cast<int>(row.size()));
    return readable;
  }));
  if (!readable) return fail(Errc::kBadFile, "a stored row cannot be read");
  return all;
}

}  // namespace

// The log as far as the keepers here know that it has landed: where a cluster keeps it, a reader
// would come upon an entry now or a moment later.
class League::LandedLog final : public streams::Log {
 public:
  LandedLog(streams::Log& log, const League& league) : log_(log), league_(league) {}
  Result<Offset> end(const LedgerId& ledger) override { return league_.landed_end(ledger); }
  Result<streams::ReadResult> read(const LedgerId& ledger, Offset from,
                                   size_t bytes_max) override {
    return log_.read(ledger, from, bytes_max);
  }
  bool has_more(const LedgerId& ledger, Offset from) override {
    return from < league_.landed_end(ledger);
  }
  void append(const LedgerId&, std::vector<std::string>, Offset, Delivered) override {
    HANSA_ASSERT(false, "links only read");
  }
  void renew_writer(const LedgerId&) override { HANSA_ASSERT(false, "links only read"); }

 private:
  streams::Log& log_;
  const League& league_;
};

League::League(Plan plan)
    : plan_(std::move(plan)),
      env_(plan_.alliance.seed, "hansa demo shares", plan_.alliance.start_us),
      guard_(context_.get_executor()) {}

League::~League() { stop_links(); }

Result<std::unique_ptr<League>> League::open(Plan plan) {
  std::unique_ptr<League> league(new League(std::move(plan)));
  const auto& given = league->plan_;
  HANSA_TRY(league->alliance_, Stage::open(given.alliance, *given.log, given.budget));
  league->stages_[given.alliance.ledger] = league->alliance_.get();
  league->landed_log_ = std::make_unique<LandedLog>(*given.read_log, *league);
  federation::Links::Plan links;
  links.log = given.log;
  links.read_log = league->landed_log_.get();
  links.env = &league->env_;
  links.budget = given.budget;
  links.projections_dir = given.alliance.data_dir + "/projections";
  links.executor = league->context_.get_executor();
  links.row_cache_mib = kShareRowCacheMib;
  links.share_pause_us = kSharePauseUs;
  league->links_ = std::make_unique<federation::Links>(std::move(links));
  const auto link = [&](Stage& stage) {
    league->links_->add({stage.keeper(), &stage.keyring(), stage.keys().signing,
                         stage.keys().witness_seed, stage.gate()});
  };
  link(*league->alliance_);
  for (const auto& member : given.members) {
    league->stages_[member.stage->identity().ledger] = member.stage;
    link(*member.stage);
  }
  return league;
}

Principal League::secretariat() {
  auto principal = demo_principal("", v1::Role::secretariat, "secretariat");
  principal.cities.clear();
  principal.alliance = kDemoAlliance;
  return principal;
}

Offset League::landed_end(const LedgerId& ledger) const {
  if (const auto stage = stages_.find(ledger); stage != stages_.end()) {
    return stage->second->keeper()->health().next_offset;
  }
  const auto share = links_->share(ledger);
  return share == nullptr ? 0 : share->health().next_offset;
}

void League::rest() {
  for (const auto& [ledger, stage] : stages_) stage->rest();
  for (const auto& member : plan_.members) {
    const auto share = links_->share(share_ledger(kDemoAlliance, member.city->id));
    if (share != nullptr) bring_to_rest(*share, context_);
  }
}

// One link takes a step when nothing else moves: what a ledger draws by chance is in one order.
Result<void> League::settle() {
  bool moves = true;
  for (int i = 0; moves && i < kSettleRoundsMax; ++i) {
    rest();
    moves = links_->look_around();
    moves = links_->poke([this] { rest(); }) || moves;
  }
  if (!moves) return {};
  HANSA_CHECK(check_links());
  return fail(Errc::kInternal, "the links of the demo do not come to rest");
}

Result<void> League::check_links() {
  // Nothing moves: it only takes note of how they stand.
  (void)links_->settle(1);
  for (const auto& link : links_->health()) {
    if (!link.waits) continue;
    return fail(Errc::kInternal, link.link + ": " + link.waits->detail);
  }
  return {};
}

Result<void> League::pass_time(int64_t to_us) {
  env_.set_now_us(to_us);
  alliance_->set_now_us(to_us);
  HANSA_CHECK(settle());
  alliance_->pass_time(to_us);
  return settle();
}

Result<std::vector<v1::Finding>> League::findings() {
  return all_rows(*alliance_->keeper()->snapshot(), kFindingTable);
}

Result<void> League::add_members(AllianceOutcome& outcome) {
  const auto rows = alliance_->keeper()->snapshot();
  HANSA_TRY(const auto members, all_rows(*rows, kMemberTable));
  for (const auto& member : members) {
    auto& row = outcome.members.emplace_back();
    row.city = member.city();
    row.membership = membership_name(member.membership());
    row.joined_time_us = member.joined_time_us();
    if (!member.ratified().empty()) row.ratified = *member.ratified().rbegin();
    row.disregarded = member.acts_disregarded();
    const auto ledger = share_ledger(kDemoAlliance, member.city());
    HANSA_TRY(const auto input, rows->find(kInputTable, ledger.text()));
    if (input) row.heard_time_us = input->changed_time_us();
    const auto share = links_->share(ledger);
    if (share == nullptr) continue;
    HANSA_TRY(const auto reached, share->snapshot()->find(kShareReachedTable, ""));
    if (reached) row.shared_events = reached->events();
    outcome.shared_events += row.shared_events;
  }
  return {};
}

Result<v1::AirChangeAnswer> League::air_change(const projections::Snapshot& rows,
                                               uint32_t year) const {
  HANSA_TRY(auto answer, projections::air_change_answer(rows, year));
  answer.set_ledger(plan_.alliance.ledger.text());
  answer.set_seq(rows.meta().position.seq);
  return answer;
}

Result<void> League::fold_anew(AllianceOutcome& outcome, uint32_t air_year) {
  const auto founding_id = alliance_->keys().founding_id;
  stages_.erase(plan_.alliance.ledger);
  alliance_.reset();  // nobody else may have the rows open
  HANSA_TRY(const auto rebuilt,
            projections::rebuild_offline(*plan_.log, plan_.alliance.ledger, founding_id,
                                         plan_.alliance.data_dir + "/projections", plan_.budget,
                                         plan_.alliance.row_cache_mib * projections::kMib));
  HANSA_TRY(const auto store, projections::Store::open(rebuilt.directory, plan_.budget));
  HANSA_TRY(outcome.air->anew, air_change(*store->snapshot(), air_year));
  const bool same_rows = rebuilt.meta.digest.hex() == outcome.digest;
  if (same_rows &&
      outcome.air->anew.SerializeAsString() == outcome.air->live.SerializeAsString()) {
    return {};
  }
  return fail(Errc::kDigestDiffers,
              "the rows of the alliance, folded anew from its ledger, are not those it kept");
}

Result<AllianceOutcome> League::finish(std::optional<uint32_t> air_year) {
  HANSA_CHECK(settle());
  HANSA_CHECK(check_links());
  AllianceOutcome outcome;
  HANSA_CHECK(describe(outcome, air_year));
  stop_links();
  static_cast<LedgerOutcome&>(outcome) = alliance_->close();
  if (air_year) HANSA_CHECK(fold_anew(outcome, *air_year));
  return outcome;
}

Result<void> League::describe(AllianceOutcome& outcome, std::optional<uint32_t> air_year) {
  outcome.alliance = kDemoAlliance;
  const auto rows = alliance_->keeper()->snapshot();
  HANSA_TRY(const auto founded, rows->find(kAllianceTable, ""));
  if (founded) outcome.version_in_force = founded->version_in_force();
  HANSA_CHECK(add_members(outcome));
  HANSA_TRY(outcome.campaigns, all_rows(*rows, kCampaignTable));
  HANSA_TRY(const auto raised, findings());
  for (const auto& finding : raised) {
    const auto kind = v1::FindingKind::Value_Name(finding.raised().kind());
    ++outcome.findings[kind][finding_state_name(finding.state())];
  }
  HANSA_TRY(const auto handovers, all_rows(*rows, kHandoverTable));
  for (const auto& handover : handovers) {
    ++outcome.handovers[v1::HandoverState::Value_Name(handover.state())];
  }
  HANSA_TRY(const auto figures, all_rows(*rows, kFigureRecordTable));
  for (const auto& figure : figures) {
    ++outcome.figures[v1::FigureStanding::Value_Name(figure.standing())];
  }
  if (!air_year) return {};
  outcome.air.emplace();
  HANSA_TRY(outcome.air->live, air_change(*rows, *air_year));
  return {};
}

// Their keepers close on the context, which nobody runs meanwhile.
void League::stop_links() {
  if (links_ == nullptr) return;
  std::thread runner([this] { context_.run(); });
  links_->stop();
  guard_.reset();
  context_.stop();
  runner.join();
  links_.reset();
}

}  // namespace hansa::ops
