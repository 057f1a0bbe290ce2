#include "core/ledger/envelope.h"

#include <cstring>

#include "core/base/hash.h"

namespace hansa {
namespace {

constexpr std::string_view kMagic = "HNSA";
constexpr char kVersion = 1;

template <typename Number>
void put_number(std::string& out, Number number) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

// Takes fields off the front; the caller has checked that the whole envelope is there.
struct FieldReader {
  std::string_view rest;

  std::string_view take(size_t length) {
    const auto field = rest.substr(0, length);
    rest.remove_prefix(length);
    return field;
  }
  template <typename Number>
  Number number() {
    Number number = 0;
    for (unsigned char byte : take(sizeof(Number))) {
      number = static_cast<Number>(number << 8 | byte);
    }
    return number;
  }
  template <typename Id>
  Id id() {
    Id id;
    std::memcpy(id.bytes.data(), take(id.bytes.size()).data(), id.bytes.size());
    return id;
  }
};

}  // namespace

Result<std::string> encode_entry(const Envelope& envelope, std::string_view payload) {
  if (payload.size() > kEntryBytesMax - kEnvelopeBytes) {
    return fail(Errc::kTooLarge, "an entry's payload is at most " +
                                     std::to_string(kEntryBytesMax - kEnvelopeBytes) +
                                     " bytes, this one has " + std::to_string(payload.size()) +
                                     "; split what it records into several commands");
  }
  std::string value;
  value.reserve(kEnvelopeBytes + payload.size());
  value.append(kMagic);
  value.push_back(kVersion);
  value.push_back('\0');
  put_number(value, envelope.schema_level);
  value.append(envelope.founding_id.view());
  put_number(value, envelope.seq);
  value.append(envelope.prev.view());
  put_number(value, envelope.base_seq);
  value.append(envelope.base_head.view());
  value.append(envelope.writer.view());
  value.append(envelope.salt.view());
  put_number(value, static_cast<uint32_t>(payload.size()));
  value.append(payload);
  return value;
}

std::optional<DecodedEntry> decode_entry(std::string_view value) {
  if (value.size() < kEnvelopeBytes || value.size() > kEntryBytesMax) return std::nullopt;
  FieldReader reader{value};
  if (reader.take(kMagic.size()) != kMagic) return std::nullopt;
  if (reader.number<uint8_t>() != kVersion) return std::nullopt;
  if (reader.number<uint8_t>() != 0) return std::nullopt;
  DecodedEntry entry;
  Envelope& envelope = entry.envelope;
  envelope.schema_level = reader.number<uint16_t>();
  envelope.founding_id = reader.id<FoundingId>();
  envelope.seq = reader.number<Seq>();
  envelope.prev = reader.id<Hash>();
  envelope.base_seq = reader.number<Seq>();
  envelope.base_head = reader.id<HashHead>();
  envelope.writer = reader.id<WriterId>();
  envelope.salt = reader.id<Salt>();
  if (reader.number<uint32_t>() != reader.rest.size()) return std::nullopt;
  entry.payload = reader.rest;
  return entry;
}

Hash founding_hash(const FoundingId& founding_id) { return sha256(founding_id.view()); }

HashHead head_of(const Hash& hash) {
  HashHead head;
  std::memcpy(head.bytes.data(), hash.bytes.data(), head.bytes.size());
  return head;
}

}  // namespace hansa
