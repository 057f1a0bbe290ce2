// Keyring: the keys under which one city's personal texts are sealed, kept outside its ledger.
//
// Shape:   one key a person, random, wrapped by the node's master key, in one file of fixed slots
//          `<data>/keyring/<city>.keys`; beside it HMACs of phone and e-mail, by which a person is
//          found again. A sealed text is "sealed1:" + base64(32 bytes key commitment ‖ 24 bytes
//          nonce ‖ XChaCha20-Poly1305 of the text padded to 64 bytes), bound to city, person, event
//          type and field.
// Errors:  kPersonErased: the person's key is destroyed. kUnknownPerson: there never was one here.
//          kBadFile: the file is damaged (a slot's checksum is wrong; names the slot), or a sealed
//          text was changed, moved or sealed under another key. kDataInUse: another process has it.
//          kUnavailable: the file cannot be written; nothing may be acknowledged.
//          join() makes it one of several: what is added or erased on one node is shared with the
//          others as changes of named slots, each under a MAC of the master key, before it counts
//          as durable; the file holds the slots of all. A person whom two nodes made a key for at
//          once has both, and a text says which. What is erased stays erased, whoever comes later
//          with an old file.
// Threads: every call from any thread; join once, before others use it.
// Limits:  as many persons as memory holds at 250 bytes each.
// Source:  DESIGN §9, SPEC §1.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/env.h"
#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa::projections {

// A change of one slot as the nodes of a city share it: names are unique, no value deletes.
struct SharedSlot {
  std::string name;
  std::optional<std::string> value;
};
class KeyringShare {
 public:
  virtual ~KeyringShare() = default;
  // All of it will reach every node that ever joins, when this returns without error.
  virtual Result<void> publish(const std::vector<SharedSlot>& changes) = 0;
};

struct SealContext {
  PersonId person;
  std::string_view event_type;  // "CaseReported"
  std::string_view field;       // full field name, "hansa.v1.Contact.phone"
};

class Keyring {
 public:
  // `master_key` is 32 bytes from `<data>/keys/` (0600).
  static Result<std::unique_ptr<Keyring>> open(const std::string& directory, std::string city,
                                               std::string master_key, Env& env, bool fsync);
  ~Keyring();

  // Person ids known for a phone number or e-mail address; empty texts match nothing. Numbers are
  // compared by their digits and leading plus, addresses in lower case.
  std::vector<PersonId> find(std::string_view phone, std::string_view email) const;
  // Makes a key for the person if there is none and remembers how to find them. It is durable only
  // once flush() has called back.
  Result<void> add(const PersonId& person, std::string_view phone, std::string_view email);
  // Calls back (any thread) once everything added before is on disk; at once if it is already.
  void flush(std::function<void(Result<void>)> durable);

  Result<std::string> seal(const SealContext& context, std::string_view text);
  Result<std::string> unseal(const SealContext& context, std::string_view sealed) const;
  bool knows(const PersonId& person) const;
  // Whether the last try to make something durable failed.
  bool is_failing() const;

  // `all`: what the share holds; what it lacks of this keyring is published. kBadFile: it was
  // written under another master key. `share` must outlive the keyring.
  Result<void> join(KeyringShare& share, const std::vector<SharedSlot>& all);
  // What another node published. Answers how many changes no holder of the master key made; these
  // are left out.
  size_t learn(const std::vector<SharedSlot>& changes);

  // Other systems seal personal texts to the city: "box1:" + base64 of libsodium's crypto_box_seal
  // to the X25519 key box_public_key(). kBadFile: not a box, or not to this city.
  Result<std::string> open_box(std::string_view boxed) const;

  // Destroys the person's key and all that finds them; durable when it returns. Repeatable.
  Result<void> erase(const PersonId& person);

 private:
  struct Impl;
  explicit Keyring(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// 32 bytes.
std::string box_public_key(const std::string& master_key, const std::string& city);

inline constexpr std::string_view kSealedPrefix = "sealed1:";
inline constexpr std::string_view kBoxPrefix = "box1:";

}  // namespace hansa::projections
