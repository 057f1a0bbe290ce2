#include "ops/demo/alliance_life.h"

#include <algorithm>
#include <cmath>

#include "core/alliance/agreement.h"
#include "core/base/durations.h"
#include "core/metrics/air_change.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

constexpr uint32_t kHeartbeatS = 86'400;
constexpr size_t kBordersMax = 4;

constexpr int kAirDaysMax = 366;  // of one command
const std::string kFigure = "verification_rate@1";

v1::Agreement agreement(bool with_streets, bool with_air) {
  v1::Agreement terms;
  terms.set_purpose("Fewer dumps on the borders between us: each city sees where its neighbours "
                    "take reports, what they close, and how people rate it.");
  const auto grant = [&](const char* event, std::initializer_list<const char*> fields) {
    auto& added = *terms.add_grants();
    added.set_event(event);
    for (const char* field : fields) added.add_fields(field);
    added.set_highest_class(v1::PUBLIC);
  };
  if (with_streets) {
    grant("CaseReported", {"case", "kind", "service", "place.district", "place.street"});
  } else {
    grant("CaseReported", {"case", "kind", "service", "place.district"});
  }
  // With these anyone reckons how many reports were verified.
  for (const char* event : {"CaseVerified", "CaseRefuted", "CaseWithdrawn", "CaseReferredOut",
                            "CaseMerged"}) {
    grant(event, {"case"});
  }
  grant("CaseImported", {"case", "reported_time_us", "merged_into"});
  grant("CalendarAdopted", {"calendar.offsets.utc_time_s", "calendar.offsets.offset_s"});
  const auto name_figure = [&](const std::string& metric) {
    auto& figure = *terms.add_metrics();
    figure.set_metric(metric);
    figure.add_scopes("city");
  };
  name_figure(kFigure);
  terms.set_smallest_cell(1);  // a small demo has few cases
  grant("CaseClosed", {"case", "closure"});
  grant("CitizenRated", {"case", "closure", "stars"});
  if (with_air) {
    grant("AirQualityRecorded", {"date", "pm25"});
    grant("PopulationRecorded", {"people", "year"});
    name_figure("air_change@" + std::to_string(kAirChangeVersion));
  }
  terms.set_heartbeat_s(kHeartbeatS);
  return terms;
}

double distance(const DeltaCity& a, const DeltaCity& b) {
  return std::hypot(a.latitude - b.latitude, (a.longitude - b.longitude) * 0.85);
}

}  // namespace

AllianceLife::AllianceLife(League& league, const DeltaAir* air, uint32_t days, uint64_t seed,
                           int64_t start_us)
    : league_(league), air_(air), days_(days), chance_(seed, "hansa demo alliance life"),
      start_us_(start_us), border_(league) {
  pair_neighbours();
  plan();
}

void AllianceLife::at(uint32_t day, Action action) {
  steps_.push_back({std::clamp(day, 1u, days_), std::move(action)});
}

void AllianceLife::plan() {
  at(1, [this] { return say_words(true); });
  at(2, [this] { return say_words(false); });
  at(3, [this] { return act_alone(3); });
  at(3, [this] { return act_together("waste-swap", "Waste collected together", 3, false); });
  at(3, [this] { return act_one_sided(3); });
  at(4, [this] { return act_alone(4); });
  at(4, [this] { return act_together("river-bank", "The bank between us", 4, true); });
  at(4, [this] { return offer_over_borders(); });
  at(5, [this] { return border_.answer(); });
  at(6, [this] { return border_.finish(); });
  at(5, [this] { return act_together("night-patrol", "Trucks checked at night", 5, false); });
  for (const uint32_t day : {6u, 18u}) {
    at(day, [this] { return acknowledge(); });
    at(day + 1, [this] { return explain(); });
    at(day + 2, [this] { return settle_one(); });
  }
  uint32_t amended = days_ / 2;
  if (has_odd_ones()) {
    // Who is away can say no word and ratify nothing.
    const uint32_t away = std::max(2u, days_ / 3);
    const uint32_t back = away + std::max(1u, days_ / 10);
    at(away, [this] { return leave(); });
    at(back, [this] { return return_again(); });
    amended = std::max(amended, back);
  }
  at(amended, [this] { return amend(); });
  if (has_odd_ones()) {
    at(amended, [this] { return record_air(league_.members().size() - 1); });
  }
  // A figure over the calendar that nobody has seen says it again; what is counted by it from then
  // on can be proved.
  if (days_ > amended + 2) {
    at(amended + 1, [this, amended] { return publish(amended, amended); });
    at(days_, [this, amended] { return publish(amended + 2, days_ - 1); });
  }
  at(days_, [this] { return close_campaign(); });
  std::stable_sort(steps_.begin(), steps_.end(),
                   [](const Step& a, const Step& b) { return a.day < b.day; });
}

