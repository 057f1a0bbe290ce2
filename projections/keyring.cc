#include "projections/keyring.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "projections/keyring_file.h"
#include "projections/keyring_seal.h"
#include "projections/keyring_share.h"

namespace hansa::projections {
namespace {

using State = KeyringSlot::State;

struct IdHash {
  template <size_t N, typename Tag>
  size_t operator()(const Bytes<N, Tag>& id) const {
    size_t value;
    std::memcpy(&value, id.bytes.data(), sizeof value);
    return value;
  }
};

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

BoxKeys box_keys(const std::string& master_key, const std::string& city) {
  return make_box_keys(hkdf_sha256(master_key, "hansa inbox box " + city, 32));
}

}  // namespace

struct Keyring::Impl {
  struct Handle {
    uint64_t number;
    KeyringSlot slot;  // without the wrapped key
  };
  struct Person {
    bool erased = false;
    std::vector<Key> keys;  // new texts are sealed under the first
    std::vector<Handle> handles;
  };
  using Waiter = std::function<void(Result<void>)>;

  Impl(std::string city, const std::string& master_key, Env& env)
      : city_(std::move(city)),
        env_(env),
        wrap_key_(hkdf_sha256(master_key, "hansa keyring wrap " + city_, kKeyBytes)),
        find_key_(hkdf_sha256(master_key, "hansa keyring find " + city_, 32)),
        share_key_(hkdf_sha256(master_key, "hansa keyring share " + city_, 32)),
        box_(box_keys(master_key, city_)) {}

  ~Impl() {
    for (auto& [id, person] : persons_) wipe_keys(person);
    wipe(wrap_key_);
    wipe(find_key_);
    wipe(share_key_);
    wipe(box_.secret);
  }
  static void wipe_keys(Person& person) {
    for (auto& key : person.keys) sodium_memzero(key.data(), key.size());
    person.keys.clear();
  }

  FindKey find_key(std::string_view kind, const std::string& text) const {
    if (text.empty()) return {};
    const auto hash = hmac_sha256(find_key_, std::string(kind) + ":" + text);
    return *FindKey::from(hash.view().substr(0, 16));
  }

  Result<void> load(const std::vector<KeyringSlot>& slots);
  Result<void> add_locked(const PersonId& id, const FindKey& phone, const FindKey& email);
  std::optional<Key> unwrap(const KeyringSlot& slot) const;
  void put(uint64_t number, const KeyringSlot& slot);
  void remember(Person& person, uint64_t number, const KeyringSlot& slot);
  void erase_locked(const PersonId& id, Person& person);
  Result<std::vector<Key>> keys_of(const PersonId& id) const;
  Result<void> write_pending();
  Result<void> write_file();
  bool learn_locked(const SharedSlot& change);
  void erase_learned(const KeyringSlot& slot, Person& person);
  std::vector<SharedSlot> not_among(const std::vector<SharedSlot>& all) const;
  void write_for_waiters();

  const std::string city_;
  Env& env_;
  std::string wrap_key_;
  std::string find_key_;
  std::string share_key_;
  BoxKeys box_;
  KeyringShare* share_ = nullptr;  // set once, before others call
  std::unique_ptr<KeyringFile> file_;

