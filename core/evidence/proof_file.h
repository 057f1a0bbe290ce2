// A file that proves one value: checked without any network by who has value and key.
//
// Shape:   lines, each ended by a newline:
//            c2sp.org/tlog-proof@v1
//            extra <base64>         may be left out; the format gives it no meaning
//            index <n>              of the value in the log, from 0
//            <hash>                 base64, from the leaf's neighbour up, as many as there are
//          then an empty line and the signed checkpoint, a note, to the end.
// Errors:  kBadRequest: a text that is not in the format. check_proof: also kBadSignature when the
//          log's key has not signed the checkpoint, kForkFound when the value is not the one that
//          the signed tree has at the index.
// Threads: free for all.
// Limits:  64 hashes, kProofExtraBytesMax bytes of extra; those of the note.
// Source:  C2SP tlog-proof.
#pragma once

#include "core/evidence/note.h"
#include "core/evidence/tree_checkpoint.h"

namespace hansa {

inline constexpr size_t kProofHashesMax = 64;
inline constexpr size_t kProofExtraBytesMax = 65'536;

struct ProofFile {
  std::optional<std::string> extra;
  uint64_t index = 0;
  std::vector<TreeHash> hashes;
  Note checkpoint;

  bool operator==(const ProofFile&) const = default;
};

Result<ProofFile> parse_proof(std::string_view text);
std::string proof_text(const ProofFile& proof);

// The checkpoint that the value is proved under. Which origin it must have, and whether witnesses
// have signed it too (signed_by), is for the caller to ask.
Result<TreeCheckpoint> check_proof(const ProofFile& proof, std::string_view value,
                                   const NoteKey& log);

}  // namespace hansa
