// Peers: the members of a city's alliances, as it has heard of them.
//
// Shape:   state: for each alliance the rows Member (and Alliance) of core/alliance/alliance.h,
//          folded by the very same code, under keys that begin with `alliance\0`
//          (core/base/prefixed_rows.h). A city hears of all members, itself among them, and of
//          their keys: it is asked to witness their ledgers, and theirs are the cosignatures that
//          confirm its own and the alliance's.
//          peer_heard_of() is what of an alliance's event makes a member known; nullopt: nothing.
//          changes_peers(): whether there is something.
// Errors:  none: what contradicts the rows changes nothing.
// Threads: pure.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <optional>

#include "core/base/prefixed_rows.h"
#include "core/city/context.h"

namespace hansa {

bool changes_peers(const v1::Event& event);
std::optional<v1::PeerHeard> peer_heard_of(const v1::Event& event);
Result<void> evolve_peer(Rows& rows, const v1::AllianceHeard& heard, const EntryContext& entry);

std::string peer_prefix(std::string_view alliance);
// nullptr: it was not heard of.
const v1::Member* find_peer(RowsView& view, std::string_view alliance, std::string_view city);

}  // namespace hansa
