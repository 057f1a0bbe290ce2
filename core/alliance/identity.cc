#include "core/alliance/identity.h"

#include "core/base/hash.h"

namespace hansa {
namespace {

template <typename Key>
Result<void> check_key(const std::string& text, const char* field) {
  const auto key = parse_hex<Key>(text);
  if (key && !key->is_zero()) return {};
  return fail(Errc::kBadRequest,
              std::string(field) + " must be " + std::to_string(2 * sizeof(Key::bytes)) +
                  " hex digits, not all of them zeros, as its owner names it",
              std::string("/") + field);
}

}  // namespace

Result<void> check_public_key(const std::string& public_key) {
  return check_key<PublicKey>(public_key, "public_key");
}

Result<void> check_witness_key(const std::string& witness_key, const std::string& public_key) {
  HANSA_CHECK(check_key<PublicKey>(witness_key, "witness_key"));
  if (witness_key != public_key) return {};
  return fail(Errc::kBadRequest, "the key of the witness must be another than the one that signs "
                                 "the city's own ledgers",
              "/witness_key");
}

Result<void> check_identity(const std::string& founding_id, const std::string& public_key,
                            const std::string& recovery_key) {
  HANSA_CHECK(check_key<FoundingId>(founding_id, "founding_id"));
  HANSA_CHECK(check_public_key(public_key));
  HANSA_CHECK(check_key<PublicKey>(recovery_key, "recovery_key"));
  if (public_key != recovery_key) return {};
  return fail(Errc::kBadRequest,
              "the recovery key must be another than the key it replaces; it is kept offline",
              "/recovery_key");
}

LedgerId share_ledger(std::string_view alliance, std::string_view city) {
  return {std::string(kShareKind), std::string(alliance) + "/" + std::string(city)};
}

FoundingId share_founding_id(const FoundingId& alliance, const FoundingId& city) {
  const Hash hash = sha256({std::string_view("hansa share"), alliance.view(), city.view()});
  return *FoundingId::from(hash.view().substr(0, 16));
}

}  // namespace hansa
