#include "federation/evidence_league.h"

#include "core/alliance/alliance_fold.h"
#include "core/city/peers.h"

namespace hansa::federation {
namespace {

std::string count_text(uint32_t count) { return std::to_string(count); }

// What a payload tells of those who confirm, and of how many must; nothing else.
v1::Payload about_witnesses(const v1::Payload& payload) {
  v1::Payload about;
  about.set_time_us(payload.time_us());
  for (const auto& event : payload.events()) {
    if (WantedQuorum::concerns(event) || peer_heard_of(event)) *about.add_events() = event;
  }
  return about;
}

// How far the confirmations in a ledger reach, by the witnesses of their sizes.
class Confirmed {
 public:
  // Of the ledger that names the witnesses; into `by` goes who they were.
  explicit Confirmed(std::map<Seq, WitnessSet>& by) : witnesses_({}), by_(&by) {}
  // Of the share ledger of a member.
  Confirmed(AllianceEvidence& alliance, std::string city)
      : witnesses_(alliance.members.all()), city_(std::move(city)), wanted_(&alliance.wanted) {}

  void take(Seq seq, const v1::Payload& payload) {
    if (wanted_ != nullptr) {
      version_.take(seq, payload);
    } else if (auto about = about_witnesses(payload); !about.events().empty()) {
      pending_.emplace_back(seq, std::move(about));
    }
    for (const auto& event : payload.events()) {
      if (event.has_checkpoint_confirmed()) take(event.checkpoint_confirmed());
    }
  }
  Seq size() const { return size_; }
  // Of the share ledger.
  uint32_t wanted_at(Seq size) const {
    const auto version = version_.at(size);
    return version ? wanted_->of(*version) : kEveryWitness;
  }

 private:
  void take(const v1::CheckpointConfirmed& confirmed) {
    const auto note = parse_note(confirmed.note());
    if (!note || confirmed.size() <= size_) return;
    auto witnesses = witnesses_;
    auto next = pending_.begin();
    for (; next != pending_.end() && next->first <= confirmed.size(); ++next) {
      witnesses.take(next->second);
    }
    const bool is_witnessed = witnesses.size(city_) + witnesses_.size(city_) > 0;
    if (!is_witnessed || !is_confirmed(witnesses, *note, confirmed.size())) return;
    size_ = confirmed.size();
    version_.forget_before(size_);
    witnesses_ = std::move(witnesses);
    if (by_ != nullptr && next != pending_.begin()) by_->insert_or_assign(size_, witnesses_);
    pending_.erase(pending_.begin(), next);
  }
  bool is_confirmed(const WitnessSet& witnesses, const Note& note, Seq size) {
    if (wanted_ == nullptr) return witnesses.confirms(note) && witnesses_.confirms_next(note);
    return witnesses.confirms(note, city_, wanted_at(size));
  }

  WitnessSet witnesses_;  // of the alliance's ledger: as of size_
  std::string city_;
  std::map<Seq, WitnessSet>* by_ = nullptr;
  const WantedQuorum* wanted_ = nullptr;  // by whose versions a city shares
  SharedVersion version_{0};
  std::deque<std::pair<Seq, v1::Payload>> pending_;
  Seq size_ = 0;
};

uint32_t quorum_before(const EvidenceHead& head) {
  return witness_quorum(head.witnesses_before, 0);
}

bool is_confirmed(const EvidenceHead& head) {
  return head.witnesses + head.witnesses_before > 0 && head.cosigned >= head.quorum &&
         head.cosigned_before >= quorum_before(head);
}

// Those of the witnesses that have cosigned; kBadSignature for one that claims a key falsely.
Result<uint32_t> count_good(const Note& note, const std::vector<NoteKey>& keys) {
  uint32_t good = 0;
  for (const auto& key : keys) {
    HANSA_TRY(const auto time_s, signed_by(note, key));
    good += time_s ? 1 : 0;
  }
  return good;
}

// The figure in force at a size of the alliance's ledger.
uint32_t wanted_at(const AllianceEvidence& alliance, Seq size) {
  const auto next = alliance.wanted_from.upper_bound(size);
  return next == alliance.wanted_from.begin() ? 0 : std::prev(next)->second;
}

// The change or the end of a member's key is that member's own word.
template <typename Statement>
Result<void> check_word(const v1::Member* member, const LedgerId& ledger,
                        const Statement& statement,
                        Result<bool> (*check)(const KnownKeys&, const Statement&)) {
  if (member == nullptr) {
    return fail(Errc::kBadSignature, "a key of " + ledger.text() +
                                         " is changed, which was never admitted");
  }
  const KnownKeys known{ledger, member->founding_id(), member->recovery_key(), keys_of(*member), 0};
  HANSA_CHECK(check(known, statement));
  return {};
}

}  // namespace

std::string confirmation_text(const EvidenceHead& head) {
  if (head.witnesses + head.witnesses_before == 0) return "unconfirmed: there is no witness";
  const bool is_nobody_left = head.witnesses == 0;
  const uint32_t all = is_nobody_left ? head.witnesses_before : head.witnesses;
  const auto of_all = count_text(is_nobody_left ? head.cosigned_before : head.cosigned) + " of " +
                      count_text(all) + (all == 1 ? " witness" : " witnesses");
  if (is_confirmed(head)) return "confirmed by " + of_all;
  std::string text = "unconfirmed: cosigned by " + of_all + ", " +
                     count_text(head.quorum) + " needed";
  if (head.cosigned_before < quorum_before(head)) {
    text += "; of the " + count_text(head.witnesses_before) + " that confirmed it before by " +
            count_text(head.cosigned_before) + ", " + count_text(quorum_before(head)) + " needed";
  }
  if (head.confirmed > 0) text += "; confirmed are the first " + std::to_string(head.confirmed);
  return text;
}

Result<void> MemberList::check_statement(const v1::Event& event) {
  if (event.has_city_key_changed()) {
    const auto& change = event.city_key_changed();
    return check_word<KeyChange>(
        find(change.city()), share_ledger(alliance_.id, change.city()),
        {change.public_key(), change.from_size(), change.signature()}, &check_change);
  }
  if (event.has_city_key_revoked()) {
    const auto& end = event.city_key_revoked();
    return check_word<KeyEnd>(
        find(end.city()), share_ledger(alliance_.id, end.city()),
        {end.public_key(), end.last_good_size(), end.compromised(), end.signature()}, &check_end);
  }
  return {};
}

Result<void> MemberList::take(const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    if (!peer_heard_of(event)) continue;
    HANSA_CHECK(check_statement(event));
    const auto evolved = evolve_alliance(rows_, event, {0, payload.time_us(), {}});
    if (evolved) HANSA_CHECK(*evolved);
  }
  return {};
}

