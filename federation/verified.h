// Verified: signatures that were found good once in this process are not reckoned again.
//
// Shape:   is_signed_as_known() answers as is_signed() does, has_cosigned() as signed_by() where
//          the note bears a good cosignature of the key. Every city of a node reads the same
//          checkpoints of its alliance, and the same cosignatures on them: 41 of them check each
//          one once together.
//          VerifiedFacts remembers what was found good, and nothing else: a fact is the SHA-256 of
//          all that the answer depends on (key, text, signature), so that whatever differs in one
//          byte is another fact and is reckoned. What is bad is reckoned each time.
// Errors:  none.
// Threads: free for all; two that ask for the same at once may both reckon.
// Limits:  kVerifiedMax facts, about 1.5 MiB; of more the older half is forgotten, and reckoned
//          again when it is asked for.
// Source:  DESIGN §8, "Signed flights".
#pragma once

#include <mutex>
#include <unordered_set>

#include "core/evidence/note.h"

namespace hansa::federation {

inline constexpr size_t kVerifiedMax = 16'384;

class VerifiedFacts {
 public:
  explicit VerifiedFacts(size_t facts_max) : half_max_(facts_max / 2) {}

  bool knows(const Hash& fact) const;
  void add(const Hash& fact);
  size_t size() const;

 private:
  // A fact is a SHA-256 already.
  struct FirstBytes {
    size_t operator()(const Hash& fact) const;
  };
  using Facts = std::unordered_set<Hash, FirstBytes>;

  const size_t half_max_;
  mutable std::mutex mutex_;
  Facts newer_;  // guarded by mutex_
  Facts older_;  // guarded by mutex_
};

bool is_signed_as_known(const PublicKey& key, std::string_view text, const Signature& signature);
bool has_cosigned(const Note& note, const NoteKey& key);

}  // namespace hansa::federation
