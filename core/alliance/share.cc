#include "core/alliance/share.h"

#include <map>

#include "core/alliance/agreement.h"
#include "core/base/overlay_rows.h"
#include "core/base/schema.h"
#include "core/city/affiliation.h"

namespace hansa {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Reason = v1::WithheldReason;

// The granted fields of one message; a leaf has nothing below it.
struct FieldTree {
  std::map<const FieldDescriptor*, FieldTree> below;
};
// By the name of the event.
using Grants = std::map<std::string, FieldTree, std::less<>>;

const FieldDescriptor* event_field(const v1::Event& event) {
  static const auto* const kOneof = v1::Event::descriptor()->oneof_decl(0);
  return event.GetReflection()->GetOneofFieldDescriptor(event, kOneof);
}

// What today's schema no longer allows is not granted.
Grants read_grants(const v1::Agreement& agreement) {
  Grants grants;
  for (const auto& grant : agreement.grants()) {
    const auto fields = granted_fields(grant);
    if (!fields) continue;
    auto& root = grants[grant.event()];
    for (const auto& field : *fields) {
      FieldTree* at = &root;
      for (const auto* step : field.path) at = &at->below[step];
    }
  }
  return grants;
}

// Of a message in which they have no leaf in common not even the presence is granted.
FieldTree intersect(const FieldTree& a, const FieldTree& b) {
  FieldTree both;
  for (const auto& [field, below] : a.below) {
    const auto other = b.below.find(field);
    if (other == b.below.end()) continue;
    auto common = intersect(below, other->second);
    const bool is_leaf = field->message_type() == nullptr;
    if (is_leaf || !common.below.empty()) both.below[field] = std::move(common);
  }
  return both;
}

Grants intersect(const Grants& a, const Grants& b) {
  Grants both;
  for (const auto& [event, tree] : a) {
    const auto other = b.find(event);
    if (other == b.end()) continue;
    auto common = intersect(tree, other->second);
    if (!common.below.empty()) both[event] = std::move(common);
  }
  return both;
}

void keep_granted(Message& message, const FieldTree& tree) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  for (const auto* field : present) {
    const auto granted = tree.below.find(field);
    if (granted == tree.below.end()) {
      reflection->ClearField(&message, field);
      continue;
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      keep_granted(*reflection->MutableMessage(&message, field), granted->second);
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      keep_granted(*reflection->MutableRepeatedMessage(&message, field, i), granted->second);
    }
  }
}

bool covers(const v1::Agreement& agreement, int64_t time_us) {
  if (time_us < agreement.valid_from_time_us()) return false;
  return agreement.valid_until_time_us() == 0 || time_us < agreement.valid_until_time_us();
}

// Whether the agreement in force is one that the city, a member, has ratified. A suspension, of the
// one or the other, ends nothing.
bool stands(const v1::Affiliation& row) {
  return row.state() == v1::AffiliationState::joined &&
         (row.membership() == v1::Membership::admitted ||
          row.membership() == v1::Membership::suspended) &&
         row.version_in_force() != 0 && find_ratified(row, row.version_in_force()) != nullptr;
}

// Makes one EntriesShared, entry by entry.
class Sharing {
 public:
  Sharing(RowsView& view, const v1::RelayEntries& command)
      : rows_(view), command_(command), newest_(agreement_in_effect(command.newest())) {
    shared_.set_alliance(command.alliance());
    shared_.set_city(command.city());
    shared_.set_newest_seq(command.newest_seq());
  }

  // False: it goes into the next one.
  Result<bool> add(const v1::RelayEntries::Source& source) {
    const auto* now = in_effect();
    const auto reason = see(now, source.payload().time_us());
    std::vector<v1::SharedEvent> events;
    size_t bytes = 0;
    for (int i = 0; i < source.payload().events_size(); ++i) {
      v1::SharedEvent one;
      if (!share(source.payload().events(i), reason, *one.mutable_event())) continue;
      one.set_seq(source.seq());
      one.set_index(static_cast<uint32_t>(i));
      one.set_time_us(source.payload().time_us());
      bytes += one.ByteSizeLong() + 8;
      events.push_back(std::move(one));
    }
    if (ended_ != 0 || (bytes_ > 0 && bytes_ + bytes > kShareBytesMax)) return false;
    bytes_ += bytes;
    if (events.empty()) withhold(source.seq(), reason);
    for (auto& one : events) {
      HANSA_CHECK(fold(one));
      *shared_.add_events() = std::move(one);
    }
    shared_.set_to_seq(source.seq());
    shared_.set_source_sha256(source.sha256());
    shared_.set_source_offset(source.next_offset());
    note_version();
    return true;
  }

