#include "projections/keyring.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "projections/keyring_file.h"

namespace hansa::projections {
namespace {

constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kCommitmentBytes = 32;
constexpr size_t kPadBytes = 64;
static_assert(kNonceBytes == 24 && kKeyBytes + kTagBytes == 48);

using Key = std::array<uint8_t, kKeyBytes>;
using State = KeyringSlot::State;

struct IdHash {
  template <size_t N, typename Tag>
  size_t operator()(const Bytes<N, Tag>& id) const {
    size_t value;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return value;
  }
};

const uint8_t* raw(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}
uint8_t* raw(std::string& bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }

void wipe(std::string& secret) { sodium_memzero(secret.data(), secret.size()); }

std::string digits_of(std::string_view phone) {
  std::string digits;
  for (const char c : phone) {
    if (c >= '0' && c <= '9') digits.push_back(c);
    if (c == '+' && digits.empty()) digits.push_back(c);
  }
  return digits == "+" ? std::string() : digits;
}

std::string lower_case(std::string_view email) {
  const auto from = email.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  std::string lower(email.substr(from, email.find_last_not_of(" \t\r\n") + 1 - from));
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Every part with its length before it, so that no two contexts have the same bytes.
std::string bound_to(std::string_view city, const SealContext& context) {
  std::string bytes;
  for (const auto part : {city, context.person.view(), context.event_type, context.field}) {
    const auto length = static_cast<uint32_t>(part.size());
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
    bytes.append(part);
  }
  return bytes;
}

// The key that encrypts under this nonce, and behind it the commitment. Two person keys with one
// commitment would be a collision of SHA-256, so a text opens under one key only.
std::string key_and_commitment(const Key& person_key, std::string_view nonce) {
  const std::string_view secret(reinterpret_cast<const char*>(person_key.data()),
                                person_key.size());
  return hkdf_sha256(secret, "hansa sealed1 " + std::string(nonce), kKeyBytes + kCommitmentBytes);
}

std::string base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), raw(bytes), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  size_t length = 0;
  if (sodium_base642bin(raw(bytes), bytes.size(), text.data(), text.size(), nullptr, &length,
                        nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
    return std::nullopt;
  }
  bytes.resize(length);
  return bytes;
}

std::string encrypt(std::string_view plain, std::string_view bound, std::string_view nonce,
                    const uint8_t* key) {
  std::string cipher(plain.size() + kTagBytes, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(cipher), nullptr, raw(plain), plain.size(),
                                             raw(bound), bound.size(), nullptr, raw(nonce), key);
  return cipher;
}

bool decrypt(std::string_view cipher, std::string_view bound, std::string_view nonce,
             const uint8_t* key, uint8_t* plain) {
  return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, nullptr, nullptr, raw(cipher),
                                                    cipher.size(), raw(bound), bound.size(),
                                                    raw(nonce), key) == 0;
}

Error erased_error(const PersonId& person) {
  return Error{Errc::kPersonErased, "the data of person " + to_hex(person) + " was erased"};
}
Error unknown_error(const PersonId& person) {
  return Error{Errc::kUnknownPerson, "the keyring has no person " + to_hex(person)};
}
Error damaged_error(const SealContext& context, std::string_view why) {
  return Error{Errc::kBadFile, "the sealed text in " + std::string(context.field) + " of person " +
                                   to_hex(context.person) + " " + std::string(why)};
}

}  // namespace

struct Keyring::Impl {
  struct Handle {
    uint64_t slot;
    FindKey phone;
    FindKey email;
  };
  struct Person {
    bool erased = false;
    bool has_key = false;
    Key key{};
    std::vector<Handle> handles;
  };
  using Waiter = std::function<void(Result<void>)>;

  Impl(std::string city, const std::string& master_key, Env& env)
      : city_(std::move(city)),
        env_(env),
        wrap_key_(hkdf_sha256(master_key, "hansa keyring wrap " + city_, kKeyBytes)),
        find_key_(hkdf_sha256(master_key, "hansa keyring find " + city_, 32)) {}

  ~Impl() {
    for (auto& [id, person] : persons_) sodium_memzero(person.key.data(), person.key.size());
    wipe(wrap_key_);
    wipe(find_key_);
  }

  FindKey find_key(std::string_view kind, const std::string& text) const {
    if (text.empty()) return {};
    const auto hash = hmac_sha256(find_key_, std::string(kind) + ":" + text);
    return *FindKey::from(hash.view().substr(0, 16));
  }

