#include "federation/share_reader.h"

#include <algorithm>
#include <map>

#include "core/base/hash.h"
#include "core/ledger/envelope.h"
#include "federation/checkpoint.h"

namespace hansa::federation {
namespace {

constexpr size_t kPageBytes = 1024 * 1024;

struct Candidate {
  Hash hash;
  Hash prev;
  std::string value;
};

// Every record of this ledger's from a place on, by seq; several of a seq where some are void.
struct Candidates {
  std::multimap<Seq, Candidate> by_seq;
  std::optional<std::pair<Seq, Hash>> anchor;  // the newest that a checkpoint vouches for
};

void look_for_checkpoint(const v1::Payload& payload, const SignedReader::Source& source,
                         Candidates& all) {
  for (const auto& event : payload.events()) {
    if (!event.has_checkpoint_signed()) continue;
    const auto& checkpoint = event.checkpoint_signed();
    const auto hash = parse_hex<Hash>(checkpoint.sha256());
    if (!hash || !verify_checkpoint(checkpoint, source.keys, source.ledger, source.founding_id)) {
      continue;
    }
    if (!all.anchor || checkpoint.size() > all.anchor->first) {
      all.anchor = {checkpoint.size(), *hash};
    }
  }
}

Result<Candidates> collect(streams::Log& log, const SignedReader::Source& source, Seq from,
                           size_t entries_max) {
  Candidates all;
  size_t bytes = 0;
  // No valid entry stands before the offset of its seq: voids only move it on.
  Offset offset = from - 1;
  HANSA_TRY(const Offset end, log.end(source.ledger));
  while (bytes < kShareReadBytesMax && offset < end) {
    HANSA_TRY(auto read, log.read(source.ledger, offset, kPageBytes));
    for (auto& record : read.records) {
      const auto entry = decode_entry(record.value);
      if (!entry || entry->envelope.founding_id != source.founding_id) continue;
      if (entry->envelope.seq < from) continue;
      v1::Payload payload;
      if (payload.ParseFromArray(entry->payload.data(), static_cast<int>(entry->payload.size()))) {
        look_for_checkpoint(payload, source, all);
      }
      bytes += record.value.size();
      all.by_seq.emplace(entry->envelope.seq,
                         Candidate{sha256(record.value), entry->envelope.prev,
                                   std::move(record.value)});
    }
    if (read.next <= offset) break;
    offset = read.next;
    if (all.anchor && all.anchor->first + 1 >= from + entries_max) break;
  }
  return all;
}

const Candidate* find(const Candidates& all, Seq seq, const Hash& hash) {
  const auto [first, last] = all.by_seq.equal_range(seq);
  for (auto it = first; it != last; ++it) {
    if (it->second.hash == hash) return &it->second;
  }
  return nullptr;
}

}  // namespace

Result<std::vector<ShareRecord>> read_share(streams::Log& log, const SignedReader::Source& source,
                                            Seq from, size_t entries_max) {
  from = std::max<Seq>(1, from);
  HANSA_TRY(const auto all, collect(log, source, from, entries_max));
  std::vector<ShareRecord> records;
  if (!all.anchor || all.anchor->first < from) return records;
  auto [seq, hash] = *all.anchor;
  for (; seq >= from; --seq) {
    const auto* found = find(all, seq, hash);
    if (found == nullptr) {
      return fail(Errc::kForkFound, source.ledger.text() + ": entry " + std::to_string(seq) +
                                        " is not the one that its checkpoint covers");
    }
    hash = found->prev;
    if (seq >= from + entries_max) continue;
    auto& record = records.emplace_back();
    record.seq = seq;
    record.hash = found->hash;
    record.value = found->value;
    const auto entry = decode_entry(record.value);
    if (!record.payload.ParseFromArray(entry->payload.data(),
                                       static_cast<int>(entry->payload.size()))) {
      return fail(Errc::kUpgradeNeeded, source.ledger.text() + ": entry " + std::to_string(seq) +
                                            " cannot be read by this binary");
    }
  }
  std::reverse(records.begin(), records.end());
  return records;
}

}  // namespace hansa::federation
