#include "federation/witness_set.h"

#include "core/alliance/alliance_fold.h"
#include "core/city/peers.h"

namespace hansa::federation {
namespace {

// Every event that makes a member known names it.
std::string city_in(const v1::Event& event) {
  const auto* reflection = event.GetReflection();
  const auto* chosen =
      reflection->GetOneofFieldDescriptor(event, v1::Event::descriptor()->oneof_decl(0));
  const auto& content = reflection->GetMessage(event, chosen);
  return content.GetReflection()->GetString(content,
                                            content.GetDescriptor()->FindFieldByName("city"));
}

}  // namespace

WitnessSet::WitnessSet(const std::vector<v1::Member>& members) {
  for (const auto& member : members) {
    members_[member.city()] = std::make_shared<const v1::Member>(member);
  }
}

void WitnessSet::take(const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    if (!peer_heard_of(event)) continue;
    const std::string city = city_in(event);
    MapRows rows;
    if (const auto known = members_.find(city); known != members_.end()) {
      rows.put(kMemberTable, city) = *known->second;
    }
    const EntryContext entry{0, payload.time_us(), {}};
    const auto evolved = evolve_alliance(rows, event, entry);
    const auto* member = rows.find(kMemberTable, city);
    if (!evolved || !*evolved || member == nullptr) continue;
    members_[city] = std::make_shared<const v1::Member>(*member);
  }
}

std::vector<NoteKey> WitnessSet::keys(std::string_view except_city) const {
  std::vector<NoteKey> keys;
  for (const auto& [city, member] : members_) {
    if (city == except_city || !is_member(*member)) continue;
    if (auto key = witness_key(*member)) keys.push_back(*std::move(key));
  }
  return keys;
}

bool WitnessSet::confirms(const Note& note, std::string_view except_city) const {
  const auto all = keys(except_city);
  const uint32_t quorum = witness_quorum(static_cast<uint32_t>(all.size()), 0);
  uint32_t good = 0;
  for (const auto& key : all) {
    if (good == quorum) break;
    const auto time_s = signed_by(note, key);
    good += time_s && *time_s ? 1 : 0;
  }
  return good >= quorum;
}

}  // namespace hansa::federation