  Result<void> load(const std::vector<KeyringSlot>& slots);
  Result<void> add_locked(const PersonId& id, const FindKey& phone, const FindKey& email);
  void put(uint64_t number, const KeyringSlot& slot);
  void remember(const PersonId& id, Person& person, const Handle& handle);
  void erase_locked(const PersonId& id, Person& person);
  Result<Key> key_of(const PersonId& id) const;
  Result<void> write_pending();
  void write_for_waiters();

  const std::string city_;
  Env& env_;
  std::string wrap_key_;
  std::string find_key_;
  std::unique_ptr<KeyringFile> file_;

  std::mutex writing_;  // held while the file is written; taken before mutex_
  mutable std::mutex mutex_;
  std::unordered_map<PersonId, Person, IdHash> persons_;
  std::unordered_map<FindKey, std::vector<PersonId>, IdHash> found_by_;
  uint64_t next_slot_ = 0;
  std::map<uint64_t, KeyringSlot> pending_;  // not on disk, or not as here
  uint64_t put_count_ = 0;
  uint64_t durable_count_ = 0;  // equal to put_count_: everything is on disk
  std::vector<Waiter> waiters_;
  bool stopping_ = false;
  std::condition_variable wake_;
  std::thread writer_;
};

// In order of slot numbers: a person's key stands in their first one.
Result<void> Keyring::Impl::load(const std::vector<KeyringSlot>& slots) {
  next_slot_ = slots.size();
  for (uint64_t number = 0; number < slots.size(); ++number) {
    const auto& slot = slots[number];
    if (slot.state == State::kFree) {
      put(number, slot);
      continue;
    }
    auto& person = persons_[slot.person];
    if (slot.state == State::kErased) person.erased = true;
    if (slot.state == State::kKey) {
      person.has_key = true;
      const std::string_view nonce(reinterpret_cast<const char*>(slot.nonce.data()), kNonceBytes);
      const std::string_view wrapped(reinterpret_cast<const char*>(slot.wrapped_key.data()),
                                     slot.wrapped_key.size());
      if (!decrypt(wrapped, slot.person.view(), nonce, raw(wrap_key_), person.key.data())) {
        return fail(Errc::kBadFile, "the keyring of " + city_ + " has a key in slot " +
                                        std::to_string(number) + " that cannot be unwrapped");
      }
    }
    if (slot.state == State::kFindOnly && !person.has_key && !person.erased) {
      // The slot of the key itself was torn by a crash: neither was ever acknowledged.
      persons_.erase(slot.person);
      put(number, KeyringSlot());
      continue;
    }
    remember(slot.person, person, {number, slot.phone, slot.email});
  }
  // A crash between the overwrites of one erasure leaves slots behind: finish it.
  for (const auto& slot : slots) {
    const bool live = slot.state == State::kKey || slot.state == State::kFindOnly;
    const auto found = persons_.find(slot.person);
    if (live && found != persons_.end() && found->second.erased) {
      erase_locked(slot.person, found->second);
    }
  }
  return {};
}

void Keyring::Impl::put(uint64_t number, const KeyringSlot& slot) {
  pending_[number] = slot;
  ++put_count_;
}

