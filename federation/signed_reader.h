// Signed reader: another ledger's entries, as far as that ledger vouches for them.
//
// Shape:   read() goes on to the log's end through the chain rule and hands out, in order and once,
//          the entries that a checkpoint by the ledger's key covers by now, the one that counts for
//          its size. What is behind the newest checkpoint waits. Who reads from the first entry on
//          also holds the tree's root against the entries. Given a WitnessSet it hands out only
//          what the witnesses confirm, too, those of the size and those of the size confirmed
//          before (WitnessSet::confirms_next); all that is covered where there are none.
//          Who stopped within what was confirmed together says so when it goes on (Confirmed): the
//          set behind `from` is none that anything was confirmed by.
// Errors:  kUnavailable: again later. kBadSignature: a checkpoint of another key or text, or of a
//          key that does not count for its size; kForkFound: one that names a hash, root or size
//          that the ledger does not have, or falls behind an earlier one, or cosignatures of
//          another history; kChainBroken, also for an entry that is dated before the one it
//          follows; kUpgradeNeeded, kLogBehind, kLimitReached (too much that no checkpoint covers):
//          the reader stays where it is and answers the same again: quarantine this input. `seq`
//          of the error is the entry.
// Threads: one at a time.
// Limits:  kPendingBytesMax wait for their checkpoint; a read hands out about kReadBytesMax. Where
//          there is a WitnessSet kHashesMax hashes of 32 bytes are kept.
// Source:  DESIGN §8, "Signed flights".
#pragma once

#include <deque>
#include <vector>

#include "core/alliance/ledger_keys.h"
#include "core/evidence/tree.h"
#include "core/ledger/chain.h"
#include "federation/witness_set.h"
#include "hansa/v1/entry.pb.h"
#include "streams/log.h"

namespace hansa::federation {

struct SignedEntry {
  Seq seq = 0;
  Hash hash;
  Offset next_offset = 0;
  v1::Payload payload;
  TreeHash leaf;  // where reading began with the first entry
};

class SignedReader {
 public:
  static constexpr size_t kPendingBytesMax = 64 * 1024 * 1024;
  static constexpr size_t kReadBytesMax = 1024 * 1024;
  static constexpr size_t kHashesMax = 65'536;

  struct Source {
    LedgerId ledger;
    FoundingId founding_id;
    KeyRanges keys;
    // Whether a note bears the cosignatures that confirm it, of a share ledger that shares by this
    // version of the agreement at the note's size (SharedVersion); asked where there is no
    // WitnessSet.
    std::function<bool(const Note&, std::optional<uint32_t> version)> confirms = nullptr;
  };
  // How far witnesses had confirmed the ledger, and the entry there.
  struct Confirmed {
    Seq seq = 0;
    Hash hash;
  };
  // `from`: the last entry taken; everything up to it was covered. The set is as of `from`, all of
  // which was confirmed, and what was behind it is `confirmed`, if anything was. Without a set
  // `confirmed` is what was by then; none: nothing is known to be.
  SignedReader(streams::Log& log, Source source, const ChainPosition& from,
               std::optional<WitnessSet> witnesses = std::nullopt,
               std::optional<Confirmed> confirmed = std::nullopt);

  Result<std::vector<SignedEntry>> read();
  // Entries read and not covered yet, and those that are covered and not handed out.
  Seq known_seq() const { return chain_.position().seq; }
  Seq covered_seq() const { return covered_; }
  // Of the entry that it stopped at; zero where that is none.
  const Hash& stopped_hash() const { return stopped_hash_; }
  // As far as witnesses confirm it, by what was read.
  Seq confirmed_seq() const { return confirmed_; }
  // As far as it hands out by now.
  Seq released_seq() const { return confirmed_by_ ? confirmed_ : covered_; }
  // Of entry confirmed_seq(), where there is a WitnessSet.
  const Hash& confirmed_hash() const { return confirmed_hash_; }
  // The checkpoint that covers; its size is 0 where none was read since `from`.
  const v1::CheckpointSigned& covered_by() const { return covering_; }
  // Of an entry that is covered, one of the newest kHashesMax read; nullptr of others.
  const Hash* covered_hash(Seq seq) const;
  // Whether the witnesses are waited for: a deed is covered and not confirmed.
  bool awaits_witnesses() const;

 private:
  struct Pending {
    SignedEntry entry;
    size_t bytes = 0;
    std::string root_sha256;  // of the tree up to it, where a checkpoint names it
  };
  Result<void> read_on();
  Result<void> take(const streams::Record& record, const Verdict& verdict);
  Result<void> cover(Seq seq, const v1::CheckpointSigned& checkpoint);
  Result<void> confirm(const v1::CheckpointConfirmed& event);
  Result<void> check_assured(const SignedEntry& entry) const;
  void set_confirmed(Seq seq, const Hash& hash);
  WitnessSet witnesses_at(Seq seq) const;
  const Pending& pending(Seq seq) const { return pending_[seq - pending_.front().entry.seq]; }

  streams::Log& log_;
  Source source_;
  Chain chain_;
  // Of what is covered, where it reads from the first entry on.
  std::optional<TreeFrontier> tree_;
  const Seq first_;     // where reading began: what is older cannot be compared any more
  Seq covered_;
  Hash covered_hash_;   // of entry covered_
  v1::CheckpointSigned covering_;
  int64_t time_us_ = 0;  // of the last entry read
  Seq newest_size_ = 0;  // of the checkpoints read
  Seq confirmed_ = 0;
  Hash confirmed_hash_;
  std::optional<Confirmed> assured_;        // behind confirmed_, and read again
  std::optional<WitnessSet> confirmed_by_;  // as of entry confirmed_
  std::optional<WitnessSet> covered_by_;    // as of entry covered_
  SharedVersion shared_version_;            // of a share ledger
  std::deque<Pending> pending_;
  size_t pending_bytes_ = 0;
  std::deque<Hash> hashes_;  // of the newest entries read
  std::optional<Error> stop_;
  Hash stopped_hash_;
};

}  // namespace hansa::federation
