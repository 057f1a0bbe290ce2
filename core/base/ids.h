// Named types for everything that identifies something, with their texts.
//
// Shape:   Bytes<N, Tag> is N raw bytes: Hash (SHA-256, 32), FoundingId, CommandId, ActorId,
//          PersonId, ImportId (16 each). Text form: lower-case hex; CommandId: a UUID.
//          LedgerId is `<kind>/<id>` (`city/suzhou-js`, `share/delta/suzhou-js`); its topic is
//          `hansa.` with dots.
//          Slugs (cities, units, services, districts, …) are `[a-z0-9-]{1,40}`.
//          Case ids are `c<seq>`, further cases of one entry `c<seq>-<n>`.
// Units:   UUIDv7 time in milliseconds since 1970 UTC.
// Errors:  parse_… answer nullopt for anything but the exact form.
// Threads: plain values.
// Source:  SPEC §1; RFC 9562 for UUIDv7.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace hansa {

using Seq = uint64_t;     // position of a valid entry in its ledger, dense from 1
using Offset = uint64_t;  // position of a record in its log, from 0

template <size_t N, typename Tag>
struct Bytes {
  std::array<uint8_t, N> bytes{};

  auto operator<=>(const Bytes&) const = default;
  bool is_zero() const { return *this == Bytes{}; }
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Takes exactly N bytes; nullopt otherwise.
  static std::optional<Bytes> from(std::string_view raw) {
    if (raw.size() != N) return std::nullopt;
    Bytes result;
    std::memcpy(result.bytes.data(), raw.data(), N);
    return result;
  }
};

using Hash = Bytes<32, struct HashTag>;
using FoundingId = Bytes<16, struct FoundingIdTag>;
using CommandId = Bytes<16, struct CommandIdTag>;
using ActorId = Bytes<16, struct ActorIdTag>;
using PersonId = Bytes<16, struct PersonIdTag>;
using ImportId = Bytes<16, struct ImportIdTag>;

std::string to_hex(std::string_view raw);
std::optional<std::string> from_hex(std::string_view hex);

template <size_t N, typename Tag>
std::string to_hex(const Bytes<N, Tag>& id) {
  return to_hex(id.view());
}

template <typename Id>
std::optional<Id> parse_hex(std::string_view hex) {
  auto raw = from_hex(hex);
  return raw ? Id::from(*raw) : std::nullopt;
}

inline constexpr std::string_view kCityKind = "city";
inline constexpr std::string_view kAllianceKind = "alliance";
inline constexpr std::string_view kShareKind = "share";

struct LedgerId {
  std::string kind;  // "city", "alliance" or "share"
  std::string id;    // a slug; of a share `<alliance>/<city>`

  auto operator<=>(const LedgerId&) const = default;
  std::string text() const { return kind + "/" + id; }
  std::string topic() const { return "hansa." + kind + "." + dotted_id(); }
  // No slug has a dot, so that no two ledgers share a folder.
  std::string folder() const { return kind + "-" + dotted_id(); }
  std::string dotted_id() const;
  static std::optional<LedgerId> parse(std::string_view text);
};

bool is_slug(std::string_view text);

std::string uuid_text(const CommandId& id);
std::optional<CommandId> parse_uuid_v7(std::string_view text);
// The time inside a UUIDv7, in milliseconds since 1970.
int64_t uuid_time_ms(const CommandId& id);
// Builds a UUIDv7 from a time and 10 random bytes.
CommandId make_uuid_v7(int64_t time_ms, const std::array<uint8_t, 10>& random);

std::string case_id(Seq seq, uint32_t index_in_entry);

}  // namespace hansa
