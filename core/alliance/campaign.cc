#include "core/alliance/campaign.h"

#include <algorithm>

#include "core/alliance/clocks.h"
#include "core/base/ids.h"
#include "core/city/case.h"

namespace hansa {
namespace {

using Membership = v1::Membership;
using State = v1::CampaignState;
using Word = v1::CampaignWord;

Decision about(const std::string& campaign, State::Value after) {
  Decision decision;
  decision.subject_id = campaign;
  decision.state = campaign_state_name(after);
  return decision;
}

struct Cities {
  uint32_t members = 0;
  // Whether they have joined yet or not.
  uint32_t admitted = 0;
};

Cities count_cities(RowsView& view) {
  Cities cities;
  view.scan(TableId::kMember, "", "\xff", [&](std::string_view, const auto& row) {
    const auto& member = static_cast<const v1::Member&>(row);
    cities.members += is_member(member) ? 1 : 0;
    const auto standing = member.membership();
    cities.admitted += standing == Membership::admitted || standing == Membership::suspended;
    return true;
  });
  return cities;
}

// Cities that committed and are still members.
uint32_t count_committed(RowsView& view, const std::string& campaign) {
  std::vector<std::string> members;
  view.scan(TableId::kMember, "", "\xff", [&](std::string_view city, const auto& row) {
    if (is_member(static_cast<const v1::Member&>(row))) members.emplace_back(city);
    return true;
  });
  uint32_t committed = 0;
  for (const auto& city : members) {
    const auto* word = view.find(kCampaignCityTable, campaign_city_key(campaign, city));
    committed += word != nullptr && word->word() == Word::committed ? 1 : 0;
  }
  return committed;
}

Result<void> check_times(const v1::ProposeCampaign& command, int64_t now_us) {
  HANSA_CHECK(check_time(command.commit_by_time_us(), "commit_by_time_us"));
  HANSA_CHECK(check_time(command.starts_time_us(), "starts_time_us"));
  HANSA_CHECK(check_time(command.ends_time_us(), "ends_time_us"));
  if (command.commit_by_time_us() <= now_us) {
    return fail(Errc::kTimesBackwards,
                "the time to commit must lie ahead; cities could not say a word",
                "/commit_by_time_us");
  }
  if (command.starts_time_us() >= command.ends_time_us()) {
    return fail(Errc::kTimesBackwards, "the campaign would end before it starts",
                "/ends_time_us");
  }
  if (command.commit_by_time_us() > command.ends_time_us()) {
    return fail(Errc::kTimesBackwards,
                "cities could commit after the campaign has ended; set an earlier date",
                "/commit_by_time_us");
  }
  return {};
}

// Half of the members, rounded up, where none is asked for.
Result<uint32_t> quorum_of(RowsView& view, uint32_t asked) {
  const Cities cities = count_cities(view);
  if (asked == 0) return std::max<uint32_t>(1, (cities.members + 1) / 2);
  if (asked <= cities.admitted) return asked;
  return fail(Errc::kBadRequest,
              "the alliance has " + std::to_string(cities.admitted) + " cities; a quorum of " +
                  std::to_string(asked) + " could never be reached",
              "/quorum");
}

Error unknown_campaign(const std::string& campaign) {
  return {Errc::kUnknownCampaign, "the alliance has proposed no campaign " + campaign,
          "/campaign"};
}

// The campaign, if this city may still say its one word on it.
Result<const v1::Campaign*> hear_word(const Act& act, const std::string& campaign) {
  HANSA_CHECK(check_member(act.member));
  const auto* row = find_campaign(act.view, campaign);
  if (row == nullptr) return fail(unknown_campaign(campaign));
  const std::string& city = act.member.city();
  if (row->state() != State::proposed && row->state() != State::launched) {
    return fail(Errc::kWrongState, "campaign " + campaign + " is " +
                                       campaign_state_name(row->state()) +
                                       "; the word of " + city + " came too late");
  }
  const bool was_late = act.city_time_us >= row->commit_by_time_us();
  const bool is_over = row->state() == State::proposed &&
                       act.context.time_us >= row->commit_by_time_us();
  if (was_late || is_over) {
    return fail(Errc::kWrongState,
                "the time to commit to campaign " + campaign + " is over");
  }
  const auto* said = act.view.find(kCampaignCityTable, campaign_city_key(campaign, city));
  if (said == nullptr) return row;
  return fail(Errc::kWrongState, city + " has " + Word::Value_Name(said->word()) + " on campaign " +
                                     campaign + " already; the first word binds");
}

Result<void> check_length(const std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return {};
  return fail(Errc::kTextTooLong, "a text of " + std::to_string(text.size()) +
                                      " bytes; at most " + std::to_string(bytes_max) +
                                      " are taken");
}

Result<void> set_word(Rows& rows, const std::string& campaign, const std::string& city,
                      Word::Value word, const std::string& statement,
                      const EntryContext& entry) {
  HANSA_TRY(auto* row, change_campaign(rows, campaign));
  auto& numbers = *row->mutable_numbers();
  if (word == Word::committed) {
    numbers.set_cities_committed(numbers.cities_committed() + 1);
  } else {
    numbers.set_cities_declined(numbers.cities_declined() + 1);
  }
  auto& said = rows.put(kCampaignCityTable, campaign_city_key(campaign, city));
  said.set_city(city);
  said.set_word(word);
  said.set_statement(statement);
  said.set_changed_time_us(entry.time_us);
  return {};
}

}  // namespace

std::string campaign_city_key(std::string_view campaign, std::string_view city) {
  std::string key = campaign_key(campaign);
  key.push_back('\0');
  return key.append(city);
}

const v1::Campaign* find_campaign(RowsView& view, const std::string& campaign) {
  const auto* row = view.find(kCampaignTable, campaign_key(campaign));
  return row != nullptr && row->campaign() == campaign ? row : nullptr;
}

std::string campaign_state_name(State::Value state) { return State::Value_Name(state); }

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ProposeCampaign& command) {
  HANSA_CHECK(check_times(command, scope.context.time_us));
  HANSA_TRY(const uint32_t quorum, quorum_of(scope.view, command.quorum()));
  const uint32_t number = scope.alliance.campaigns() + 1;
  if (number > kCampaignsMax) {
    return fail(Errc::kLimitReached,
                "an alliance has at most " + std::to_string(kCampaignsMax) + " campaigns");
  }
  Decision decision = about("k" + std::to_string(number), State::proposed);
  auto& proposed = *decision.events.emplace_back().mutable_campaign_proposed();
  proposed.set_campaign(decision.subject_id);
  proposed.set_title(command.title());
  proposed.set_purpose(command.purpose());
  proposed.set_commit_by_time_us(command.commit_by_time_us());
  proposed.set_starts_time_us(command.starts_time_us());
  proposed.set_ends_time_us(command.ends_time_us());
  proposed.set_quorum(quorum);
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::CloseCampaign& command) {
  const auto* row = find_campaign(scope.view, command.campaign());
  if (row == nullptr) return fail(unknown_campaign(command.campaign()));
  if (row->state() != State::launched) {
    return fail(Errc::kWrongState, "campaign " + row->campaign() + " is " +
                                       campaign_state_name(row->state()) +
                                       "; only a launched one can be closed");
  }
  if (!command.report_sha256().empty() && !parse_hex<Hash>(command.report_sha256())) {
    return fail(Errc::kBadRequest, "report_sha256 must be 64 hex digits, or left out",
                "/report_sha256");
  }
  Decision decision = about(row->campaign(), State::closed);
  auto& closed = *decision.events.emplace_back().mutable_campaign_closed();
  closed.set_campaign(row->campaign());
  closed.set_summary(command.summary());
  *closed.mutable_numbers() = row->numbers();
  closed.set_report_sha256(command.report_sha256());
  return decision;
}

