#include "core/alliance/ledger_keys.h"

#include <algorithm>

#include "core/city/affiliation.h"

namespace hansa {
namespace {

using v1::KeyRange;

bool is_in_use(const KeyRange& key) { return key.to_size() == 0 && !key.compromised(); }

// A stolen key may count for nothing at all.
bool counts_for_none(const KeyRange& key) {
  return !is_in_use(key) && key.to_size() < key.from_size();
}

// It must be another than any of them; a recovery key that signed would not be offline any more.
bool is_known(const KnownKeys& known, const std::string& public_key) {
  return public_key == known.recovery_key ||
         std::any_of(known.keys.begin(), known.keys.end(),
                     [&](const auto& key) { return key.public_key() == public_key; });
}

bool is_signed_by(const std::string& public_key, const std::string& text,
                  const std::string& signature) {
  const auto key = parse_hex<PublicKey>(public_key);
  const auto bytes = parse_hex<Signature>(signature);
  return key && bytes && is_signed(*key, text, *bytes);
}

Result<bool> signed_by_recovery(const KnownKeys& known, const std::string& text,
                                const std::string& signature) {
  const auto newest = std::find_if(known.keys.rbegin(), known.keys.rend(),
                                   [](const auto& key) { return !key.compromised(); });
  const bool has_key = newest != known.keys.rend();
  if (has_key && is_signed_by(newest->public_key(), text, signature)) return false;
  if (is_signed_by(known.recovery_key, text, signature)) return true;
  return fail(Errc::kBadSignature,
              "the statement on " + known.ledger.text() + " bears a signature neither of " +
                  (has_key ? "its newest key " + newest->public_key() : "a key that counts") +
                  " nor of its recovery key; take the one that `hansa key` printed",
              "/signature");
}

std::string size_text(Seq size) { return std::to_string(size); }

Result<void> check_from_size(const KnownKeys& known, Seq from_size) {
  for (const auto& key : known.keys) {
    if (counts_for_none(key)) continue;
    const Seq last = is_in_use(key) ? key.from_size() : key.to_size();
    if (from_size > last) continue;
    return fail(Errc::kWrongState,
                "the key " + key.public_key() + " counts " +
                    (is_in_use(key) ? "from size " : "up to size ") + size_text(last) +
                    "; the next one can begin behind that only",
                "/from_size");
  }
  const bool is_stolen = !known.keys.empty() && known.keys.rbegin()->compromised();
  if (is_stolen || from_size > known.taken) return {};
  return fail(Errc::kWrongState,
              size_text(known.taken) + " entries of " + known.ledger.text() +
                  " were taken here under the key before; the next one can begin behind these "
                  "only",
              "/from_size");
}

Result<void> check_last_good_size(const KnownKeys& known, const KeyRange& key,
                                  const KeyEnd& end) {
  const Seq least = end.compromised ? key.from_size() - 1 : key.from_size();
  if (end.last_good_size < least || (!is_in_use(key) && end.last_good_size > key.to_size())) {
    return fail(Errc::kWrongState,
                "the key " + key.public_key() + " counts from size " +
                    size_text(key.from_size()) +
                    (is_in_use(key) ? "" : " to " + size_text(key.to_size())) +
                    "; its last good size must be within",
                "/last_good_size");
  }
  if (end.compromised || end.last_good_size >= known.taken) return {};
  return fail(Errc::kWrongState,
              size_text(known.taken) + " entries of " + known.ledger.text() +
                  " were taken here under this key; only one in wrong hands ends before that",
              "/last_good_size");
}

template <typename Command>
KeyChange change_of(const Command& command) {
  return {command.public_key(), command.from_size(), command.signature()};
}

template <typename Command>
KeyEnd end_of(const Command& command) {
  return {command.public_key(), command.last_good_size(), command.compromised(),
          command.signature()};
}

Seq taken_of(RowsView& view, const LedgerId& ledger) {
  const auto* reached = view.find(kInputTable, ledger.text());
  return reached == nullptr ? 0 : reached->seq();
}

// Of the share ledger of a member, as the alliance knows it.
Result<KnownKeys> known_of(const AllianceScope& scope, const std::string& alliance,
                           const std::string& city) {
  const auto* member = scope.view.find(kMemberTable, city);
  if (member == nullptr) {
    return fail(Errc::kUnknownMember, "the alliance has admitted no city " + city, "/city");
  }
  const auto ledger = share_ledger(alliance, city);
  return KnownKeys{ledger, member->founding_id(), member->recovery_key(), keys_of(*member),
                   taken_of(scope.view, ledger)};
}

// Of an alliance's ledger, as a city that joined it knows it.
Result<KnownKeys> known_of(const CityScope& scope, const std::string& alliance) {
  HANSA_TRY(const auto* row, find_joined(scope, alliance));
  const LedgerId ledger{std::string(kAllianceKind), alliance};
  return KnownKeys{ledger, row->founding_id(), row->recovery_key(), keys_of(*row),
                   taken_of(scope.view, ledger)};
}

// What makes a city this city belongs to no other member.
Result<void> check_no_other_has(RowsView& view, const v1::ChangeCityKey& command) {
  std::string other;
  view.scan(TableId::kMember, "", "\xff", [&](std::string_view, const auto& row) {
    const auto& member = static_cast<const v1::Member&>(row);
    const bool has = member.public_key() == command.public_key() ||
                     member.recovery_key() == command.public_key();
    if (has && member.city() != command.city()) other = member.city();
    return other.empty();
  });
  if (other.empty()) return {};
  return fail(Errc::kAlreadyExists, "the member " + other + " has this key", "/public_key");
}

template <typename Event, typename Statement>
void set_statement(Event& event, const Statement& statement, bool by_recovery_key) {
  event.set_public_key(statement.public_key);
  event.set_by_recovery_key(by_recovery_key);
  event.set_signature(statement.signature);
}

Decision about(const std::string& subject, const char* state) {
  Decision decision;
  decision.subject_id = subject;
  decision.state = state;
  return decision;
}

template <typename Row, typename Event>
void change_row(Row& row, const Event& event) {
  auto keys = keys_of(row);
  apply_change(keys, event.public_key(), event.from_size());
  *row.mutable_keys() = std::move(keys);
  row.set_public_key(event.public_key());
}

template <typename Row, typename Event>
void revoke_row(Row& row, const Event& event) {
  auto keys = keys_of(row);
  apply_end(keys, event.public_key(), event.last_good_size(), event.compromised());
  *row.mutable_keys() = std::move(keys);
}

Result<v1::Member*> change(Rows& rows, const std::string& city, const EntryContext& entry) {
  if (rows.find(kMemberTable, city) == nullptr) {
    return fail(Errc::kInternal, "an event on a key of " + city + ", which was never admitted");
  }
  auto& member = rows.put(kMemberTable, city);
  member.set_changed_time_us(entry.time_us);
  return &member;
}

}  // namespace

KeyRanges only_key(const std::string& public_key) {
  KeyRanges keys;
  auto& key = *keys.Add();
  key.set_public_key(public_key);
  key.set_from_size(1);
  return keys;
}

bool counts_for(const KeyRange& key, Seq size) {
  return size >= key.from_size() && (is_in_use(key) || size <= key.to_size());
}

const KeyRange* key_for(const KeyRanges& keys, Seq size) {
  for (const auto& key : keys) {
    if (counts_for(key, size)) return &key;
  }
  return nullptr;
}

std::string keys_text(const KeyRanges& keys) {
  std::string text;
  for (const auto& key : keys) {
    text += (text.empty() ? "" : ", ") + key.public_key();
    if (counts_for_none(key)) {
      text += " for no size";
    } else if (is_in_use(key)) {
      text += " from size " + size_text(key.from_size());
    } else {
      text += " for sizes " + size_text(key.from_size()) + " to " + size_text(key.to_size());
    }
    if (key.compromised()) text += " (compromised)";
  }
  return text;
}

std::string change_text(const LedgerId& ledger, const std::string& founding_id,
                        const KeyChange& change) {
  return "hansa key change 1\n" + ledger.text() + "\n" + founding_id + "\n" +
         size_text(change.from_size) + "\n" + change.public_key + "\n";
}

std::string end_text(const LedgerId& ledger, const std::string& founding_id, const KeyEnd& end) {
  return "hansa key end 1\n" + ledger.text() + "\n" + founding_id + "\n" +
         size_text(end.last_good_size) + "\n" + (end.compromised ? "compromised" : "retired") +
         "\n" + end.public_key + "\n";
}

Result<bool> check_change(const KnownKeys& known, const KeyChange& change) {
  HANSA_CHECK(check_public_key(change.public_key));
  HANSA_TRY(const bool by_recovery_key,
            signed_by_recovery(known, change_text(known.ledger, known.founding_id, change),
                               change.signature));
  if (is_known(known, change.public_key)) {
    return fail(Errc::kAlreadyExists,
                known.ledger.text() + " was known by the key " + change.public_key +
                    " before, or it is the recovery key; a change needs a new one",
                "/public_key");
  }
  if (known.keys.size() >= kLedgerKeysMax) {
    return fail(Errc::kLimitReached, known.ledger.text() + " has had " +
                                         std::to_string(kLedgerKeysMax) +
                                         " keys; it can have no more");
  }
  HANSA_CHECK(check_from_size(known, change.from_size));
  return by_recovery_key;
}

Result<bool> check_end(const KnownKeys& known, const KeyEnd& end) {
  HANSA_CHECK(check_public_key(end.public_key));
  HANSA_TRY(const bool by_recovery_key,
            signed_by_recovery(known, end_text(known.ledger, known.founding_id, end),
                               end.signature));
  const auto key = std::find_if(known.keys.begin(), known.keys.end(), [&](const auto& one) {
    return one.public_key() == end.public_key;
  });
  if (key == known.keys.end()) {
    return fail(Errc::kWrongState,
                known.ledger.text() + " was never known by the key " + end.public_key,
                "/public_key");
  }
  if (key->compromised() || (!is_in_use(*key) && !end.compromised)) {
    return fail(Errc::kWrongState, "the key " + end.public_key + " counts up to size " +
                                       size_text(key->to_size()) +
                                       " only already; there is nothing to revoke");
  }
  HANSA_CHECK(check_last_good_size(known, *key, end));
  return by_recovery_key;
}

void apply_change(KeyRanges& keys, const std::string& public_key, Seq from_size) {
  for (auto& key : keys) {
    if (is_in_use(key)) key.set_to_size(from_size - 1);
  }
  auto& added = *keys.Add();
  added.set_public_key(public_key);
  added.set_from_size(from_size);
}

void apply_end(KeyRanges& keys, const std::string& public_key, Seq last_good_size,
               bool compromised) {
  for (auto& key : keys) {
    if (key.public_key() != public_key) continue;
    key.set_to_size(last_good_size);
    key.set_compromised(compromised);
  }
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ChangeCityKey& command) {
  HANSA_TRY(const auto known, known_of(scope, command.alliance(), command.city()));
  const auto change = change_of(command);
  HANSA_TRY(const bool by_recovery_key, check_change(known, change));
  HANSA_CHECK(check_no_other_has(scope.view, command));
  auto decision = about(command.city(), "changed");
  auto& changed = *decision.events.emplace_back().mutable_city_key_changed();
  changed.set_city(command.city());
  changed.set_from_size(change.from_size);
  set_statement(changed, change, by_recovery_key);
  return decision;
}

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::RevokeCityKey& command) {
  HANSA_TRY(const auto known, known_of(scope, command.alliance(), command.city()));
  const auto end = end_of(command);
  HANSA_TRY(const bool by_recovery_key, check_end(known, end));
  auto decision = about(command.city(), "revoked");
  auto& revoked = *decision.events.emplace_back().mutable_city_key_revoked();
  revoked.set_city(command.city());
  revoked.set_last_good_size(end.last_good_size);
  revoked.set_compromised(end.compromised);
  set_statement(revoked, end, by_recovery_key);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::ChangeAllianceKey& command) {
  HANSA_TRY(const auto known, known_of(scope, command.alliance()));
  const auto change = change_of(command);
  HANSA_TRY(const bool by_recovery_key, check_change(known, change));
  auto decision = about(command.alliance(), "changed");
  auto& changed = *decision.events.emplace_back().mutable_alliance_key_changed();
  changed.set_alliance(command.alliance());
  changed.set_from_size(change.from_size);
  set_statement(changed, change, by_recovery_key);
  return decision;
}

Result<Decision> decide_city(const CityScope& scope, const v1::RevokeAllianceKey& command) {
  HANSA_TRY(const auto known, known_of(scope, command.alliance()));
  const auto end = end_of(command);
  HANSA_TRY(const bool by_recovery_key, check_end(known, end));
  auto decision = about(command.alliance(), "revoked");
  auto& revoked = *decision.events.emplace_back().mutable_alliance_key_revoked();
  revoked.set_alliance(command.alliance());
  revoked.set_last_good_size(end.last_good_size);
  revoked.set_compromised(end.compromised);
  set_statement(revoked, end, by_recovery_key);
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::CityKeyChanged& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  change_row(*member, event);
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::CityKeyRevoked& event,
                          const EntryContext& entry) {
  HANSA_TRY(auto* member, change(rows, event.city(), entry));
  revoke_row(*member, event);
  return {};
}

void apply_key_event(v1::Affiliation& row, const v1::AllianceKeyChanged& event) {
  change_row(row, event);
}

void apply_key_event(v1::Affiliation& row, const v1::AllianceKeyRevoked& event) {
  revoke_row(row, event);
}

}  // namespace hansa
