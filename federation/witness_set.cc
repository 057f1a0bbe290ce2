#include "federation/witness_set.h"

#include "core/alliance/alliance_fold.h"
#include "core/city/peers.h"
#include "federation/verified.h"

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

WitnessSet::WitnessSet(const std::vector<v1::Member>& members, WantedQuorum wanted)
    : wanted_(std::move(wanted)) {
  for (const auto& member : members) know(member);
}

void WitnessSet::know(const v1::Member& member) {
  auto known = std::make_shared<Known>();
  known->member = member;
  if (is_member(member)) known->key = witness_key(member);
  members_[member.city()] = std::move(known);
}

void WitnessSet::take(const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    wanted_.take(event);
    if (!peer_heard_of(event)) continue;
    const std::string city = city_in(event);
    MapRows rows;
    if (const auto known = members_.find(city); known != members_.end()) {
      rows.put(kMemberTable, city) = known->second->member;
    }
    const EntryContext entry{0, payload.time_us(), {}};
    const auto evolved = evolve_alliance(rows, event, entry);
    const auto* member = rows.find(kMemberTable, city);
    if (!evolved || !*evolved || member == nullptr) continue;
    know(*member);
  }
}

Result<WitnessSet> witnesses_heard_of(const projections::Snapshot& rows,
                                      const std::string& alliance) {
  HANSA_TRY(const auto peers, peers_of(rows, alliance));
  HANSA_TRY(auto wanted, wanted_quorum_heard(rows, alliance));
  return WitnessSet(peers, std::move(wanted));
}

std::vector<NoteKey> WitnessSet::keys(std::string_view except_city) const {
  std::vector<NoteKey> keys;
  for (const auto& [city, known] : members_) {
    if (city != except_city && known->key) keys.push_back(*known->key);
  }
  return keys;
}

uint32_t WitnessSet::size(std::string_view except_city) const {
  uint32_t size = 0;
  for (const auto& [city, known] : members_) size += city != except_city && known->key ? 1 : 0;
  return size;
}

bool WitnessSet::confirms(const Note& note, std::string_view except_city,
                          uint32_t wanted) const {
  const uint32_t quorum = witness_quorum(size(except_city), wanted);
  uint32_t good = 0;
  for (const auto& [city, known] : members_) {
    if (good == quorum) break;
    if (city == except_city || !known->key) continue;
    good += has_cosigned(note, *known->key) ? 1 : 0;
  }
  return good >= quorum;
}

}  // namespace hansa::federation