Decision decide_lapse(RowsView& view, const v1::TimerDue& command) {
  Decision decision = about(command.subject(), State::lapsed);
  const auto* row = find_campaign(view, command.subject());
  const bool runs = row != nullptr && row->state() == State::proposed &&
                    row->commit_by_time_us() == command.due_time_us();
  if (!runs) return decision;
  auto& lapsed = *decision.events.emplace_back().mutable_campaign_lapsed();
  lapsed.set_campaign(row->campaign());
  lapsed.set_cities(count_committed(view, row->campaign()));
  return decision;
}

Acted decide_act(const Act& act, const v1::CampaignCommitted& committed) {
  HANSA_TRY(const auto* row, hear_word(act, committed.campaign()));
  HANSA_CHECK(check_length(committed.contribution(), kContributionBytesMax));
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_city_committed();
  recorded.set_city(act.member.city());
  recorded.set_campaign(committed.campaign());
  recorded.set_contribution(committed.contribution());
  if (row->state() != State::proposed) return events;
  const uint32_t cities = count_committed(act.view, committed.campaign()) + 1;
  if (cities < row->quorum()) return events;
  auto& launched = *events.emplace_back().mutable_campaign_launched();
  launched.set_campaign(committed.campaign());
  launched.set_cities(cities);
  return events;
}

