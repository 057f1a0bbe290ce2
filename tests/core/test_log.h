// TestLog: a ledger's tree and its signed checkpoints, of entries that it makes up.
//
// Shape:   TestLog log(ledger, founding id, seed); log.note(5) is its checkpoint over five entries,
//          log.proof(3, 5) that the tree of five extends that of three. branch(at) is another
//          history that shares the first `at` entries. All sizes up to kEntries are there at once.
//          cosign() is what the witness of a city puts on a note.
// Threads: one.
#pragma once

#include "core/base/hash.h"
#include "core/base/signature.h"
#include "core/city/witness.h"
#include "core/evidence/tree_rows.h"

namespace hansa {

inline std::string seed_of(const std::string& name) {
  return std::string(sha256("seed " + name).view());
}
inline std::string key_of(const std::string& name) { return to_hex(public_key_of(seed_of(name))); }

class TestLog {
 public:
  static constexpr Seq kEntries = 40;

  TestLog(LedgerId ledger, const FoundingId& founding_id, std::string signer,
          Seq branch_at = kEntries)
      : origin_(origin_of("localhost", ledger, founding_id)),
        ledger_(std::move(ledger)),
        founding_id_(founding_id),
        signer_(std::move(signer)),
        branch_at_(branch_at) {
    grow(rows_);
  }

  // In rows that have no tree yet.
  void grow(Rows& rows) const {
    for (Seq seq = 1; seq <= kEntries; ++seq) {
      EXPECT_TRUE(grow_tree(rows, seq, leaf_hash(value(seq))));
    }
  }

  TestLog branch(Seq at) const { return {ledger_, founding_id_, signer_, at}; }

  TreeHash root(Seq size) { return *root_at(size, tiles_of(rows_)); }
  std::vector<TreeHash> proof(Seq old_size, Seq size) {
    return *consistency_proof(old_size, size, tiles_of(rows_));
  }
  std::string text(Seq size) {
    v1::CheckpointSigned event;
    event.set_origin(origin_);
    event.set_size(size);
    event.set_sha256(to_hex(sha256(value(size))));
    event.set_root_sha256(to_hex(root(size)));
    return signed_text(event);
  }
  std::string note(Seq size) { return note_by(signer_, size); }
  std::string note_by(const std::string& signer, Seq size) {
    Note note;
    note.text = text(size);
    note.signatures.push_back(sign_note(origin_, seed_of(signer), note.text));
    return note_text(note);
  }
  v1::CosignCheckpoint request(Seq old_size, Seq size) {
    v1::CosignCheckpoint command;
    command.set_city("test");
    command.set_old_size(old_size);
    command.set_note(note(size));
    for (const auto& hash : proof(old_size, size)) command.add_proof(std::string(hash.view()));
    return command;
  }
  const LedgerId& ledger() const { return ledger_; }
  const std::string& origin() const { return origin_; }

 private:
  std::string value(Seq seq) const {
    return ledger_.text() + " " + std::to_string(seq) +
           (seq > branch_at_ ? " behind " + std::to_string(branch_at_) : "");
  }

  std::string origin_;
  LedgerId ledger_;
  FoundingId founding_id_;
  std::string signer_;
  Seq branch_at_;
  MapRows rows_;
};

inline std::string cosigned(const std::string& note, const std::string& witness,
                            const std::string& signer, int64_t time_s = 1'700'000'000) {
  auto read = *parse_note(note);
  read.signatures.push_back(cosign_note(witness, seed_of(signer), read.text, time_s));
  return note_text(read);
}

}  // namespace hansa
