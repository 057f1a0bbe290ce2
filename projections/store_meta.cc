#include "projections/store_meta.h"

namespace hansa::projections {
namespace {

constexpr size_t kMetaBytes = 100;

uint64_t number_at(std::string_view bytes, size_t at, size_t length) {
  uint64_t number = 0;
  for (const char byte : bytes.substr(at, length)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

}  // namespace

std::string meta_key() { return stored_key(TableId::kMeta, "position"); }

std::string encode_meta(const Meta& meta) {
  std::string bytes = big_endian(meta.row_schema_version).substr(4);
  bytes += big_endian(meta.position.seq);
  bytes += meta.position.tip.view();
  bytes += big_endian(meta.position.next_offset);
  bytes += big_endian(meta.position.voids);
  bytes += big_endian(static_cast<uint64_t>(meta.time_us));
  bytes += meta.digest.bytes();
  return bytes;
}

std::optional<Meta> decode_meta(std::string_view bytes) {
  if (bytes.size() < 4) return std::nullopt;
  Meta meta;
  meta.row_schema_version = static_cast<uint32_t>(number_at(bytes, 0, 4));
  const bool is_ours = meta.row_schema_version == kRowSchemaVersion;
  if (bytes.size() != kMetaBytes) return is_ours ? std::nullopt : std::optional<Meta>(meta);
  meta.position.seq = number_at(bytes, 4, 8);
  meta.position.tip = *Hash::from(bytes.substr(12, 32));
  meta.position.next_offset = number_at(bytes, 44, 8);
  meta.position.voids = number_at(bytes, 52, 8);
  meta.time_us = static_cast<int64_t>(number_at(bytes, 60, 8));
  meta.digest = *Digest::from_bytes(bytes.substr(68, 32));
  return meta;
}

}  // namespace hansa::projections
