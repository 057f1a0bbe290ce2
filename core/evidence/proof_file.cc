#include "core/evidence/proof_file.h"

#include "core/base/base64.h"
#include "core/evidence/lines.h"

namespace hansa {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

}  // namespace

Result<ProofFile> parse_proof(std::string_view text) {
  auto rest = text;
  if (take_line(rest) != kFirstLine) {
    return fail(Errc::kBadRequest, "line 1 of a proof is " + std::string(kFirstLine));
  }
  ProofFile proof;
  auto line = take_line(rest).value_or("");
  if (line.starts_with(kExtra)) {
    proof.extra = parse_base64(line.substr(kExtra.size()));
    if (!proof.extra || proof.extra->size() > kProofExtraBytesMax) {
      return fail(Errc::kBadRequest, "a proof's extra is base64 of at most " +
                                         std::to_string(kProofExtraBytesMax) + " bytes");
    }
    line = take_line(rest).value_or("");
  }
  const auto index = line.starts_with(kIndex) ? parse_decimal(line.substr(kIndex.size()))
                                              : std::nullopt;
  if (!index) return fail(Errc::kBadRequest, "expected the proof's line 'index <decimal>'");
  proof.index = *index;
  for (auto next = take_line(rest); next && !next->empty(); next = take_line(rest)) {
    const auto hash = parse_tree_hash(*next);
    if (!hash || proof.hashes.size() == kProofHashesMax) {
      return fail(Errc::kBadRequest, "expected at most " + std::to_string(kProofHashesMax) +
                                         " lines of base64 of 32 bytes, then an empty line");
    }
    proof.hashes.push_back(*hash);
  }
  HANSA_TRY(proof.checkpoint, parse_note(rest));
  return proof;
}

std::string proof_text(const ProofFile& proof) {
  std::string text = std::string(kFirstLine) + "\n";
  if (proof.extra) text.append(kExtra).append(to_base64(*proof.extra)).append("\n");
  text.append(kIndex).append(std::to_string(proof.index)).append("\n");
  for (const auto& hash : proof.hashes) text.append(tree_hash_text(hash)).append("\n");
  return text.append("\n").append(note_text(proof.checkpoint));
}

Result<TreeCheckpoint> check_proof(const ProofFile& proof, std::string_view value,
                                   const NoteKey& log) {
  HANSA_TRY(const auto signed_at, signed_by(proof.checkpoint, log));
  if (!signed_at) {
    return fail(Errc::kBadSignature, "the proof's checkpoint is not signed by " + vkey_text(log));
  }
  HANSA_TRY(auto checkpoint, parse_checkpoint(proof.checkpoint.text));
  if (!proves_inclusion(proof.index, checkpoint.size, leaf_hash(value), checkpoint.root,
                        proof.hashes)) {
    return fail(Errc::kForkFound, "the value is not entry " + std::to_string(proof.index) +
                                      " of the " + std::to_string(checkpoint.size) +
                                      " that " + checkpoint.origin + " signed for");
  }
  return checkpoint;
}

}  // namespace hansa
