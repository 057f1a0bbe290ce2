// Share reader: a page of another ledger for those who subscribe to it, from any entry on.
//
// Shape:   read_share() answers the entries from `from` on that a checkpoint by the ledger's key
//          covers, in order, as stored and as read. It keeps nothing between calls: it looks for
//          the newest checkpoint within what it reads and follows the hashes back from there, so
//          that no record that is void is ever handed out.
// Errors:  of the log; kForkFound: what is covered does not reach back to `from`.
// Threads: free for all.
// Limits:  entries_max entries, kShareReadBytesMax of records; where no checkpoint stands within
//          that, nothing.
// Source:  DESIGN §8, "Subscriptions".
#pragma once

#include <string>
#include <vector>

#include "federation/signed_reader.h"

namespace hansa::federation {

inline constexpr size_t kShareReadBytesMax = 8 * 1024 * 1024;

struct ShareRecord {
  Seq seq = 0;
  Hash hash;
  v1::Payload payload;
  std::string value;  // the stored bytes
};

Result<std::vector<ShareRecord>> read_share(streams::Log& log, const SignedReader::Source& source,
                                            Seq from, size_t entries_max);

}  // namespace hansa::federation