Acted decide_act(const Act& act, const v1::CampaignDeclined& declined) {
  HANSA_CHECK(hear_word(act, declined.campaign()));
  HANSA_CHECK(check_length(declined.reason(), kReasonBytesMax));
  std::vector<v1::Event> events;
  auto& recorded = *events.emplace_back().mutable_city_declined();
  recorded.set_city(act.member.city());
  recorded.set_campaign(declined.campaign());
  recorded.set_reason(declined.reason());
  return events;
}

// ---- evolve

Result<v1::Campaign*> change_campaign(Rows& rows, const std::string& campaign) {
  if (find_campaign(rows, campaign) == nullptr) {
    return fail(Errc::kInternal,
                "an event on campaign " + campaign + ", which was never proposed");
  }
  return &rows.put(kCampaignTable, campaign_key(campaign));
}

Result<void> evolve_event(Rows& rows, const v1::CampaignProposed& event,
                          const EntryContext& entry) {
  auto& alliance = rows.put(kAllianceTable, "");
  const uint32_t number = alliance.campaigns() + 1;
  if (event.campaign() != "k" + std::to_string(number)) {
    return fail(Errc::kInternal, "CampaignProposed with the id " + event.campaign() +
                                     " where k" + std::to_string(number) + " is next");
  }
  alliance.set_campaigns(number);
  auto& row = rows.put(kCampaignTable, campaign_key(event.campaign()));
  row.set_campaign(event.campaign());
  row.set_title(event.title());
  row.set_purpose(event.purpose());
  row.set_commit_by_time_us(event.commit_by_time_us());
  row.set_starts_time_us(event.starts_time_us());
  row.set_ends_time_us(event.ends_time_us());
  row.set_quorum(event.quorum());
  row.set_state(State::proposed);
  row.set_proposed_time_us(entry.time_us);
  set_timer(rows, v1::Clock::campaign_commitment, event.campaign(), event.commit_by_time_us(),
            entry);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityCommitted& event, const EntryContext& entry) {
  return set_word(rows, event.campaign(), event.city(), Word::committed, event.contribution(),
                  entry);
}

Result<void> evolve_event(Rows& rows, const v1::CityDeclined& event, const EntryContext& entry) {
  return set_word(rows, event.campaign(), event.city(), Word::declined, event.reason(), entry);
}

Result<void> evolve_event(Rows& rows, const v1::CampaignLaunched& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* row, change_campaign(rows, event.campaign()));
  row->set_state(State::launched);
  row->set_launched_time_us(entry.time_us);
  drop_timer(rows, v1::Clock::campaign_commitment, event.campaign(), row->commit_by_time_us());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CampaignLapsed& event, const EntryContext& entry) {
  HANSA_TRY(auto* row, change_campaign(rows, event.campaign()));
  row->set_state(State::lapsed);
  row->set_ended_time_us(entry.time_us);
  drop_timer(rows, v1::Clock::campaign_commitment, event.campaign(), row->commit_by_time_us());
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CampaignClosed& event, const EntryContext& entry) {
  HANSA_TRY(auto* row, change_campaign(rows, event.campaign()));
  row->set_state(State::closed);
  row->set_summary(event.summary());
  row->set_report_sha256(event.report_sha256());
  row->set_ended_time_us(entry.time_us);
  return {};
}

}  // namespace hansa
