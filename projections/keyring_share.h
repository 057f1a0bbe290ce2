// Keyring share: how a slot of a keyring stands in what the nodes of a city share.
//
// Shape:   name: person id (16) ‖ state u8 ‖ of a key the first 8 bytes of its nonce, of a mere
//          finding HMACs of phone and e-mail (16 each), of an erasure nothing. Value: nonce (24),
//          wrapped key (48), HMACs of phone and e-mail (16 each), HMAC-SHA-256 (32) of name and
//          what is before it, under a key of the master key.
// Errors:  read_shared answers nullopt for what was not written under that key.
// Threads: free for all.
// Source:  DESIGN §9.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "projections/keyring.h"
#include "projections/keyring_file.h"

namespace hansa::projections {

std::string shared_name(const KeyringSlot& slot);
SharedSlot share_slot(const KeyringSlot& slot, std::string_view share_key);
std::optional<KeyringSlot> read_shared(const SharedSlot& shared, std::string_view share_key);

}  // namespace hansa::projections