  std::mutex writing_;  // held while the file is written; taken before mutex_
  mutable std::mutex mutex_;
  std::unordered_map<PersonId, Person, IdHash> persons_;
  std::unordered_map<FindKey, std::vector<PersonId>, IdHash> found_by_;
  uint64_t next_slot_ = 0;
  std::map<uint64_t, KeyringSlot> pending_;  // not on disk, or not as here
  std::vector<SharedSlot> unpublished_;      // not in the share yet
  uint64_t put_count_ = 0;
  uint64_t durable_count_ = 0;  // equal to put_count_: everything is on disk
  std::atomic<bool> is_failing_{false};  // at the last write; keepers ask in every round
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
      const auto key = unwrap(slot);
      if (!key) {
        return fail(Errc::kBadFile, "the keyring of " + city_ + " has a key in slot " +
                                        std::to_string(number) + " that cannot be unwrapped");
      }
      person.keys.push_back(*key);
    }
    if (slot.state == State::kFindOnly && person.keys.empty() && !person.erased) {
      // The slot of the key itself was torn by a crash: neither was ever acknowledged.
      persons_.erase(slot.person);
      put(number, KeyringSlot());
      continue;
    }
    remember(person, number, slot);
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

std::optional<Key> Keyring::Impl::unwrap(const KeyringSlot& slot) const {
  const std::string_view nonce(reinterpret_cast<const char*>(slot.nonce.data()), kNonceBytes);
  const std::string_view wrapped(reinterpret_cast<const char*>(slot.wrapped_key.data()),
                                 slot.wrapped_key.size());
  Key key;
  if (!decrypt(wrapped, slot.person.view(), nonce, raw(wrap_key_), key.data())) return std::nullopt;
  return key;
}

void Keyring::Impl::put(uint64_t number, const KeyringSlot& slot) {
  pending_[number] = slot;
  ++put_count_;
}

void Keyring::Impl::remember(Person& person, uint64_t number, const KeyringSlot& slot) {
  person.handles.push_back({number, slot});
  for (const auto& key : {slot.phone, slot.email}) {
    if (key.is_zero()) continue;
    auto& ids = found_by_[key];
    if (std::find(ids.begin(), ids.end(), slot.person) == ids.end()) ids.push_back(slot.person);
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
    auto& person = persons_[id];
    auto& key = person.keys.emplace_back();
    env_.random(key.data(), key.size());
    env_.random(slot.nonce.data(), slot.nonce.size());
    const std::string_view bytes(reinterpret_cast<const char*>(key.data()), kKeyBytes);
    const std::string_view nonce(reinterpret_cast<const char*>(slot.nonce.data()), kNonceBytes);
    const auto wrapped = encrypt(bytes, id.view(), nonce, raw(wrap_key_));
    std::memcpy(slot.wrapped_key.data(), wrapped.data(), wrapped.size());
    remember(person, next_slot_, slot);
  } else {
    auto& person = known->second;
    if (person.erased) return fail(erased_error(id));
    slot.state = State::kFindOnly;
    slot.phone = phone;
    slot.email = email;
    for (const auto& handle : person.handles) {
      if (handle.slot.phone == phone) slot.phone = {};
      if (handle.slot.email == email) slot.email = {};
    }
    if (slot.phone.is_zero() && slot.email.is_zero()) return {};
    remember(person, next_slot_, slot);
  }
  if (share_ != nullptr) unpublished_.push_back(share_slot(slot, share_key_));
  put(next_slot_++, slot);
  return {};
}

void Keyring::Impl::erase_locked(const PersonId& id, Person& person) {
  person.erased = true;
  wipe_keys(person);
  KeyringSlot tombstone;
  tombstone.state = State::kErased;
  tombstone.person = id;
  if (share_ != nullptr) unpublished_.push_back(share_slot(tombstone, share_key_));
  if (person.handles.empty()) person.handles.push_back({next_slot_++, tombstone});
  for (auto& handle : person.handles) {
    for (const auto& key : {handle.slot.phone, handle.slot.email}) {
      const auto found = found_by_.find(key);
      if (found == found_by_.end()) continue;
      std::erase(found->second, id);
      if (found->second.empty()) found_by_.erase(found);
    }
    if (share_ != nullptr && handle.slot.state != State::kErased) {
      unpublished_.push_back({shared_name(handle.slot), std::nullopt});
    }
    handle.slot = tombstone;
    put(handle.number, tombstone);
  }
}

Result<std::vector<Key>> Keyring::Impl::keys_of(const PersonId& id) const {
  std::lock_guard lock(mutex_);
  const auto found = persons_.find(id);
  if (found == persons_.end()) return fail(unknown_error(id));
  if (found->second.erased) return fail(erased_error(id));
  return found->second.keys;
}

// What is on disk only, and not in the share, does not count as durable yet.
Result<void> Keyring::Impl::write_file() {
  std::lock_guard one_writer(writing_);
  std::map<uint64_t, KeyringSlot> batch;
  {
    std::lock_guard lock(mutex_);
    batch.swap(pending_);
  }
  auto result = file_->write(batch);
  std::lock_guard lock(mutex_);
  if (!result) pending_.merge(batch);
  return result;
}

// One write and one sync for everything that waits, whoever calls.
Result<void> Keyring::Impl::write_pending() {
  std::vector<Waiter> waiters;
  Result<void> result;
  {
    std::lock_guard one_writer(writing_);
    std::map<uint64_t, KeyringSlot> batch;
    std::vector<SharedSlot> changes;
    uint64_t covered = 0;
    {
      std::lock_guard lock(mutex_);
      batch.swap(pending_);
      changes.swap(unpublished_);
      waiters.swap(waiters_);
      covered = put_count_;
    }
    if (!changes.empty()) result = share_->publish(changes);
    if (result && !batch.empty()) result = file_->write(batch);
    std::lock_guard lock(mutex_);
    is_failing_ = !result;
    if (result) {
      durable_count_ = covered;
    } else {
      pending_.merge(batch);  // what was put meanwhile is newer and stays
      changes.insert(changes.end(), std::make_move_iterator(unpublished_.begin()),
                     std::make_move_iterator(unpublished_.end()));
      unpublished_ = std::move(changes);
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
  HANSA_TRY(auto keys, impl_->keys_of(context.person));
  HANSA_ASSERT(!keys.empty(), "a person who is known and not erased has a key");
  std::string nonce;
  {
    std::lock_guard lock(impl_->mutex_);
    nonce = impl_->env_.random_bytes(kNonceBytes);
  }
  std::string sealed = seal_text(keys.front(), nonce, bound_to(impl_->city_, context), text);
  wipe_all(keys);
  return sealed;
}

Result<std::string> Keyring::unseal(const SealContext& context, std::string_view sealed) const {
  HANSA_TRY(auto keys, impl_->keys_of(context.person));
  auto text = open_text(keys, bound_to(impl_->city_, context), sealed);
  wipe_all(keys);
  if (!text) return fail(damaged_error(context, text.error().detail));
  return text;
}

std::string box_public_key(const std::string& master_key, const std::string& city) {
  HANSA_ASSERT(sodium_init() >= 0, "libsodium cannot be initialised");
  return box_keys(master_key, city).open;
}

Result<std::string> Keyring::open_box(std::string_view boxed) const {
  return open_text_box(impl_->box_, boxed);
}

// ---- shared by several nodes

// What the share lacks: the file was made before it was shared, or the last publishing failed.
std::vector<SharedSlot> Keyring::Impl::not_among(const std::vector<SharedSlot>& all) const {
  std::set<std::string_view> there;
  for (const auto& change : all) there.insert(change.name);
  std::vector<SharedSlot> missing;
  for (const auto& [id, person] : persons_) {
    for (const auto& handle : person.handles) {
      if (there.contains(shared_name(handle.slot))) continue;
      missing.push_back(share_slot(handle.slot, share_key_));
    }
  }
  return missing;
}

// False: nobody with the master key wrote it.
bool Keyring::Impl::learn_locked(const SharedSlot& change) {
  if (!change.value) return true;  // its person's erasure comes as a slot of its own
  const auto slot = read_shared(change, share_key_);
  if (!slot) return false;
  auto& person = persons_[slot->person];
  if (slot->state == State::kErased || person.erased) {
    // Once more for what this node knew and the other did not.
    if (!person.erased || slot->state != State::kErased) erase_learned(*slot, person);
    return true;
  }
  for (const auto& handle : person.handles) {
    if (shared_name(handle.slot) == change.name) return true;
  }
  if (slot->state == State::kKey) {
    const auto key = unwrap(*slot);
    if (!key) return false;
    person.keys.push_back(*key);
  }
  remember(person, next_slot_, *slot);
  put(next_slot_++, *slot);
  return true;
}

// An erasure, or a slot that comes after it: the name goes from the share.
void Keyring::Impl::erase_learned(const KeyringSlot& slot, Person& person) {
  if (!person.erased) return erase_locked(slot.person, person);
  unpublished_.push_back({shared_name(slot), std::nullopt});
  ++put_count_;
}

Result<void> Keyring::join(KeyringShare& share, const std::vector<SharedSlot>& all) {
  size_t foreign = 0;
  {
    std::lock_guard lock(impl_->mutex_);
    impl_->share_ = &share;
    for (const auto& change : all) foreign += impl_->learn_locked(change) ? 0 : 1;
    if (foreign > 0 && foreign == all.size()) {
      return fail(Errc::kBadFile, "the shared keyring of " + impl_->city_ +
                                      " belongs to another master key; put the right key file in "
                                      "place");
    }
    for (auto& missing : impl_->not_among(all)) impl_->unpublished_.push_back(std::move(missing));
    ++impl_->put_count_;
  }
  return impl_->write_pending();
}

size_t Keyring::learn(const std::vector<SharedSlot>& changes) {
  size_t foreign = 0;
  {
    std::lock_guard lock(impl_->mutex_);
    for (const auto& change : changes) foreign += impl_->learn_locked(change) ? 0 : 1;
    // Written with the next flush, or at the end: the share has it.
    impl_->waiters_.emplace_back([](const Result<void>&) {});
  }
  impl_->wake_.notify_one();
  return foreign;
}

bool Keyring::knows(const PersonId& person) const {
  std::lock_guard lock(impl_->mutex_);
  const auto found = impl_->persons_.find(person);
  return found != impl_->persons_.end() && !found->second.erased;
}

bool Keyring::is_failing() const { return impl_->is_failing_; }

// Each node destroys its own, with or without the share; there it follows as soon as it can.
Result<void> Keyring::erase(const PersonId& person) {
  {
    std::lock_guard lock(impl_->mutex_);
    auto& known = impl_->persons_[person];
    if (!known.erased) impl_->erase_locked(person, known);
    if (impl_->durable_count_ == impl_->put_count_) return {};
    if (impl_->share_ != nullptr) impl_->waiters_.emplace_back([](const Result<void>&) {});
  }
  impl_->wake_.notify_one();
  return impl_->share_ == nullptr ? impl_->write_pending() : impl_->write_file();
}

}  // namespace hansa::projections
