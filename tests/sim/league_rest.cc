#include "tests/sim/league_rest.h"

#include "core/alliance/alliance.h"

namespace hansa::sim {
namespace {

template <typename Row>
std::string first_open(const projections::Snapshot& rows, Table<Row> table,
                       const std::function<std::string(const Row&)>& look) {
  std::string open;
  const auto read = rows.scan(
      stored_key(table.id, ""), stored_key(table.id, "\xff"),
      [&](std::string_view, std::string_view value) {
        Row row;
        const bool is_read = row.ParseFromArray(value.data(), static_cast<int>(value.size()));
        open = is_read ? look(row) : "a row cannot be read";
        return open.empty();
      });
  return read ? open : read.error().detail;
}

std::string come_back(const LeagueAffairs& affairs, const LedgerId& city) {
  const auto member = affairs.rows(kDelta)->find(kMemberTable, city.id);
  const auto affiliation = affairs.rows(city)->find(kAffiliationTable, kDelta.id);
  if (!member || !affiliation) return "the rows of " + city.text() + " cannot be read";
  if (!*member) {
    // Refused where the alliance's founding was not seen yet.
    affairs.ask(kDelta, admission(affairs.dice, city));
    return city.text() + " is not admitted";
  }
  const auto membership = (*member)->membership();
  const bool is_out = membership == v1::Membership::expelled;
  if (is_out || membership == v1::Membership::suspended) {
    affairs.ask(kDelta, readmission(affairs.dice, city.id, is_out));
    return city.text() + " is no member in good standing";
  }
  if (!*affiliation || (*affiliation)->state() != v1::AffiliationState::joined) {
    affairs.ask(city, joining(affairs.dice, city));
    return city.text() + " has left, or never joined";
  }
  if ((*member)->joined_time_us() != 0) return "";
  // Either its word is on its way, or it was given while the city was out, and had no effect.
  if ((*affiliation)->membership() != v1::Membership::unspecified) {
    affairs.ask(city, leaving(affairs.dice, city));
  }
  return city.text() + " has joined, and is no member";
}

// Who could not be told of a changed key, or was told too late.
std::string catch_up_keys(const LeagueAffairs& affairs, const LedgerId& city) {
  const auto change_of = [&](const LedgerId& ledger) -> const federation::SeedChange* {
    const auto found = affairs.seed_changes.find(ledger);
    return found == affairs.seed_changes.end() || found->second.empty() ? nullptr
                                                                        : &found->second.front();
  };
  const auto is_stopped = [&](const LedgerId& reader, const LedgerId& input) {
    const auto row = affairs.rows(reader)->find(kInputTable, input.text());
    return row && *row && (*row)->quarantined().code() == "bad_signature";
  };
  const auto member = affairs.rows(kDelta)->find(kMemberTable, city.id);
  const auto affiliation = affairs.rows(city)->find(kAffiliationTable, kDelta.id);
  if (!member || !*member || !affiliation || !*affiliation) return "";
  std::string open;
  if (const auto* change = change_of(city); change != nullptr && (*member)->keys().empty()) {
    affairs.ask(kDelta, city_key_change(affairs.dice, city, *change));
    open = "the key of " + city.text() + " is not recorded";
  }
  const bool is_joined = (*affiliation)->state() == v1::AffiliationState::joined;
  if (const auto* change = change_of(kDelta);
      change != nullptr && is_joined && (*affiliation)->keys().empty()) {
    affairs.ask(city, alliance_key_change(affairs.dice, city, *change));
    open = "the alliance's key is not recorded by " + city.text();
  }
  if (!open.empty()) return open;
  if (change_of(city) != nullptr && is_stopped(kDelta, share_ledger(kDelta.id, city.id))) {
    affairs.ask(kDelta, city_release(affairs.dice, city));
    return "the share of " + city.text() + " is not read";
  }
  // Who has left is told of no key: it joins again first.
  if (change_of(kDelta) == nullptr || !is_joined || !is_stopped(city, kDelta)) return "";
  affairs.ask(city, alliance_release(affairs.dice, city));
  return "the alliance is not read by " + city.text();
}

std::string case_at_rest(const LeagueAffairs& affairs, const LedgerId& city) {
  const auto rows = affairs.rows(city);
  auto open = first_open<v1::Handover>(*rows, kHandoverTable, [&](const v1::Handover& row) {
    if (row.state() != v1::HandoverState::offered) return std::string();
    return "in " + city.text() + " case " + row.offered().case_() + " of " + row.from_city() +
           " rests, offered as " + row.handover();
  });
  if (!open.empty()) return open;
  return first_open<v1::Case>(*rows, kCaseTable, [&](const v1::Case& row) {
    if (row.offered_to().empty()) return std::string();
    return "in " + city.text() + " case " + row.case_() + " rests";
  });
}

}  // namespace

std::string what_rests_in_rows(const LeagueAffairs& affairs) {
  // A word that is not read for its key is not heard either.
  for (const auto& city : affairs.cities) {
    if (auto open = catch_up_keys(affairs, city); !open.empty()) return open;
  }
  for (const auto& city : affairs.cities) {
    if (auto open = come_back(affairs, city); !open.empty()) return open;
  }
  for (const auto& city : affairs.cities) {
    if (auto open = case_at_rest(affairs, city); !open.empty()) return open;
  }
  return first_open<v1::Finding>(*affairs.rows(kDelta), kFindingTable, [](const v1::Finding& row) {
    const bool is_open = row.raised().kind() == v1::FindingKind::silence &&
                         row.state() != v1::FindingState::settled;
    return is_open ? "the silence of a member is not settled" : std::string();
  });
}

std::string what_waits(const std::vector<federation::LinkHealth>& links, const LedgerId& leads) {
  const std::string share = share_ledger(kDelta.id, leads.id).text();
  const std::string arrow = " > ";
  std::string waits;
  for (const auto& link : links) {
    const bool is_moved = leads == kDelta ? link.link.ends_with(arrow + kDelta.text()) ||
                                                link.link == kDelta.text() + arrow + "witnesses"
                                          : link.link == leads.text() + arrow + share ||
                                                link.link == kDelta.text() + arrow + leads.text() ||
                                                link.link == share + arrow + "witnesses";
    if (!is_moved || (link.is_idle && !link.waits && link.behind_records == 0)) continue;
    waits += link.link + " is " + std::to_string(link.behind_records) + " records behind" +
             (link.waits ? ": " + link.waits->detail : "") + "; ";
  }
  return waits;
}

}  // namespace hansa::sim
