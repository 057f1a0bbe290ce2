// Share: what of a city's ledger an alliance may see, and the share ledger that holds it.
//
// Shape:   state: the rows ShareReached, and the city's Affiliation as the shared entries tell it.
//          decide_relay() makes of the next entries of the city's ledger one EntriesShared: each
//          event that names the alliance as the city's word to it; each that the agreement in
//          effect at its own seq *and* at the newest seq grants, at a time that both cover; as new
//          messages with exactly the fields that both grant, at the classes of today's schema. The
//          rest is named as ranges with their reason. In effect at an entry's seq is what the
//          entries before it left in effect. It takes no more entries than fit into
//          kShareBytesMax, and none behind one that ends the agreement for this city: there a
//          ShareEnded follows, so that tombstones do not depend on how far the relay lags.
// Errors:  kNotYet: the entries are not the next ones, go on from the rows; or `newest` is of an
//          entry before them. kInternal: the entries have a gap, `newest` is of another alliance,
//          or an event is on an alliance that the city never joined.
// Threads: pure.
// Limits:  kShareBytesMax of shared events an entry, or one entry of the city's ledger.
// Source:  DESIGN §8 (law 4).
#pragma once

#include "core/base/rows.h"
#include "core/city/context.h"
#include "hansa/v1/federation.pb.h"

namespace hansa {

inline constexpr size_t kShareBytesMax = 40 * 1024;

// Its city's word to the alliance it names, whatever is agreed.
bool is_to_alliance(const v1::Event& event);
// Shared as agreed, and kept by the alliance itself, for the figure of member_air.h. Everything
// else that is shared stands in the share ledger alone.
bool is_kept_by_alliance(const v1::Event& event);

Result<Decision> decide_relay(RowsView& view, const v1::RelayEntries& command);

Result<void> evolve_event(Rows& rows, const v1::EntriesShared& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::ShareEnded& event, const EntryContext& entry);

}  // namespace hansa