// Each city that takes part with the nearest one that has no partner yet.
void AllianceLife::pair_neighbours() {
  const auto& members = league_.members();
  std::vector<bool> taken(members.size(), false);
  for (size_t i = 0; i < members.size(); ++i) {
    if (taken[i] || is_decliner(i)) continue;
    size_t nearest = members.size();
    for (size_t k = i + 1; k < members.size(); ++k) {
      if (taken[k] || is_decliner(k)) continue;
      const bool is_nearer = nearest == members.size() ||
                             distance(*members[i].city, *members[k].city) <
                                 distance(*members[i].city, *members[nearest].city);
      if (is_nearer) nearest = k;
    }
    if (nearest == members.size()) return;
    taken[i] = taken[nearest] = true;
    pairs_.push_back({i, nearest});
  }
}

std::string AllianceLife::date(uint32_t day) const {
  return time_text(start_us_ + kLocalOffsetUs + (std::min(day, days_) - 1) * kDayUs).substr(0, 10);
}

Result<void> AllianceLife::pass_day(uint32_t day) {
  for (const auto& step : steps_) {
    if (step.day != day) continue;
    HANSA_CHECK(step.action());
    HANSA_CHECK(league_.settle());
  }
  return {};
}

// ---- before the first day

Result<void> AllianceLife::found() {
  v1::FoundAlliance founding;
  founding.mutable_title()->set_en("Yangtze Delta");
  founding.mutable_title()->set_zh("长三角");
  founding.set_simulated(true);
  HANSA_CHECK(league_.decide(std::move(founding)));
  HANSA_CHECK(admit_all());
  HANSA_CHECK(propose_agreement(false));
  for (size_t i = 0; i < league_.members().size(); ++i) {
    if (!is_late(i)) HANSA_CHECK(ratify(i, 1));
  }
  HANSA_CHECK(league_.settle());
  HANSA_CHECK(propose_campaigns());
  return league_.settle();
}

Result<void> AllianceLife::admit_all() {
  for (const auto& member : league_.members()) {
    const auto& identity = member.stage->identity();
    v1::AdmitCity admission;
    admission.set_city(member.city->id);
    admission.mutable_title()->set_en(member.city->title_en);
    admission.mutable_title()->set_zh(member.city->title_zh);
    admission.set_founding_id(identity.founding_id);
    admission.set_public_key(identity.public_key);
    admission.set_recovery_key(identity.recovery_key);
    admission.set_witness_key(identity.witness_key);
    HANSA_CHECK(league_.decide(std::move(admission)));
  }
  for (const auto& member : league_.members()) {
    v1::JoinAlliance joining;
    joining.set_founding_id(league_.identity().founding_id);
    joining.set_public_key(league_.identity().public_key);
    joining.set_recovery_key(league_.identity().recovery_key);
    HANSA_CHECK(league_.say(member, std::move(joining)));
  }
  return league_.settle();
}

Result<void> AllianceLife::propose_agreement(bool with_streets) {
  v1::ProposeAgreement proposal;
  *proposal.mutable_agreement() = agreement(with_streets, air_ != nullptr);
  sha256_.push_back(agreement_sha256(proposal.agreement()));
  HANSA_CHECK(league_.decide(std::move(proposal)));
  return league_.settle();
}

Result<void> AllianceLife::ratify(size_t member, uint32_t version) {
  v1::RatifyAgreement ratification;
  ratification.set_version(version);
  ratification.set_sha256(sha256_.at(version - 1));
  HANSA_CHECK(league_.say(league_.members()[member], std::move(ratification)));
  return {};
}

Result<void> AllianceLife::propose_campaigns() {
  v1::ProposeCampaign proposal;
  proposal.set_title("Environment week");
  proposal.set_purpose("Clean banks and clean air in one week of January, and on the borders "
                       "between us together.");
  // In the evening of the third day, or of the last one.
  proposal.set_commit_by_time_us(start_us_ + std::min(days_, 3u) * kDayUs - 4 * kHourUs);
  proposal.set_starts_time_us(start_us_ + 2 * kDayUs);
  proposal.set_ends_time_us(start_us_ + 9 * kDayUs);
  HANSA_TRY(const auto week, league_.decide(proposal));
  campaign_ = week.subject_id();
  proposal.set_title("Sunday without cars");
  proposal.set_purpose("One Sunday on which the inner districts of all of us are free of cars.");
  proposal.set_quorum(static_cast<uint32_t>(league_.members().size()));
  HANSA_TRY(const auto sunday, league_.decide(proposal));
  quiet_campaign_ = sunday.subject_id();
  return {};
}

