#include "core/city/peers.h"

#include <algorithm>
#include <vector>

#include "core/alliance/alliance_fold.h"

namespace hansa {
namespace {

using google::protobuf::FieldDescriptor;

const FieldDescriptor* field_of_type(const google::protobuf::OneofDescriptor* oneof,
                                     const google::protobuf::Descriptor* type) {
  for (int i = 0; i < oneof->field_count(); ++i) {
    if (oneof->field(i)->message_type() == type) return oneof->field(i);
  }
  return nullptr;
}

const google::protobuf::OneofDescriptor* changes() {
  static const auto* const kChanges = v1::PeerHeard::descriptor()->FindOneofByName("change");
  return kChanges;
}
const google::protobuf::OneofDescriptor* events() {
  static const auto* const kEvents = v1::Event::descriptor()->oneof_decl(0);
  return kEvents;
}

// The change that says the same, by the event's number: each reader of an alliance asks this of
// each of its events.
const FieldDescriptor* change_of(const v1::Event& event) {
  static const auto kTargets = [] {
    std::vector<const FieldDescriptor*> targets;
    for (int i = 0; i < events()->field_count(); ++i) {
      const auto* field = events()->field(i);
      const auto number = static_cast<size_t>(field->number());
      targets.resize(std::max(targets.size(), number + 1));
      targets[number] = field_of_type(changes(), field->message_type());
    }
    return targets;
  }();
  const auto number = static_cast<size_t>(event.event_case());
  return number < kTargets.size() ? kTargets[number] : nullptr;
}

}  // namespace

bool changes_peers(const v1::Event& event) { return change_of(event) != nullptr; }

std::optional<v1::PeerHeard> peer_heard_of(const v1::Event& event) {
  const auto* target = change_of(event);
  if (target == nullptr) return std::nullopt;
  const auto* reflection = event.GetReflection();
  const auto* source = reflection->GetOneofFieldDescriptor(event, events());
  v1::PeerHeard heard;
  heard.GetReflection()->MutableMessage(&heard, target)->CopyFrom(
      reflection->GetMessage(event, source));
  return heard;
}

Result<void> evolve_peer(Rows& rows, const v1::AllianceHeard& heard, const EntryContext& entry) {
  const auto& peer = heard.peer_heard();
  const auto* reflection = peer.GetReflection();
  const auto* source = reflection->GetOneofFieldDescriptor(peer, changes());
  if (source == nullptr) return {};
  v1::Event event;
  event.GetReflection()
      ->MutableMessage(&event, field_of_type(events(), source->message_type()))
      ->CopyFrom(reflection->GetMessage(peer, source));
  PrefixedRows members(rows, peer_prefix(heard.alliance()));
  // What contradicts what it said before is the alliance's to answer for: it must not stop a city.
  (void)evolve_alliance(members, event, entry);
  return {};
}

std::string peer_prefix(std::string_view alliance) { return std::string(alliance) + '\0'; }

const v1::Member* find_peer(RowsView& view, std::string_view alliance, std::string_view city) {
  return view.find(kMemberTable, peer_prefix(alliance) + std::string(city));
}

}  // namespace hansa
