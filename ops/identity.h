// Identity: how the keeper of a ledger is known to others: founding id, public key, recovery key.
//
// Shape:   `identity.json`, which a city hands to the secretariat of an alliance, and an alliance
//          to its cities: {"ledger", "founding_id", "public_key", "recovery_key"}, hex digits;
//          of a city that witnesses also "witness_key" and, where it can be reached, "witness_url".
//          fingerprint(): 32 hex digits in groups of four, of SHA-256 over ledger, founding id and
//          its keys, each ended by a zero byte: short enough to be read out on the telephone.
//          Keys are Ed25519; a private key is its seed of 32 bytes. The recovery key replaces a key
//          that was lost or stolen, so its seed does not stay on the machine that has the other.
// Errors:  read_identity: kBadFile names the file and what is missing or wrong.
// Threads: free for all.
// Source:  DESIGN §8.
#pragma once

#include <string>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/base/signature.h"

namespace hansa::ops {

struct Identity {
  LedgerId ledger;
  std::string founding_id;   // 32 hex digits
  std::string public_key;    // 64 hex digits
  std::string recovery_key;  // 64 hex digits
  std::string witness_key = {};  // 64 hex digits, or empty
  std::string witness_url = {};  // to which `/add-checkpoint` is added
};

// 64 hex digits of the public key of an Ed25519 seed.
std::string public_key_of(const std::string& seed);
std::string fingerprint(const Identity& identity);
std::string identity_json(const Identity& identity);
Result<Identity> read_identity(const std::string& file);

}  // namespace hansa::ops
