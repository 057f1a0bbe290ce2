#include "ops/identity.h"

#include <boost/json.hpp>

#include "core/base/hash.h"
#include "ops/files.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

constexpr size_t kIdentityBytesMax = 4096;
constexpr size_t kFingerprintDigits = 32;

Result<std::string> hex_field(const boost::json::object& object, const char* name, size_t digits,
                              const std::string& file) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  const bool fits = text != nullptr && text->size() == digits &&
                    from_hex(std::string_view(*text)).has_value();
  if (fits) return std::string(*text);
  return fail(Errc::kBadFile, file + ": expected `" + name + "` as " + std::to_string(digits) +
                                  " hex digits; take the file that `hansa init` wrote");
}

std::string optional_line(const char* name, const std::string& value) {
  return value.empty() ? "" : std::string(",\n  \"") + name + "\": " + json_text(value);
}

}  // namespace

std::string public_key_of(const std::string& seed) {
  return to_hex(hansa::public_key_of(seed));
}

std::string fingerprint(const Identity& identity) {
  std::string bytes;
  for (const auto& part : {identity.ledger.text(), identity.founding_id, identity.public_key,
                           identity.recovery_key}) {
    bytes += part + '\0';
  }
  if (!identity.witness_key.empty()) bytes += identity.witness_key + '\0';
  const std::string digits = to_hex(sha256(bytes)).substr(0, kFingerprintDigits);
  std::string text;
  for (size_t at = 0; at < digits.size(); at += 4) {
    text += (at == 0 ? "" : " ") + digits.substr(at, 4);
  }
  return text;
}

std::string identity_json(const Identity& identity) {
  return "{\n  \"ledger\": " + json_text(identity.ledger.text()) +
         ",\n  \"founding_id\": " + json_text(identity.founding_id) +
         ",\n  \"public_key\": " + json_text(identity.public_key) +
         ",\n  \"recovery_key\": " + json_text(identity.recovery_key) +
         optional_line("witness_key", identity.witness_key) +
         optional_line("witness_url", identity.witness_url) + "\n}\n";
}

Result<Identity> read_identity(const std::string& file) {
  HANSA_TRY(const auto text, read_file(file, kIdentityBytesMax));
  boost::system::error_code code;
  const auto value = boost::json::parse(text, code);
  const auto* object = code ? nullptr : value.if_object();
  const auto* name = object == nullptr ? nullptr : object->if_contains("ledger");
  const auto* ledger_text = name == nullptr ? nullptr : name->if_string();
  const auto ledger = ledger_text == nullptr
                          ? std::nullopt
                          : LedgerId::parse(std::string_view(*ledger_text));
  if (!ledger) {
    return fail(Errc::kBadFile, file + ": expected the JSON object of an identity, with `ledger` "
                                       "like city/suzhou-js; take the file that `hansa init` "
                                       "wrote");
  }
  Identity identity;
  identity.ledger = *ledger;
  HANSA_TRY(identity.founding_id, hex_field(*object, "founding_id", 32, file));
  HANSA_TRY(identity.public_key, hex_field(*object, "public_key", 64, file));
  HANSA_TRY(identity.recovery_key, hex_field(*object, "recovery_key", 64, file));
  if (object->contains("witness_key")) {
    HANSA_TRY(identity.witness_key, hex_field(*object, "witness_key", 64, file));
  }
  if (const auto* url = object->if_contains("witness_url"); url != nullptr && url->is_string()) {
    identity.witness_url = std::string_view(url->get_string());
  }
  return identity;
}

}  // namespace hansa::ops
