// Envelope: the fixed-layout head of every entry; it alone decides whether a record is valid.
//
// Shape:   all numbers big-endian.
//            0    4  magic "HNSA"
//            4    1  version, 1
//            5    1  zero
//            6    2  schema level: what a reader must know to fold the payload
//            8   16  founding id of the ledger
//           24    8  seq, dense from 1
//           32   32  prev: SHA-256 of the whole value of the last valid entry
//                    (of seq 1: SHA-256 of the founding id)
//           64    8  base seq: last entry the writer had seen valid
//           72    8  first 8 bytes of that entry's hash (seq 0: of the founding id's hash)
//           80   16  writer id
//           96   16  salt, fresh for every attempt; where others read the ledger, half of it
//                    says who made the entry (core/ledger/authorship.h)
//          112    4  payload length
//          116    …  payload: hansa.v1.Payload
// Errors:  decode answers nullopt for anything that is not exactly this form: such a record is
//          void, counted and never applied.
// Limits:  a value is at most kEntryBytesMax; encode refuses more with kTooLarge.
// Threads: pure.
// Source:  DESIGN §4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa {

inline constexpr size_t kEnvelopeBytes = 116;
// Of a share ledger; cities and alliances keep to 48 KiB (projections/keeper_round.cc), so that
// what they record fits into a shared copy.
inline constexpr size_t kEntryBytesMax = 60 * 1024;
inline constexpr uint16_t kFirstSchemaLevel = 1;  // of a ledger until it is raised
inline constexpr uint16_t kSchemaLevel = 2;       // the newest that this binary knows

using WriterId = Bytes<16, struct WriterIdTag>;
using Salt = Bytes<16, struct SaltTag>;
using HashHead = Bytes<8, struct HashHeadTag>;

struct Envelope {
  uint16_t schema_level = kFirstSchemaLevel;
  FoundingId founding_id;
  Seq seq = 0;
  Hash prev;
  Seq base_seq = 0;
  HashHead base_head;
  WriterId writer;
  Salt salt;
};

struct DecodedEntry {
  Envelope envelope;
  std::string_view payload;  // points into the value that was decoded
};

Result<std::string> encode_entry(const Envelope& envelope, std::string_view payload);
std::optional<DecodedEntry> decode_entry(std::string_view value);
// Of a value that is valid, into it.
inline std::string_view payload_of(std::string_view value) {
  return value.substr(kEnvelopeBytes);
}

Hash founding_hash(const FoundingId& founding_id);
HashHead head_of(const Hash& hash);

}  // namespace hansa