  v1::EntriesShared take() { return std::move(shared_); }
  // The version that the last entry ended; 0: it ended none.
  uint32_t ended() const { return ended_; }

  void begin(uint64_t from_seq, const v1::ShareReached* reached) {
    shared_.set_from_seq(from_seq);
    shared_.set_to_seq(from_seq - 1);
    if (reached != nullptr) version_ = reached->agreement_version();
    note_version();
    if (reached == nullptr) return;
    shared_.set_source_sha256(reached->source_sha256());
    shared_.set_source_offset(reached->source_offset());
  }

 private:
  const v1::Affiliation* affiliation() {
    return rows_.find(kAffiliationTable, command_.alliance());
  }

  const v1::Ratified* in_effect() {
    const auto* row = affiliation();
    return row == nullptr ? nullptr : agreement_in_effect(*row);
  }

  // What the entries so far leave in effect, or end.
  void note_version() {
    const auto* row = affiliation();
    if (row == nullptr) return;
    if (const auto* now = agreement_in_effect(*row)) {
      version_ = now->version();
      shared_.set_agreement_version(version_);
    } else if (!stands(*row)) {
      ended_ = version_;
    }
  }

  // Why nothing but words to the alliance may be seen; not_granted: what is granted may.
  Reason::Value see(const v1::Ratified* now, int64_t time_us) {
    if (now == nullptr || newest_ == nullptr) return Reason::not_in_force;
    if (!covers(now->agreement(), time_us) || !covers(newest_->agreement(), time_us)) {
      return Reason::not_in_time;
    }
    if (grants_version_ != now->version()) {
      grants_ = intersect(read_grants(now->agreement()), read_grants(newest_->agreement()));
      grants_version_ = now->version();
    }
    return Reason::not_granted;
  }

  bool share(const v1::Event& event, Reason::Value reason, v1::Event& copy) {
    const auto* field = event_field(event);
    if (field == nullptr) return false;
    if (is_to_alliance(event)) {
      const auto& content = event.GetReflection()->GetMessage(event, field);
      const auto* alliance = content.GetDescriptor()->FindFieldByName("alliance");
      if (content.GetReflection()->GetString(content, alliance) != command_.alliance()) {
        return false;
      }
      copy = event;
      remove_above(copy, v1::PUBLIC);
      copy.DiscardUnknownFields();
      return true;
    }
    if (reason != Reason::not_granted) return false;
    const auto tree = grants_.find(field->message_type()->name());
    if (tree == grants_.end() || field->number() >= v1::Event::kAllianceFounded) return false;
    copy = event;
    copy.DiscardUnknownFields();
    keep_granted(*copy.GetReflection()->MutableMessage(&copy, field), tree->second);
    return true;
  }

  Result<void> fold(const v1::SharedEvent& one) {
    const EntryContext entry{one.seq(), one.time_us(), {}};
    auto evolved = evolve_affiliation(rows_, one.event(), entry);
    return evolved ? *std::move(evolved) : Result<void>();
  }

  void withhold(uint64_t seq, Reason::Value reason) {
    if (shared_.withheld_size() > 0) {
      auto& last = *shared_.mutable_withheld(shared_.withheld_size() - 1);
      if (last.reason() == reason && last.to_seq() + 1 == seq) {
        last.set_to_seq(seq);
        return;
      }
    }
    auto& range = *shared_.add_withheld();
    range.set_from_seq(seq);
    range.set_to_seq(seq);
    range.set_reason(reason);
    bytes_ += range.ByteSizeLong() + 2;
  }

  OverlayRows rows_;
  const v1::RelayEntries& command_;
  const v1::Ratified* newest_;
  Grants grants_;  // of the agreement in effect at both ends
  uint32_t grants_version_ = 0;
  v1::EntriesShared shared_;
  uint32_t version_ = 0;  // the last one in effect, while it or its successor stands
  uint32_t ended_ = 0;
  size_t bytes_ = 0;
};

