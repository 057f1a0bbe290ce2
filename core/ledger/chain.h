// Chain: the reader's rule (L1, L10) as a pure function of the records seen so far.
//
// Shape:   Chain holds founding id, last valid seq, its hash (the tip), the next offset and the
//          number of voids. apply(offset, value) takes the record at exactly next_offset() or, over
//          proven empty offsets, behind it, and answers Verdict: kValid (with the payload), kVoid,
//          or kStop, which changes nothing: the entry fits but its schema level is unknown here;
//          or a record of this founding, fitting or not, names a base that is not in this
//          reader's prefix (a second history: an honest writer's base was valid before it wrote);
//          or record 0 is of another founding.
//          skip_to(offset) says that [next, offset) was proven empty.
// Errors:  kStop carries kUpgradeNeeded or kChainBroken; the caller stops this ledger, loudly.
// Threads: one at a time.
// Limits:  the hashes of the last kBaseWindow valid entries are kept to check bases; an older base
//          is believed.
// Source:  DESIGN §4, L1, L10.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "core/ledger/envelope.h"

namespace hansa {

struct ChainPosition {
  Seq seq = 0;
  Hash tip;  // hash of entry `seq`; of the founding id when seq is 0
  Offset next_offset = 0;
  uint64_t voids = 0;
};

enum class VerdictKind { kValid, kVoid, kStop };

struct Verdict {
  VerdictKind kind;
  Hash hash;                 // of the record's value, when it is valid
  std::string_view payload;  // into the value, when it is valid
  Error error{Errc::kInternal, ""};
};

class Chain {
 public:
  static constexpr size_t kBaseWindow = 4096;

  explicit Chain(const FoundingId& founding_id);
  // `schema_level_known`: an older binary's is lower.
  Chain(const FoundingId& founding_id, const ChainPosition& from,
        uint16_t schema_level_known = kSchemaLevel);

  const FoundingId& founding_id() const { return founding_id_; }
  const ChainPosition& position() const { return position_; }
  bool fits(const Envelope& envelope) const;
  Verdict apply(Offset offset, std::string_view value);
  void skip_to(Offset offset);

 private:
  bool base_in_prefix(const Envelope& envelope) const;
  Error second_history(Offset offset, const Envelope& envelope) const;

  FoundingId founding_id_;
  ChainPosition position_;
  uint16_t schema_level_known_;
  std::deque<std::pair<Seq, HashHead>> recent_;  // dense in seq, ends with the tip
};

}  // namespace hansa