std::vector<v1::Member> MemberList::all() {
  std::vector<v1::Member> members;
  rows_.scan(TableId::kMember, "", "\xff", [&](std::string_view, const auto& row) {
    members.push_back(static_cast<const v1::Member&>(row));
    return true;
  });
  return members;
}

Result<EvidenceHead> count_cosigners(SignedHead head, AllianceEvidence& alliance,
                                     const std::string& except_city,
                                     std::optional<uint32_t> wanted) {
  EvidenceHead counted{std::move(head)};
  const auto witnesses = WitnessSet(alliance.members.all()).keys(except_city);
  counted.witnesses = static_cast<uint32_t>(witnesses.size());
  HANSA_TRY(counted.cosigned, count_good(counted.head.note, witnesses));
  if (counted.head.checkpoint.ledger == alliance.source.ledger) {
    wanted = wanted_at(alliance, counted.size());
    const auto next = alliance.confirmed_by.lower_bound(counted.size());
    if (next != alliance.confirmed_by.begin()) {
      const auto before = std::prev(next)->second.keys();
      counted.witnesses_before = static_cast<uint32_t>(before.size());
      HANSA_TRY(counted.cosigned_before, count_good(counted.head.note, before));
    }
  }
  counted.quorum = witness_quorum(counted.witnesses, wanted.value_or(alliance.wanted.in_force()));
  if (is_confirmed(counted)) counted.confirmed = counted.size();
  return counted;
}

Result<AllianceEvidence> read_alliance(const std::string& folder, const EvidenceSource& alliance,
                                       const VisitEvidence& visit) {
  AllianceEvidence evidence{alliance, {}, MemberList(alliance.ledger)};
  Confirmed confirmed(evidence.confirmed_by);
  const auto take = [&](const EvidenceEntry& entry) -> Result<void> {
    if (auto taken = evidence.members.take(entry.payload); !taken) {
      taken.error().detail = "entry " + std::to_string(entry.seq) + " of " +
                             alliance.ledger.text() + ": " + taken.error().detail;
      taken.error().seq = entry.seq;
      return taken;
    }
    for (const auto& event : entry.payload.events()) evidence.wanted.take(event);
    const uint32_t wanted = evidence.wanted.in_force();
    if (wanted != wanted_at(evidence, entry.seq)) evidence.wanted_from[entry.seq] = wanted;
    confirmed.take(entry.seq, entry.payload);
    return visit ? visit(entry) : Result<void>();
  };
  HANSA_TRY(auto head, EvidenceFolder(folder, alliance.ledger).read(alliance, take));
  HANSA_TRY(evidence.head, count_cosigners(std::move(head), evidence, ""));
  evidence.head.confirmed = std::max(evidence.head.confirmed, confirmed.size());
  return evidence;
}

Result<EvidenceSource> share_source(AllianceEvidence& alliance, const std::string& city) {
  const auto* member = alliance.members.find(city);
  const auto founding_id = member == nullptr ? std::nullopt
                                             : parse_hex<FoundingId>(member->founding_id());
  if (!founding_id) {
    return fail(Errc::kUnknownMember, alliance.source.ledger.text() + " has admitted no city " +
                                          city + " in its first " +
                                          std::to_string(alliance.head.size()) + " entries");
  }
  return EvidenceSource{share_ledger(alliance.source.ledger.id, city),
                        share_founding_id(alliance.source.founding_id, *founding_id),
                        keys_of(*member)};
}

Result<EvidenceHead> read_share(const std::string& folder, AllianceEvidence& alliance,
                                const std::string& city, const VisitEvidence& visit) {
  HANSA_TRY(const auto source, share_source(alliance, city));
  Confirmed confirmed(alliance, city);
  const auto take = [&](const EvidenceEntry& entry) -> Result<void> {
    confirmed.take(entry.seq, entry.payload);
    return visit ? visit(entry) : Result<void>();
  };
  HANSA_TRY(auto head, EvidenceFolder(folder, source.ledger).read(source, take));
  const uint32_t wanted = confirmed.wanted_at(head.checkpoint.tree.size);
  HANSA_TRY(auto counted, count_cosigners(std::move(head), alliance, city, wanted));
  counted.confirmed = std::max(counted.confirmed, confirmed.size());
  return counted;
}

}  // namespace hansa::federation
