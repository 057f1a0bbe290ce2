#include "projections/keyring_share.h"

#include <sodium.h>

#include <cstring>

#include "core/base/hash.h"

namespace hansa::projections {
namespace {

using State = KeyringSlot::State;

constexpr size_t kKeyIdBytes = 8;
constexpr size_t kNonceAt = 0;
constexpr size_t kWrappedAt = 24;
constexpr size_t kPhoneAt = 72;
constexpr size_t kEmailAt = 88;
constexpr size_t kMacAt = 104;
constexpr size_t kValueBytes = 136;

Hash mac_of(std::string_view name, std::string_view body, std::string_view share_key) {
  return hmac_sha256(share_key, std::string(name) + std::string(body));
}

}  // namespace

std::string shared_name(const KeyringSlot& slot) {
  std::string name(slot.person.view());
  name.push_back(static_cast<char>(slot.state));
  if (slot.state == State::kKey) name.append(view(slot.nonce).substr(0, kKeyIdBytes));
  if (slot.state == State::kFindOnly) {
    name.append(slot.phone.view());
    name.append(slot.email.view());
  }
  return name;
}

SharedSlot share_slot(const KeyringSlot& slot, std::string_view share_key) {
  SharedSlot shared{shared_name(slot), std::string()};
  std::string& value = *shared.value;
  value.append(view(slot.nonce));
  value.append(view(slot.wrapped_key));
  value.append(slot.phone.view());
  value.append(slot.email.view());
  value.append(mac_of(shared.name, value, share_key).view());
  return shared;
}

std::optional<KeyringSlot> read_shared(const SharedSlot& shared, std::string_view share_key) {
  if (!shared.value || shared.value->size() != kValueBytes) return std::nullopt;
  const std::string_view value = *shared.value;
  const Hash mac = mac_of(shared.name, value.substr(0, kMacAt), share_key);
  if (sodium_memcmp(mac.bytes.data(), value.data() + kMacAt, mac.bytes.size()) != 0) {
    return std::nullopt;
  }
  const std::string_view name = shared.name;
  const auto person = PersonId::from(name.substr(0, PersonId().bytes.size()));
  if (!person || name.size() <= person->bytes.size()) return std::nullopt;
  KeyringSlot slot;
  slot.person = *person;
  slot.state = static_cast<State>(name[person->bytes.size()]);
  std::memcpy(slot.nonce.data(), value.data() + kNonceAt, slot.nonce.size());
  std::memcpy(slot.wrapped_key.data(), value.data() + kWrappedAt, slot.wrapped_key.size());
  slot.phone = *FindKey::from(value.substr(kPhoneAt, kEmailAt - kPhoneAt));
  slot.email = *FindKey::from(value.substr(kEmailAt, kMacAt - kEmailAt));
  const bool is_known = slot.state == State::kKey || slot.state == State::kFindOnly ||
                        slot.state == State::kErased;
  if (!is_known || shared_name(slot) != shared.name) return std::nullopt;
  return slot;
}

}  // namespace hansa::projections
