#include "federation/witness_set.h"

#include "core/alliance/alliance_fold.h"
#include "core/city/peers.h"

namespace hansa::federation {

WitnessSet::WitnessSet(const std::vector<v1::Member>& members) {
  for (const auto& member : members) members_[member.city()] = member;
}

void WitnessSet::take(const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    if (!peer_heard_of(event)) continue;
    MapRows rows;
    for (const auto& [city, member] : members_) rows.put(kMemberTable, city) = member;
    const EntryContext entry{0, payload.time_us(), {}};
    const auto evolved = evolve_alliance(rows, event, entry);
    if (!evolved || !*evolved) continue;
    rows.scan(TableId::kMember, "", "\xff", [this](std::string_view city, const auto& row) {
      members_[std::string(city)] = static_cast<const v1::Member&>(row);
      return true;
    });
  }
}

std::vector<NoteKey> WitnessSet::keys(std::string_view except_city) const {
  std::vector<NoteKey> keys;
  for (const auto& [city, member] : members_) {
    if (city == except_city || !is_member(member)) continue;
    if (auto key = witness_key(member)) keys.push_back(*std::move(key));
  }
  return keys;
}

bool WitnessSet::confirms(const Note& note, std::string_view except_city) const {
  const auto all = keys(except_city);
  uint32_t good = 0;
  for (const auto& key : all) {
    const auto time_s = signed_by(note, key);
    good += time_s && *time_s ? 1 : 0;
  }
  return good >= witness_quorum(static_cast<uint32_t>(all.size()), 0);
}

}  // namespace hansa::federation
