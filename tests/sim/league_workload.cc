#include "tests/sim/league_workload.h"

#include <utility>

#include "core/alliance/alliance.h"
#include "core/alliance/ledger_keys.h"
#include "core/base/day.h"
#include "core/base/durations.h"
#include "core/base/signature.h"
#include "core/city/case.h"
#include "hansa/v1/affiliation.pb.h"
#include "hansa/v1/alliance.pb.h"
#include "hansa/v1/campaign.pb.h"
#include "hansa/v1/campaign_acts.pb.h"
#include "hansa/v1/city.pb.h"
#include "hansa/v1/handover.pb.h"
#include "hansa/v1/ledger_keys.pb.h"

namespace hansa::sim {
namespace {

using Membership = v1::Membership;
using State = v1::AgreementState;

template <typename Command>
Request ask(Dice& dice, Command command, const std::string& subject = "") {
  const std::string method = command.GetDescriptor()->name();
  auto made = make_request(dice, method, std::make_unique<Command>(std::move(command)));
  made.subject = subject;
  return made;
}

template <typename Row>
std::vector<Row> rows_of(const SeeRows& see_rows, const LedgerId& ledger, Table<Row> table) {
  std::vector<Row> all;
  const auto rows = see_rows(ledger);
  if (rows == nullptr) return all;
  const auto seen = rows->scan(stored_key(table.id, ""), stored_key(table.id, "\xff"),
                               [&](std::string_view, std::string_view value) {
                                 Row row;
                                 row.ParseFromArray(value.data(), static_cast<int>(value.size()));
                                 all.push_back(std::move(row));
                                 return true;
                               });
  if (!seen) all.clear();
  return all;
}

template <typename Row>
const Row* any_of(Dice& dice, const std::vector<Row>& rows) {
  return rows.empty() ? nullptr : &rows[dice.pick(rows.size())];
}

v1::PlaceInput place() {
  v1::PlaceInput place;
  place.set_district("north");
  place.set_street("river-street");
  place.set_community("old-mill");
  return place;
}

std::string reason(Dice& dice) { return "because " + std::to_string(dice.pick(1000)); }

}  // namespace

Request joining(Dice& dice, const LedgerId& city) {
  v1::JoinAlliance command;
  command.set_city(city.id);
  command.set_alliance(kDelta.id);
  command.set_founding_id(to_hex(founding_id_of(kDelta)));
  command.set_public_key(key_of("key", kDelta));
  command.set_recovery_key(key_of("recovery", kDelta));
  return ask(dice, command, kDelta.id);
}

Request leaving(Dice& dice, const LedgerId& city) {
  v1::LeaveAlliance command;
  command.set_city(city.id);
  command.set_alliance(kDelta.id);
  command.set_reason(reason(dice));
  return ask(dice, command, kDelta.id);
}

Request admission(Dice& dice, const LedgerId& city) {
  v1::AdmitCity command;
  command.set_alliance(kDelta.id);
  command.set_city(city.id);
  command.set_founding_id(to_hex(founding_id_of(city)));
  command.set_public_key(key_of("key", city));
  command.set_recovery_key(key_of("recovery", city));
  if (!dice.chance(100)) command.set_witness_key(key_of("witness", city));
  return ask(dice, command, city.id);
}

Request readmission(Dice& dice, const std::string& city, bool was_expelled) {
  if (was_expelled) {
    v1::ReadmitCity command;
    command.set_alliance(kDelta.id);
    command.set_city(city);
    return ask(dice, command, city);
  }
  v1::ReinstateCity command;
  command.set_alliance(kDelta.id);
  command.set_city(city);
  return ask(dice, command, city);
}

Request city_key_change(Dice& dice, const LedgerId& city, const federation::SeedChange& change) {
  const KeyChange text{to_hex(public_key_of(change.seed)), change.from_size, ""};
  v1::ChangeCityKey command;
  command.set_alliance(kDelta.id);
  command.set_city(city.id);
  command.set_public_key(text.public_key);
  command.set_from_size(text.from_size);
  command.set_signature(to_hex(
      sign(seed_of("key", city), change_text(change.ledger, to_hex(founding_id_of(city)), text))));
  return ask(dice, command, city.id);
}

Request alliance_key_change(Dice& dice, const LedgerId& city,
                            const federation::SeedChange& change) {
  const KeyChange text{to_hex(public_key_of(change.seed)), change.from_size, ""};
  v1::ChangeAllianceKey command;
  command.set_city(city.id);
  command.set_alliance(kDelta.id);
  command.set_public_key(text.public_key);
  command.set_from_size(text.from_size);
  command.set_signature(to_hex(
      sign(seed_of("key", kDelta), change_text(kDelta, to_hex(founding_id_of(kDelta)), text))));
  return ask(dice, command, kDelta.id);
}

Request city_release(Dice& dice, const LedgerId& city) {
  v1::ReleaseInput command;
  command.set_alliance(kDelta.id);
  command.set_city(city.id);
  command.set_reason(reason(dice));
  return ask(dice, command, city.id);
}

Request alliance_release(Dice& dice, const LedgerId& city) {
  v1::ReleaseAlliance command;
  command.set_city(city.id);
  command.set_alliance(kDelta.id);
  command.set_reason(reason(dice));
  return ask(dice, command, kDelta.id);
}

// ---- the alliance

AllianceWorkload::AllianceWorkload(Dice& dice, std::vector<LedgerId> cities, int64_t now_us,
                                   SeeRows see_rows)
    : dice_(dice), cities_(std::move(cities)), now_us_(now_us), see_rows_(std::move(see_rows)) {}

std::vector<Request> AllianceWorkload::setup() {
  std::vector<Request> all;
  v1::FoundAlliance found;
  found.set_alliance(kDelta.id);
  all.push_back(ask(dice_, found));
  for (const auto& city : cities_) all.push_back(admission(dice_, city));
  all.push_back(proposal());
  return all;
}

Request AllianceWorkload::next() {
  const uint64_t roll = dice_.pick(100);
  if (roll < 25) return proposal();
  if (roll < 60) return on_agreement();
  if (roll < 80) return on_member();
  return on_campaign();
}

Request AllianceWorkload::proposal() {
  v1::ProposeAgreement command;
  command.set_alliance(kDelta.id);
  auto& agreement = *command.mutable_agreement();
  agreement.set_purpose("Number " + std::to_string(dice_.pick(1000)));
  agreement.set_heartbeat_s(static_cast<uint32_t>(dice_.between(1, 20)));
  const auto grant = [&](const std::string& event, const std::vector<std::string>& fields) {
    if (dice_.chance(300)) return;
    auto& added = *agreement.add_grants();
    added.set_event(event);
    for (const auto& field : fields) {
      if (added.fields_size() == 0 || dice_.chance(700)) added.add_fields(field);
    }
  };
  grant("UnitDefined", {"unit", "title.en"});
  grant("CaseReported", {"case", "kind", "service", "place.district"});
  grant("CaseFiled", {"case", "deadline_time_us"});
  grant("CaseClosed", {"case"});
  grant("AirQualityRecorded", {"date", "pm25"});
  if (dice_.chance(100)) {
    agreement.set_valid_until_time_us(now_us_ + dice_.between(5, 40) * kSecondUs);
  }
  return ask(dice_, command);
}

Request AllianceWorkload::on_agreement() {
  const auto versions = rows_of(see_rows_, kDelta, kAgreementTable);
  const auto* version = any_of(dice_, versions);
  if (version == nullptr) return proposal();
  const auto command = [&](auto message) {
    message.set_alliance(kDelta.id);
    message.set_version(version->version());
    if constexpr (requires { message.set_reason(""); }) message.set_reason(reason(dice_));
    return ask(dice_, message, std::to_string(version->version()));
  };
  switch (version->state()) {
    case State::suspended: return command(v1::ResumeAgreement());
    case State::in_force:
      return dice_.chance(700) ? command(v1::SuspendAgreement()) : command(v1::RevokeAgreement());
    case State::proposed:
      if (dice_.chance(100)) return command(v1::DropAgreement());
      break;
    default: break;
  }
  return proposal();
}

Request AllianceWorkload::on_member() {
  const auto members = rows_of(see_rows_, kDelta, kMemberTable);
  const auto* member = any_of(dice_, members);
  if (member == nullptr) return proposal();
  const auto command = [&](auto message) {
    message.set_alliance(kDelta.id);
    message.set_city(member->city());
    message.set_reason(reason(dice_));
    return ask(dice_, message, member->city());
  };
  switch (member->membership()) {
    case Membership::admitted:
      if (dice_.chance(600)) return command(v1::SuspendCity());
      return command(v1::ExpelCity());
    case Membership::suspended: return readmission(dice_, member->city(), false);
    case Membership::expelled: return readmission(dice_, member->city(), true);
    default: return proposal();
  }
}

Request AllianceWorkload::on_campaign() {
  const auto campaigns = rows_of(see_rows_, kDelta, kCampaignTable);
  const auto* campaign = any_of(dice_, campaigns);
  if (campaign != nullptr && dice_.chance(600)) {
    v1::CloseCampaign command;
    command.set_alliance(kDelta.id);
    command.set_campaign(campaign->campaign());
    command.set_summary("done");
    return ask(dice_, command, campaign->campaign());
  }
  v1::ProposeCampaign command;
  command.set_alliance(kDelta.id);
  command.set_title("Clean river banks");
  command.set_purpose("The banks between us.");
  command.set_commit_by_time_us(now_us_ + dice_.between(20, 200) * kSecondUs);
  command.set_starts_time_us(now_us_ + 3'600 * kSecondUs);
  command.set_ends_time_us(now_us_ + 7'200 * kSecondUs);
  return ask(dice_, command);
}

// ---- a member

MemberWorkload::MemberWorkload(Dice& dice, LedgerId city, std::vector<LedgerId> cities,
                               const int64_t& now_us, bool erases, SeeRows see_rows)
    : dice_(dice),
      city_(std::move(city)),
      cities_(std::move(cities)),
      now_us_(now_us),
      see_rows_(std::move(see_rows)),
      daily_(dice, city_.id, now_us, erases) {}

std::vector<Request> MemberWorkload::setup() {
  auto all = daily_.setup();
  all.push_back(joining(dice_, city_));
  return all;
}

Request MemberWorkload::next() {
  const uint64_t roll = dice_.pick(100);
  std::optional<Request> made;
  if (roll < 20) {
    made = on_agreement();
  } else if (roll < 40) {
    made = on_offer();
    if (!made) made = offer();
  } else if (roll < 50) {
    made = offer();
  } else if (roll < 57) {
    made = on_campaign();
  } else if (roll < 62) {
    made = air();
  }
  return made ? *std::move(made) : daily_.next();
}

std::optional<Request> MemberWorkload::on_agreement() {
  const auto affiliations = rows_of(see_rows_, city_, kAffiliationTable);
  if (affiliations.empty()) return std::nullopt;
  const auto& row = affiliations.front();
  const auto command = [&](auto message) {
    message.set_city(city_.id);
    message.set_alliance(kDelta.id);
    return message;
  };
  if (row.state() != v1::AffiliationState::joined) return joining(dice_, city_);
  if (dice_.chance(60)) return leaving(dice_, city_);
  if (!row.ratified().empty() && dice_.chance(150)) {
    auto revoke = command(v1::RevokeRatification());
    revoke.set_version(row.ratified(0).version());
    revoke.set_reason(reason(dice_));
    return ask(dice_, revoke, kDelta.id);
  }
  const auto heard = rows_of(see_rows_, city_, kHeardAgreementTable);
  if (heard.empty()) return std::nullopt;
  // Mostly the newest.
  const auto& version = dice_.chance(700) ? heard.back() : heard[dice_.pick(heard.size())];
  auto ratify = command(v1::RatifyAgreement());
  ratify.set_version(version.version());
  ratify.set_sha256(version.sha256());
  return ask(dice_, ratify, kDelta.id);
}

std::optional<Request> MemberWorkload::on_offer() {
  std::vector<v1::Handover> offers;
  for (auto& row : rows_of(see_rows_, city_, kHandoverTable)) {
    const bool is_open = row.state() == v1::HandoverState::offered || dice_.chance(50);
    if (!row.is_own() && is_open) offers.push_back(std::move(row));
  }
  const auto* row = any_of(dice_, offers);
  if (row == nullptr) return std::nullopt;
  const auto command = [&](auto message) {
    message.set_city(city_.id);
    message.set_alliance(kDelta.id);
    message.set_from_city(row->from_city());
    message.set_handover(row->handover());
    return message;
  };
  if (dice_.chance(300)) {
    auto decline = command(v1::DeclineOffer());
    decline.set_reason(reason(dice_));
    return ask(dice_, decline, row->handover());
  }
  auto take = command(v1::TakeOffer());
  take.set_service("rubbish");
  *take.mutable_place() = place();
  return ask(dice_, take, row->handover());
}

std::optional<Request> MemberWorkload::offer() {
  std::vector<v1::Case> cases;
  for (auto& row : rows_of(see_rows_, city_, kCaseTable)) {
    if (is_open(row.state())) cases.push_back(std::move(row));
  }
  const auto* row = any_of(dice_, cases);
  if (row == nullptr) return std::nullopt;
  v1::OfferCase command;
  command.set_city(city_.id);
  command.set_case_(row->case_());
  command.set_alliance(kDelta.id);
  command.set_to_city(cities_[dice_.pick(cities_.size())].id);
  command.set_where("by the border stone");
  command.set_expires_time_us(now_us_ + dice_.between(1, 30) * kSecondUs);
  return ask(dice_, command, row->case_());
}

std::optional<Request> MemberWorkload::on_campaign() {
  const auto campaigns = rows_of(see_rows_, city_, kHeardCampaignTable);
  const auto* campaign = any_of(dice_, campaigns);
  if (campaign == nullptr) return std::nullopt;
  const auto command = [&](auto message) {
    message.set_city(city_.id);
    message.set_alliance(kDelta.id);
    message.set_campaign(campaign->campaign());
    return message;
  };
  if (campaign->state() == v1::CampaignState::launched && dice_.chance(600)) {
    auto record = command(v1::RecordCampaignAction());
    record.set_action("a" + std::to_string(dice_.pick(4)));
    record.set_title("North bank");
    record.set_day("2025-01-01");
    record.set_quantity(dice_.pick(3));
    record.set_unit("tonnes");
    return ask(dice_, record, campaign->campaign());
  }
  if (dice_.chance(800)) {
    auto commit = command(v1::CommitToCampaign());
    commit.set_contribution("forty people");
    return ask(dice_, commit, campaign->campaign());
  }
  auto decline = command(v1::DeclineCampaign());
  decline.set_reason(reason(dice_));
  return ask(dice_, decline, campaign->campaign());
}

Request MemberWorkload::air() {
  v1::RecordAirQuality command;
  command.set_city(city_.id);
  const auto first = *parse_day("2024-01-01", "date") + static_cast<int>(dice_.pick(300));
  for (uint64_t i = 0, days = 1 + dice_.pick(5); i < days; ++i) {
    auto& day = *command.add_days();
    day.set_date(day_text(first + static_cast<int>(i)));
    day.set_pm25(std::to_string(dice_.pick(90)) + ".5");
  }
  return ask(dice_, command);
}

}  // namespace hansa::sim
