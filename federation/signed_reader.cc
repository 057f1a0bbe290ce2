#include "federation/signed_reader.h"

#include <algorithm>

#include "core/evidence/tree_rows.h"
#include "federation/checkpoint.h"
#include "streams/ledger_reader.h"

namespace hansa::federation {

SignedReader::SignedReader(streams::Log& log, Source source, const ChainPosition& from,
                           std::optional<WitnessSet> witnesses,
                           std::optional<Confirmed> confirmed)
    : log_(log),
      source_(std::move(source)),
      chain_(source_.founding_id, from),
      first_(from.seq),
      covered_(from.seq),
      covered_hash_(chain_.position().tip),
      confirmed_(witnesses ? from.seq : confirmed.value_or(Confirmed()).seq),
      confirmed_hash_(covered_hash_),
      assured_(witnesses ? confirmed : std::nullopt),
      confirmed_by_(witnesses),
      covered_by_(std::move(witnesses)),
      shared_version_(from.seq) {
  if (from.seq == 0) tree_.emplace();
}

Result<std::vector<SignedEntry>> SignedReader::read() {
  if (stop_) return fail(*stop_);
  if (auto read = read_on(); !read) {
    Error error = std::move(read).error();
    if (error.code == Errc::kUnavailable) return fail(std::move(error));
    if (error.seq == 0) error.seq = chain_.position().seq + 1;
    stop_ = error;
    if (!pending_.empty() && pending_.back().entry.seq == error.seq) {
      stopped_hash_ = pending_.back().entry.hash;
    }
    // What was covered before it is good all the same.
  }
  std::vector<SignedEntry> entries;
  size_t bytes = 0;
  const Seq released = released_seq();
  while (!pending_.empty() && pending_.front().entry.seq <= released && bytes < kReadBytesMax) {
    bytes += pending_.front().bytes;
    pending_bytes_ -= pending_.front().bytes;
    entries.push_back(std::move(pending_.front().entry));
    pending_.pop_front();
  }
  if (entries.empty() && stop_) return fail(*stop_);
  return entries;
}

Result<void> SignedReader::read_on() {
  while (log_.has_more(source_.ledger, chain_.position().next_offset)) {
    const Offset from = chain_.position().next_offset;
    HANSA_TRY(const auto read, log_.read(source_.ledger, from, kReadBytesMax));
    for (const auto& record : read.records) {
      const auto verdict = chain_.apply(record.offset, record.value);
      if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
      if (verdict.kind != VerdictKind::kValid) continue;
      if (auto taken = take(record, verdict); !taken) {
        taken.error().seq = chain_.position().seq;
        return taken;
      }
    }
    chain_.skip_to(read.next);
    const bool has_enough = !pending_.empty() && pending_.front().entry.seq <= released_seq() &&
                            pending_bytes_ >= kReadBytesMax;
    if (has_enough || chain_.position().next_offset == from) return {};
  }
  return {};
}

Result<void> SignedReader::take(const streams::Record& record, const Verdict& verdict) {
  Pending pending;
  pending.entry.seq = chain_.position().seq;
  pending.entry.hash = verdict.hash;
  pending.entry.next_offset = record.offset + 1;
  if (tree_) pending.entry.leaf = leaf_hash(record.value);
  pending.bytes = verdict.payload.size();
  const std::string which = "entry " + std::to_string(pending.entry.seq) + " of " +
                            source_.ledger.text();
  if (!pending.entry.payload.ParseFromArray(verdict.payload.data(),
                                            static_cast<int>(verdict.payload.size()))) {
    return fail(Errc::kUpgradeNeeded, which + " cannot be read by this binary");
  }
  const int64_t time_us = pending.entry.payload.time_us();
  pending_bytes_ += pending.bytes;
  pending_.push_back(std::move(pending));
  if (time_us < time_us_) {
    return fail(Errc::kChainBroken, which + " is dated before the entry that it follows");
  }
  time_us_ = time_us;
  const auto& entry = pending_.back().entry;
  HANSA_CHECK(check_assured(entry));
  if (confirmed_by_) hashes_.push_back(entry.hash);
  if (hashes_.size() > kHashesMax) hashes_.pop_front();
  if (source_.confirms) shared_version_.take(entry.seq, entry.payload);
  for (const auto& event : entry.payload.events()) {
    if (event.has_checkpoint_signed()) HANSA_CHECK(cover(entry.seq, event.checkpoint_signed()));
    if (event.has_checkpoint_confirmed()) HANSA_CHECK(confirm(event.checkpoint_confirmed()));
  }
  if (pending_bytes_ - pending_.back().bytes <= kPendingBytesMax) return {};
  if (pending_.front().entry.seq <= covered_) return {};
  return fail(Errc::kLimitReached, source_.ledger.text() +
                                       " has not vouched for its entries since " +
                                       std::to_string(covered_) + "; its signer must work again");
}

Result<void> SignedReader::cover(Seq seq, const v1::CheckpointSigned& checkpoint) {
  HANSA_CHECK(verify_checkpoint(checkpoint, source_.keys, source_.ledger, source_.founding_id));
  const std::string which = "the checkpoint in entry " + std::to_string(seq) + " of " +
                            source_.ledger.text();
  if (checkpoint.size() < newest_size_ || checkpoint.size() >= seq) {
    return fail(Errc::kForkFound, which + " vouches for " + std::to_string(checkpoint.size()) +
                                      " entries, an earlier one for " +
                                      std::to_string(newest_size_) + "; a ledger only grows");
  }
  newest_size_ = checkpoint.size();
  if (newest_size_ < first_) return {};
  Hash hash = covered_hash_;
  if (checkpoint.size() > covered_) {
    hash = pending(checkpoint.size()).entry.hash;
    for (Seq next = covered_ + 1; next <= checkpoint.size(); ++next) {
      if (tree_) tree_->append(pending(next).entry.leaf);
      if (covered_by_) covered_by_->take(pending(next).entry.payload);
    }
  }
  if (to_hex(hash) != checkpoint.sha256()) {
    return fail(Errc::kForkFound, which + " vouches for entry " +
                                      std::to_string(checkpoint.size()) + " with hash " +
                                      checkpoint.sha256() + "; here it has " + to_hex(hash));
  }
  if (tree_ && to_hex(tree_->root()) != checkpoint.root_sha256()) {
    return fail(Errc::kForkFound, which + " vouches for a tree of " +
                                      std::to_string(checkpoint.size()) + " entries with root " +
                                      checkpoint.root_sha256() + "; these have " +
                                      to_hex(tree_->root()));
  }
  if (checkpoint.size() > covered_) {
    pending_[checkpoint.size() - pending_.front().entry.seq].root_sha256 =
        checkpoint.root_sha256();
  }
  covered_ = checkpoint.size();
  covered_hash_ = hash;
  covering_ = checkpoint;
  if (assured_ && covered_ >= assured_->seq) {
    confirmed_by_ = witnesses_at(assured_->seq);
    set_confirmed(assured_->seq, assured_->hash);
    assured_.reset();
  }
  if (!assured_ && covered_by_ && covered_by_->size() == 0 && confirmed_by_->size() == 0) {
    confirmed_by_ = covered_by_;
    set_confirmed(covered_, covered_hash_);
  }
  return {};
}

// What was confirmed when it stopped must be what is read when it goes on.
Result<void> SignedReader::check_assured(const SignedEntry& entry) const {
  if (!assured_ || entry.seq != assured_->seq || entry.hash == assured_->hash) return {};
  return fail(Errc::kForkFound, "witnesses had confirmed entry " + std::to_string(entry.seq) +
                                    " of " + source_.ledger.text() + " with the hash " +
                                    to_hex(assured_->hash) + "; here it has " +
                                    to_hex(entry.hash));
}

void SignedReader::set_confirmed(Seq seq, const Hash& hash) {
  confirmed_ = seq;
  confirmed_hash_ = hash;
}

// By what is pending, behind confirmed_.
WitnessSet SignedReader::witnesses_at(Seq seq) const {
  auto witnesses = *confirmed_by_;
  for (Seq next = confirmed_ + 1; next <= seq; ++next) {
    witnesses.take(pending(next).entry.payload);
  }
  return witnesses;
}

const Hash* SignedReader::covered_hash(Seq seq) const {
  const Seq known = known_seq();
  if (seq > covered_ || known - seq >= hashes_.size()) return nullptr;
  return &hashes_[hashes_.size() - 1 - (known - seq)];
}

bool SignedReader::awaits_witnesses() const {
  return std::any_of(pending_.begin(), pending_.end(), [this](const Pending& one) {
    return one.entry.seq > released_seq() && one.entry.seq <= covered_ &&
           is_deed(one.entry.payload);
  });
}

// Cosignatures speak for themselves, whoever put them here. Too few of them confirm nothing.
Result<void> SignedReader::confirm(const v1::CheckpointConfirmed& event) {
  const Seq size = event.size();
  if (size <= confirmed_ || size > covered_) return {};
  const auto note = parse_note(event.note());
  const auto read = note ? read_ledger_note(*note) : Result<LedgerCheckpoint>(fail(note.error()));
  if (!read || read->tree.size != size || read->ledger != source_.ledger) return {};
  if (!confirmed_by_) {
    if (source_.confirms && source_.confirms(*note, shared_version_.at(size))) {
      confirmed_ = size;
      shared_version_.forget_before(size);
    }
    return {};
  }
  if (assured_) return {};  // it is behind this one, or the same
  auto witnesses = witnesses_at(size);
  if (!witnesses.confirms(*note) || !confirmed_by_->confirms_next(*note)) return {};
  if (read->tip != pending(size).entry.hash) {
    return fail(Errc::kForkFound, "witnesses have cosigned " + std::to_string(size) +
                                      " entries of " + source_.ledger.text() +
                                      " with the last hash " + to_hex(read->tip) +
                                      "; here it has " + to_hex(pending(size).entry.hash));
  }
  const auto& root_sha256 = pending(size).root_sha256;
  if (!root_sha256.empty() && to_hex(read->tree.root) != root_sha256) {
    return fail(Errc::kForkFound, "witnesses have cosigned " + std::to_string(size) +
                                      " entries of " + source_.ledger.text() + " with root " +
                                      to_hex(read->tree.root) + "; its checkpoint has " +
                                      root_sha256);
  }
  confirmed_by_ = std::move(witnesses);
  set_confirmed(size, pending(size).entry.hash);
  return {};
}

}  // namespace hansa::federation
