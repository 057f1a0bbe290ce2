#include "federation/wanted_quorum.h"

#include <algorithm>

#include "core/city/affiliation.h"

namespace hansa::federation {

using projections::Snapshot;

namespace {

uint32_t wanted_in(const Snapshot& rows, Table<v1::AgreementVersion> table,
                   const std::string& key) {
  const auto row = rows.find(table, key);
  return row && *row ? (*row)->agreement().witness_quorum() : kEveryWitness;
}

}  // namespace

bool WantedQuorum::concerns(const v1::Event& event) {
  switch (event.event_case()) {
    case v1::Event::kAgreementProposed:
    case v1::Event::kAgreementTookEffect:
    case v1::Event::kAgreementRevoked:
    case v1::Event::kAgreementExpired: return true;
    default: return false;
  }
}

// A suspended version is in force: nothing is shared by it, and who confirms what is another thing.
void WantedQuorum::take(const v1::Event& event) {
  switch (event.event_case()) {
    case v1::Event::kAgreementProposed:
      return know(event.agreement_proposed().version(), event.agreement_proposed().agreement());
    case v1::Event::kAgreementTookEffect:
      return set_in_force(event.agreement_took_effect().version());
    case v1::Event::kAgreementRevoked:
    case v1::Event::kAgreementExpired: return set_in_force(0);
    default: return;
  }
}

void WantedQuorum::know(uint32_t version, const v1::Agreement& agreement) {
  newest_ = std::max(newest_, version);
  if (agreement.witness_quorum() != 0) wanted_[version] = agreement.witness_quorum();
}

uint32_t WantedQuorum::of(uint32_t version) const {
  if (version > newest_) return kEveryWitness;
  const auto found = wanted_.find(version);
  return found == wanted_.end() ? 0 : found->second;
}

Result<WantedQuorum> wanted_quorum_heard(const Snapshot& rows, const std::string& alliance) {
  WantedQuorum wanted;
  bool readable = true;
  const auto table = kHeardAgreementTable.id;
  HANSA_CHECK(rows.scan(stored_key(table, heard_key(alliance, 0)),
                        stored_key(table, heard_key(alliance, UINT32_MAX)),
                        [&](std::string_view, std::string_view value) {
                          v1::AgreementVersion row;
                          readable = row.ParseFromArray(value.data(),
                                                        static_cast<int>(value.size()));
                          wanted.know(row.version(), row.agreement());
                          return readable;
                        }));
  if (!readable) return fail(Errc::kBadFile, "a stored row cannot be read");
  HANSA_TRY(const auto affiliation, rows.find(kAffiliationTable, alliance));
  if (affiliation) wanted.set_in_force(affiliation->version_in_force());
  return wanted;
}

uint32_t wanted_in_alliance(const Snapshot& rows, std::optional<uint32_t> version) {
  if (!version) {
    const auto alliance = rows.find(kAllianceTable, "");
    if (!alliance) return kEveryWitness;
    version = *alliance ? (*alliance)->version_in_force() : 0;
  }
  return *version == 0 ? 0 : wanted_in(rows, kAgreementTable, big_endian(*version));
}

uint32_t wanted_in_city(const Snapshot& rows, const std::string& alliance, uint32_t version) {
  return version == 0 ? 0 : wanted_in(rows, kHeardAgreementTable, heard_key(alliance, version));
}

SharedVersion::SharedVersion(Seq from) {
  if (from == 0) before_ = 0;
}

// As the row ShareReached is folded (core/alliance/share.h): a range in which none is in effect
// changes nothing, only a tombstone ends it.
void SharedVersion::take(Seq seq, const v1::Payload& payload) {
  for (const auto& event : payload.events()) {
    const uint32_t version = event.entries_shared().agreement_version();
    if (version == 0 && !event.has_share_ended()) continue;
    if (changes_.empty() ? before_ == version : changes_.back().second == version) continue;
    changes_.emplace_back(seq, version);
    if (changes_.size() <= kChangesMax) continue;
    changes_.pop_front();
    before_.reset();
  }
}

std::optional<uint32_t> SharedVersion::at(Seq size) const {
  auto version = before_;
  for (const auto& [seq, next] : changes_) {
    if (seq > size) break;
    version = next;
  }
  return version;
}

void SharedVersion::forget_before(Seq size) {
  for (; !changes_.empty() && changes_.front().first <= size; changes_.pop_front()) {
    before_ = changes_.front().second;
  }
}

}  // namespace hansa::federation