// ---- the agreement

Result<void> AllianceLife::amend() {
  HANSA_CHECK(propose_agreement(true));
  for (size_t i = 0; i < league_.members().size(); ++i) HANSA_CHECK(ratify(i, 2));
  return {};
}

Result<void> AllianceLife::publish(uint32_t from_day, uint32_t to_day) {
  for (const auto& member : league_.members()) {
    v1::PublishMetric figure;
    figure.set_metric(kFigure);
    figure.set_scope("city");
    figure.set_from_day(date(from_day));
    figure.set_to_day(date(to_day));
    const auto published = league_.say(member, std::move(figure));
    // Where nobody reported anything there is nothing to publish.
    if (!published && published.error().code != Errc::kTooFew) return fail(published.error());
  }
  return {};
}

Result<void> AllianceLife::share_air(size_t member) {
  if (is_late(member)) return {};
  HANSA_CHECK(record_air(member));
  return league_.settle();
}

// The city's own: whether anybody else hears of it is the agreement's matter.
Result<void> AllianceLife::record_air(size_t member) {
  if (air_ == nullptr) return {};
  const auto& recorder = league_.members()[member];
  const auto found = air_->days.find(recorder.city->id);
  if (found == air_->days.end()) return {};
  v1::RecordPopulation population;
  population.set_people(recorder.city->population);
  population.set_year(kDeltaPopulationYear);
  HANSA_CHECK(league_.record(recorder, std::move(population)));
  v1::RecordAirQuality air;
  for (const auto& day : found->second) {
    *air.add_days() = day;
    if (air.days_size() < kAirDaysMax) continue;
    HANSA_CHECK(league_.record(recorder, std::exchange(air, {})));
  }
  if (air.days_size() > 0) HANSA_CHECK(league_.record(recorder, std::move(air)));
  return {};
}

Result<void> AllianceLife::leave() {
  for (size_t i = 0; i < league_.members().size(); ++i) {
    if (!is_decliner(i)) continue;
    v1::LeaveAlliance leaving;
    leaving.set_reason("the council wants to read the agreement again");
    HANSA_CHECK(league_.say(league_.members()[i], std::move(leaving)));
  }
  return {};
}

Result<void> AllianceLife::return_again() {
  for (size_t i = 0; i < league_.members().size(); ++i) {
    if (!is_decliner(i)) continue;
    v1::JoinAlliance joining;
    joining.set_founding_id(league_.identity().founding_id);
    joining.set_public_key(league_.identity().public_key);
    joining.set_recovery_key(league_.identity().recovery_key);
    HANSA_CHECK(league_.say(league_.members()[i], std::move(joining)));
    HANSA_CHECK(league_.settle());
    HANSA_CHECK(ratify(i, 1));
  }
  return {};
}

// ---- the campaigns

Result<void> AllianceLife::say_words(bool first_half) {
  const auto& members = league_.members();
  for (size_t i = 0; i < members.size(); ++i) {
    if ((i % 2 == 0) != first_half) continue;
    if (is_decliner(i)) {
      v1::DeclineCampaign refusal;
      refusal.set_campaign(campaign_);
      refusal.set_reason("our crews clear the snow this month");
      HANSA_CHECK(league_.say(members[i], std::move(refusal)));
      continue;
    }
    v1::CommitToCampaign commitment;
    commitment.set_campaign(campaign_);
    commitment.set_contribution("crews for our banks, and for those we share");
    HANSA_CHECK(league_.say(members[i], commitment));
    // A quarter of them also likes the Sunday, which is too few.
    if (i >= members.size() / 4) continue;
    commitment.set_campaign(quiet_campaign_);
    commitment.set_contribution("the inner ring, from eight to eight");
    HANSA_CHECK(league_.say(members[i], std::move(commitment)));
  }
  return {};
}

Result<void> AllianceLife::record(size_t member, v1::RecordCampaignAction action) {
  action.set_campaign(campaign_);
  HANSA_CHECK(league_.say(league_.members()[member], std::move(action)));
  return {};
}

Result<void> AllianceLife::act_alone(uint32_t day) {
  for (size_t i = 0; i < league_.members().size(); ++i) {
    if (is_decliner(i) || (i + day) % 2 == 0) continue;
    v1::RecordCampaignAction action;
    action.set_action("own-day-" + std::to_string(day));
    action.set_title("Street corners cleared");
    action.set_day(date(day));
    action.set_quantity(3 + static_cast<uint8_t>(chance_.random_bytes(1)[0]) % 30);
    action.set_unit("corners");
    HANSA_CHECK(record(i, std::move(action)));
  }
  return {};
}

