#include "core/base/ids.h"

namespace hansa {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string to_hex(std::string_view raw) {
  std::string hex;
  hex.reserve(raw.size() * 2);
  for (unsigned char byte : raw) {
    hex.push_back(kHexDigits[byte >> 4]);
    hex.push_back(kHexDigits[byte & 15]);
  }
  return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string raw;
  raw.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    raw.push_back(static_cast<char>(high * 16 + low));
  }
  return raw;
}

bool is_slug(std::string_view text) {
  if (text.empty() || text.size() > 40) return false;
  for (char c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!fits) return false;
  }
  return true;
}

std::optional<LedgerId> LedgerId::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  LedgerId ledger{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  if (ledger.kind == kShareKind) {
    const auto middle = ledger.id.find('/');
    if (middle == std::string::npos || !is_slug(ledger.id.substr(0, middle)) ||
        !is_slug(ledger.id.substr(middle + 1))) {
      return std::nullopt;
    }
    return ledger;
  }
  if (ledger.kind != kCityKind && ledger.kind != kAllianceKind) return std::nullopt;
  if (!is_slug(ledger.id)) return std::nullopt;
  return ledger;
}

std::string LedgerId::dotted_id() const {
  std::string dotted = id;
  for (char& c : dotted) c = c == '/' ? '.' : c;
  return dotted;
}

std::string uuid_text(const CommandId& id) {
  const std::string hex = to_hex(id);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

std::optional<CommandId> parse_uuid_v7(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash_expected = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash_expected != (text[i] == '-')) return std::nullopt;
    if (dash_expected) continue;
    const char c = text[i];
    hex.push_back(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  auto id = parse_hex<CommandId>(hex);
  if (!id || (id->bytes[6] >> 4) != 7 || (id->bytes[8] >> 6) != 2) return std::nullopt;
  return id;
}

int64_t uuid_time_ms(const CommandId& id) {
  int64_t time_ms = 0;
  for (int i = 0; i < 6; ++i) time_ms = (time_ms << 8) | id.bytes[i];
  return time_ms;
}

CommandId make_uuid_v7(int64_t time_ms, const std::array<uint8_t, 10>& random) {
  CommandId id;
  for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(time_ms >> (8 * (5 - i)));
  for (int i = 0; i < 10; ++i) id.bytes[6 + i] = random[i];
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0F) | 0x70);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3F) | 0x80);
  return id;
}

std::string case_id(Seq seq, uint32_t index_in_entry) {
  std::string id = "c" + std::to_string(seq);
  if (index_in_entry > 0) id += "-" + std::to_string(index_in_entry);
  return id;
}

}  // namespace hansa