void Keyring::Impl::remember(const PersonId& id, Person& person, const Handle& handle) {
  person.handles.push_back(handle);
  for (const auto& key : {handle.phone, handle.email}) {
    if (key.is_zero()) continue;
    auto& ids = found_by_[key];
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
}

Result<void> Keyring::Impl::add_locked(const PersonId& id, const FindKey& phone,
                                       const FindKey& email) {
  KeyringSlot slot;
  slot.person = id;
  const auto known = persons_.find(id);
  if (known == persons_.end()) {
    slot.state = State::kKey;
    slot.phone = phone;
    slot.email = email;
    Person person;
    person.has_key = true;
    env_.random(person.key.data(), person.key.size());
    env_.random(slot.nonce.data(), slot.nonce.size());
    const std::string_view key(reinterpret_cast<const char*>(person.key.data()), kKeyBytes);
    const std::string_view nonce(reinterpret_cast<const char*>(slot.nonce.data()), kNonceBytes);
    const auto wrapped = encrypt(key, id.view(), nonce, raw(wrap_key_));
    std::memcpy(slot.wrapped_key.data(), wrapped.data(), wrapped.size());
    auto& kept = persons_[id];
    kept = person;
    sodium_memzero(person.key.data(), person.key.size());
    remember(id, kept, {next_slot_, phone, email});
  } else {
    auto& person = known->second;
    if (person.erased) return fail(erased_error(id));
    slot.state = State::kFindOnly;
    slot.phone = phone;
    slot.email = email;
    for (const auto& handle : person.handles) {
      if (handle.phone == phone) slot.phone = {};
      if (handle.email == email) slot.email = {};
    }
    if (slot.phone.is_zero() && slot.email.is_zero()) return {};
    remember(id, person, {next_slot_, slot.phone, slot.email});
  }
  put(next_slot_++, slot);
  return {};
}

void Keyring::Impl::erase_locked(const PersonId& id, Person& person) {
  person.erased = true;
  sodium_memzero(person.key.data(), person.key.size());
  KeyringSlot tombstone;
  tombstone.state = State::kErased;
  tombstone.person = id;
  if (person.handles.empty()) person.handles.push_back({next_slot_++, {}, {}});
  for (auto& handle : person.handles) {
    for (const auto& key : {handle.phone, handle.email}) {
      const auto found = found_by_.find(key);
      if (found == found_by_.end()) continue;
      std::erase(found->second, id);
      if (found->second.empty()) found_by_.erase(found);
    }
    handle.phone = {};
    handle.email = {};
    put(handle.slot, tombstone);
  }
}

Result<Key> Keyring::Impl::key_of(const PersonId& id) const {
  std::lock_guard lock(mutex_);
  const auto found = persons_.find(id);
  if (found == persons_.end()) return fail(unknown_error(id));
  if (found->second.erased) return fail(erased_error(id));
  return found->second.key;
}

// One write and one sync for everything that waits, whoever calls.
Result<void> Keyring::Impl::write_pending() {
  std::vector<Waiter> waiters;
  Result<void> result;
  {
    std::lock_guard one_writer(writing_);
    std::map<uint64_t, KeyringSlot> batch;
    uint64_t covered = 0;
    {
      std::lock_guard lock(mutex_);
      batch.swap(pending_);
      waiters.swap(waiters_);
      covered = put_count_;
    }
    if (!batch.empty()) result = file_->write(batch);
    std::lock_guard lock(mutex_);
    if (result) {
      durable_count_ = covered;
    } else {
      pending_.merge(batch);  // what was put meanwhile is newer and stays
    }
  }
  for (auto& waiter : waiters) waiter(result);
  return result;
}

void Keyring::Impl::write_for_waiters() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !waiters_.empty(); });
    const bool last = stopping_;
    lock.unlock();
    const auto written = write_pending();
    lock.lock();
    if (last && waiters_.empty()) return;
    static_cast<void>(written);  // every waiter was told
  }
}

