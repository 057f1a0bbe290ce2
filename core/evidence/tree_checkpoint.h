// A log's own word on its tree: the text of the note that it signs.
//
// Shape:   lines, each ended by a newline: the origin (the log's name), the size in decimal, the
//          root in base64; then extension lines, which are kept and mean nothing here.
// Errors:  kBadRequest: a text that is not in the format.
// Threads: free for all.
// Limits:  those of the note. That the root is the one of the size is for proofs to tell.
// Source:  C2SP tlog-checkpoint.
#pragma once

#include "core/evidence/tree.h"

namespace hansa {

struct TreeCheckpoint {
  std::string origin;  // one line, not empty
  uint64_t size = 0;
  TreeHash root;
  std::vector<std::string> extensions;  // lines, none of them empty

  bool operator==(const TreeCheckpoint&) const = default;
};

std::string checkpoint_text(const TreeCheckpoint& checkpoint);
Result<TreeCheckpoint> parse_checkpoint(std::string_view text);

}  // namespace hansa
