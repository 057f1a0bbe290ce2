// Ledger keys: which key speaks for a ledger, and for which of its sizes.
//
// Shape:   KeyRanges: the keys of a ledger in the order they came; keys_of(row) of a Member (its
//          share ledger's) or an Affiliation (the alliance's). key_for(keys, size) is the one
//          whose checkpoint over `size` entries counts.
//          Keys are changed and revoked by statements that their holder signs (Ed25519) and
//          whoever reads the ledger records. The lines that are signed, each ended by a newline:
//            hansa key change 1        hansa key end 1
//            <ledger>                  <ledger>            share/delta/wuxi, alliance/delta
//            <founding id>             <founding id>       of the city or alliance whose key it is
//            <from size>               <last good size>    decimal
//            <new public key>          compromised         or: retired
//                                      <public key>
//          check_change() and check_end() hold a statement to the rules and say whether the
//          recovery key signed it; apply_change() and apply_end() make of the keys what it says.
//          decide_alliance and decide_city record statements, evolve_event folds them.
//          A statement is signed by the newest key that is not compromised, or by the recovery
//          key. A new key was never used before; it begins behind every size that another counts
//          for and, unless the newest one is compromised, behind what was taken here already. A
//          revoked key ends at its last good size; a retirement takes back nothing that was taken
//          here, that a key is in wrong hands is recorded whatever was.
// Errors:  kUnknownMember, kUnknownAlliance; kBadRequest for what is no key; kBadSignature;
//          kAlreadyExists for a key that was known before; kWrongState for sizes and keys that the
//          rules above refuse; kLimitReached.
// Threads: pure.
// Limits:  kLedgerKeysMax keys of one ledger.
// Source:  DESIGN §8, "Evidence"; the table command × newest key is core/alliance/README.md.
#pragma once

#include <google/protobuf/repeated_field.h>

#include "core/alliance/alliance.h"
#include "core/alliance/identity.h"
#include "core/city/city.h"

namespace hansa {

inline constexpr int kLedgerKeysMax = 50;

using KeyRanges = google::protobuf::RepeatedPtrField<v1::KeyRange>;

KeyRanges only_key(const std::string& public_key);
template <typename Row>
KeyRanges keys_of(const Row& row) {
  return row.keys().empty() ? only_key(row.public_key()) : row.keys();
}
bool counts_for(const v1::KeyRange& key, Seq size);
// nullptr: none does.
const v1::KeyRange* key_for(const KeyRanges& keys, Seq size);
// "<key> for sizes 1 to 40, <key> from 41", for people.
std::string keys_text(const KeyRanges& keys);

// What is known of the keys of a ledger where a statement arrives.
struct KnownKeys {
  LedgerId ledger;
  std::string founding_id;
  std::string recovery_key;
  KeyRanges keys;
  Seq taken = 0;  // entries of it that were taken here
};
struct KeyChange {
  std::string public_key;
  Seq from_size = 0;
  std::string signature;
};
struct KeyEnd {
  std::string public_key;
  Seq last_good_size = 0;
  bool compromised = false;
  std::string signature;
};

std::string change_text(const LedgerId& ledger, const std::string& founding_id,
                        const KeyChange& change);
std::string end_text(const LedgerId& ledger, const std::string& founding_id, const KeyEnd& end);
// True: the recovery key signed it.
Result<bool> check_change(const KnownKeys& known, const KeyChange& change);
Result<bool> check_end(const KnownKeys& known, const KeyEnd& end);
void apply_change(KeyRanges& keys, const std::string& public_key, Seq from_size);
void apply_end(KeyRanges& keys, const std::string& public_key, Seq last_good_size,
               bool compromised);

Result<Decision> decide_alliance(const AllianceScope& scope, const v1::ChangeCityKey& command);
Result<Decision> decide_alliance(const AllianceScope& scope, const v1::RevokeCityKey& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ChangeAllianceKey& command);
Result<Decision> decide_city(const CityScope& scope, const v1::RevokeAllianceKey& command);

Result<void> evolve_event(Rows& rows, const v1::CityKeyChanged& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CityKeyRevoked& event, const EntryContext& entry);
// The events of a city's ledger change its row Affiliation.
void apply_key_event(v1::Affiliation& row, const v1::AllianceKeyChanged& event);
void apply_key_event(v1::Affiliation& row, const v1::AllianceKeyRevoked& event);

}  // namespace hansa