v1::RecordCampaignAction AllianceLife::joint_side(const Pair& pair, bool is_first,
                                                  const std::string& joint_id) const {
  v1::RecordCampaignAction action;
  action.set_action(joint_id);
  action.set_joint_id(joint_id);
  action.set_partner(league_.members()[is_first ? pair.second : pair.first].city->id);
  return action;
}

Result<void> AllianceLife::act_together(const std::string& joint_id, const std::string& title,
                                        uint32_t day, bool differ) {
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const uint64_t quantity = 5 + static_cast<uint8_t>(chance_.random_bytes(1)[0]) % 40;
    const bool differs = differ && i % 3 == 0;
    planted_differing_ += differs;
    for (const bool is_first : {true, false}) {
      auto action = joint_side(pairs_[i], is_first, joint_id);
      action.set_title(title);
      action.set_day(date(day));
      action.set_quantity(quantity + (differs && is_first ? 2 : 0));
      action.set_unit("tonnes");
      HANSA_CHECK(record(is_first ? pairs_[i].first : pairs_[i].second, std::move(action)));
    }
  }
  return {};
}

// The first pair's other side forgets it.
Result<void> AllianceLife::act_one_sided(uint32_t day) {
  if (pairs_.empty()) return {};
  auto action = joint_side(pairs_.front(), true, "school-visit");
  action.set_title("Schools on both sides visited");
  action.set_day(date(day));
  action.set_quantity(4);
  action.set_unit("schools");
  ++planted_one_sided_;
  return record(pairs_.front().first, std::move(action));
}

Result<void> AllianceLife::close_campaign() {
  v1::CloseCampaign closing;
  closing.set_campaign(campaign_);
  closing.set_summary("The week is over; its numbers are those of the actions recorded.");
  HANSA_CHECK(league_.decide(std::move(closing)));
  return {};
}

// The first pair knows two dumps, of which only one is on the other side.
Result<void> AllianceLife::offer_over_borders() {
  const auto& members = league_.members();
  for (size_t i = 0; i < std::min<size_t>(pairs_.size(), kBordersMax); ++i) {
    const auto& from = members[pairs_[i].first];
    const auto& to = members[pairs_[i].second];
    HANSA_CHECK(border_.offer(from, to));
    if (i == 0) HANSA_CHECK(border_.offer(from, to));
  }
  return {};
}

// ---- the findings

Result<size_t> AllianceLife::member_of(const std::string& city) const {
  const auto& members = league_.members();
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const auto& member) { return member.city->id == city; });
  if (found != members.end()) return static_cast<size_t>(found - members.begin());
  return fail(Errc::kInternal, "a finding concerns " + city + ", which is no member");
}

// Two of three are acknowledged, by both sides.
Result<void> AllianceLife::acknowledge() {
  HANSA_TRY(const auto findings, league_.findings());
  for (size_t i = 0; i < findings.size(); ++i) {
    if (i % 3 == 2 || findings[i].state() != v1::FindingState::raised) continue;
    for (const auto& city : findings[i].raised().cities()) {
      HANSA_TRY(const size_t member, member_of(city));
      v1::AcknowledgeFinding acknowledgement;
      acknowledgement.set_finding(findings[i].raised().finding());
      HANSA_CHECK(league_.say(league_.members()[member], std::move(acknowledgement)));
    }
  }
  return {};
}

// Every other one of these is explained, by one side.
Result<void> AllianceLife::explain() {
  HANSA_TRY(const auto findings, league_.findings());
  for (size_t i = 0; i < findings.size(); ++i) {
    if (i % 3 != 0 || findings[i].state() != v1::FindingState::acknowledged) continue;
    HANSA_TRY(const size_t member, member_of(findings[i].raised().cities(0)));
    v1::ExplainFinding explanation;
    explanation.set_finding(findings[i].raised().finding());
    explanation.set_text("we weighed the boats too; the smaller number is right");
    HANSA_CHECK(league_.say(league_.members()[member], std::move(explanation)));
  }
  return {};
}

Result<void> AllianceLife::settle_one() {
  HANSA_TRY(const auto findings, league_.findings());
  const auto is = [](v1::FindingState::Value state) {
    return [state](const v1::Finding& finding) { return finding.state() == state; };
  };
  using State = v1::FindingState;
  if (std::any_of(findings.begin(), findings.end(), is(State::settled))) return {};
  const auto found = std::find_if(findings.begin(), findings.end(), is(State::explained));
  if (found == findings.end()) return {};
  v1::SettleFinding settlement;
  settlement.set_finding(found->raised().finding());
  settlement.set_reason("both sides agree on the smaller number");
  HANSA_CHECK(league_.decide(std::move(settlement)));
  return {};
}

}  // namespace hansa::ops