// The entries are the next ones, and `newest` is of none before them.
Result<void> check_relay(const v1::RelayEntries& command, uint64_t next) {
  if (!command.entries().empty() && command.entries(0).seq() != next) {
    return fail(Errc::kNotYet, "the share ledger goes on with entry " + std::to_string(next) +
                                   " of the city's, not " +
                                   std::to_string(command.entries(0).seq()));
  }
  for (int i = 0; i < command.entries_size(); ++i) {
    if (command.entries(i).seq() != next + static_cast<uint64_t>(i)) {
      return fail(Errc::kInternal, "a relay hands over its city's entries without a gap");
    }
  }
  if (command.newest_seq() + 1 < next + static_cast<uint64_t>(command.entries_size())) {
    return fail(Errc::kNotYet, "a relay looks at what its city says by its newest entry, not at "
                               "entry " + std::to_string(command.newest_seq()));
  }
  const auto& of = command.newest().alliance();
  if (of.empty() || of == command.alliance()) return {};
  return fail(Errc::kInternal, "what the city agreed with " + of + " is nothing to " +
                                   command.alliance());
}

}  // namespace

// The alliance need not hear again what it said of the others.
bool is_to_alliance(const v1::Event& event) {
  if (event.alliance_heard().has_peer_heard()) return false;
  const auto* field = event_field(event);
  return field != nullptr && field->options().GetExtension(v1::to_alliance);
}

bool is_kept_by_alliance(const v1::Event& event) {
  return event.has_air_quality_recorded() || event.has_population_recorded();
}

Result<Decision> decide_relay(RowsView& view, const v1::RelayEntries& command) {
  const auto* reached = view.find(kShareReachedTable, "");
  const uint64_t next = reached == nullptr ? 1 : reached->seq() + 1;
  HANSA_CHECK(check_relay(command, next));
  Sharing sharing(view, command);
  sharing.begin(next, reached);
  for (const auto& source : command.entries()) {
    HANSA_TRY(const bool added, sharing.add(source));
    if (!added) break;
  }
  Decision decision;
  decision.state = "shared";
  auto& shared = *decision.events.emplace_back().mutable_entries_shared();
  shared = sharing.take();
  // The receipt says how far it goes.
  decision.subject_id = std::to_string(shared.to_seq());
  if (sharing.ended() != 0) {
    const uint64_t to_seq = shared.to_seq();
    auto& ended = *decision.events.emplace_back().mutable_share_ended();
    ended.set_agreement_version(sharing.ended());
    ended.set_city_seq(to_seq);
  }
  return decision;
}

// ---- evolve

Result<void> evolve_event(Rows& rows, const v1::EntriesShared& event, const EntryContext& entry) {
  const auto* reached = rows.find(kShareReachedTable, "");
  const uint64_t last = reached == nullptr ? 0 : reached->seq();
  if (event.from_seq() != last + 1 || event.to_seq() + 1 < event.from_seq()) {
    return fail(Errc::kInternal, "a share entry goes from " + std::to_string(event.from_seq()) +
                                     " to " + std::to_string(event.to_seq()) + " behind " +
                                     std::to_string(last) + ": a range is skipped");
  }
  auto& row = rows.put(kShareReachedTable, "");
  row.set_alliance(event.alliance());
  row.set_city(event.city());
  row.set_seq(event.to_seq());
  row.set_source_sha256(event.source_sha256());
  row.set_source_offset(event.source_offset());
  row.set_newest_seq(event.newest_seq());
  // Kept while it is suspended: only a tombstone ends it.
  if (event.agreement_version() != 0) row.set_agreement_version(event.agreement_version());
  row.set_time_us(entry.time_us);
  row.set_events(row.events() + static_cast<uint64_t>(event.events_size()));
  for (const auto& range : event.withheld()) {
    row.set_withheld(row.withheld() + range.to_seq() - range.from_seq() + 1);
  }
  for (const auto& one : event.events()) {
    EntryContext source{one.seq(), one.time_us(), {}};
    if (auto evolved = evolve_affiliation(rows, one.event(), source)) HANSA_CHECK(*evolved);
  }
  return {};
}

Result<void> evolve_event(Rows& rows, const v1::ShareEnded&, const EntryContext&) {
  rows.put(kShareReachedTable, "").set_agreement_version(0);
  return {};
}

}  // namespace hansa