Keyring::Keyring(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Keyring::~Keyring() {
  {
    std::lock_guard lock(impl_->mutex_);
    impl_->stopping_ = true;
  }
  impl_->wake_.notify_one();
  impl_->writer_.join();
}

Result<std::unique_ptr<Keyring>> Keyring::open(const std::string& directory, std::string city,
                                               std::string master_key, Env& env, bool fsync) {
  HANSA_ASSERT(sodium_init() >= 0, "libsodium cannot be initialised");
  if (master_key.size() != 32) {
    return fail(Errc::kBadFile, "a master key has 32 bytes, this one has " +
                                    std::to_string(master_key.size()));
  }
  if (!is_slug(city)) return fail(Errc::kBadFile, "'" + city + "' is no city id");
  auto impl = std::make_unique<Impl>(std::move(city), master_key, env);
  std::vector<KeyringSlot> slots;
  auto file = KeyringFile::open(directory, impl->city_, master_key, fsync, slots);
  wipe(master_key);
  HANSA_TRY(impl->file_, std::move(file));
  HANSA_CHECK(impl->load(slots));
  HANSA_CHECK(impl->write_pending());
  auto* started = impl.get();
  impl->writer_ = std::thread([started] { started->write_for_waiters(); });
  return std::unique_ptr<Keyring>(new Keyring(std::move(impl)));
}

std::vector<PersonId> Keyring::find(std::string_view phone, std::string_view email) const {
  const auto by_phone = impl_->find_key("phone", digits_of(phone));
  const auto by_email = impl_->find_key("email", lower_case(email));
  std::vector<PersonId> persons;
  std::lock_guard lock(impl_->mutex_);
  for (const auto& key : {by_phone, by_email}) {
    const auto found = impl_->found_by_.find(key);
    if (found == impl_->found_by_.end()) continue;
    for (const auto& id : found->second) {
      if (std::find(persons.begin(), persons.end(), id) == persons.end()) persons.push_back(id);
    }
  }
  return persons;
}

Result<void> Keyring::add(const PersonId& person, std::string_view phone,
                          std::string_view email) {
  const auto by_phone = impl_->find_key("phone", digits_of(phone));
  const auto by_email = impl_->find_key("email", lower_case(email));
  std::lock_guard lock(impl_->mutex_);
  return impl_->add_locked(person, by_phone, by_email);
}

void Keyring::flush(std::function<void(Result<void>)> durable) {
  {
    std::unique_lock lock(impl_->mutex_);
    if (impl_->durable_count_ != impl_->put_count_) {
      impl_->waiters_.push_back(std::move(durable));
      lock.unlock();
      impl_->wake_.notify_one();
      return;
    }
  }
  durable({});
}

Result<std::string> Keyring::seal(const SealContext& context, std::string_view text) {
  HANSA_TRY(Key key, impl_->key_of(context.person));
  std::string nonce;
  {
    std::lock_guard lock(impl_->mutex_);
    nonce = impl_->env_.random_bytes(kNonceBytes);
  }
  std::string derived = key_and_commitment(key, nonce);
  sodium_memzero(key.data(), key.size());

  std::string padded(text);
  padded.resize((text.size() / kPadBytes + 1) * kPadBytes);
  size_t length = 0;
  const int padding = sodium_pad(&length, raw(padded), text.size(), kPadBytes, padded.size());
  HANSA_ASSERT(padding == 0 && length == padded.size(), "a text is padded to whole blocks");

  std::string sealed = derived.substr(kKeyBytes);
  sealed.append(nonce);
  sealed.append(encrypt(padded, bound_to(impl_->city_, context), nonce, raw(derived)));
  wipe(derived);
  wipe(padded);
  return std::string(kSealedPrefix) + base64(sealed);
}

Result<std::string> Keyring::unseal(const SealContext& context, std::string_view sealed) const {
  HANSA_TRY(Key key, impl_->key_of(context.person));
  if (!sealed.starts_with(kSealedPrefix)) {
    return fail(damaged_error(context, "does not begin with 'sealed1:'"));
  }
  const auto bytes = from_base64(sealed.substr(kSealedPrefix.size()));
  const size_t overhead = kCommitmentBytes + kNonceBytes + kTagBytes;
  if (!bytes || bytes->size() < overhead + kPadBytes) {
    return fail(damaged_error(context, "is not whole"));
  }
  const auto whole = std::string_view(*bytes);
  const auto nonce = whole.substr(kCommitmentBytes, kNonceBytes);
  std::string derived = key_and_commitment(key, nonce);
  sodium_memzero(key.data(), key.size());
  if (sodium_memcmp(derived.data() + kKeyBytes, whole.data(), kCommitmentBytes) != 0) {
    return fail(damaged_error(context, "was sealed under another key or was changed"));
  }
  std::string padded(whole.size() - overhead, '\0');
  const bool opened = decrypt(whole.substr(kCommitmentBytes + kNonceBytes),
                              bound_to(impl_->city_, context), nonce, raw(derived), raw(padded));
  wipe(derived);
  size_t length = 0;
  if (!opened || sodium_unpad(&length, raw(padded), padded.size(), kPadBytes) != 0) {
    return fail(damaged_error(context, "was changed or belongs to another place"));
  }
  padded.resize(length);
  return padded;
}

bool Keyring::knows(const PersonId& person) const {
  std::lock_guard lock(impl_->mutex_);
  const auto found = impl_->persons_.find(person);
  return found != impl_->persons_.end() && !found->second.erased;
}

Result<void> Keyring::erase(const PersonId& person) {
  {
    std::lock_guard lock(impl_->mutex_);
    auto& known = impl_->persons_[person];
    if (!known.erased) impl_->erase_locked(person, known);
    if (impl_->durable_count_ == impl_->put_count_) return {};
  }
  return impl_->write_pending();
}

}  // namespace hansa::projections
