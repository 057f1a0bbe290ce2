// KeyringFile: the fixed slots in which one city's keyring lies on disk.
//
// Shape:   `<directory>/<city>.keys`: a header of 256 bytes {magic "hansakey", version u32, zero
//          u32, durable slots u64, check of the master key (16), zeros, checksum (32)}, then slots
//          of 256 bytes {state u8, 15 zero bytes, person id (16), nonce (24), key wrapped by the
//          master key (48), HMACs of phone and e-mail (16 each, zero when there is none), zeros,
//          checksum (32)}. Numbers are little-endian; checksums are HMACs over slot number and
//          bytes. An erased slot keeps the person id only, so that an erased person stays known
//          as such. No slot crosses a disk sector, so an overwrite is done whole or not at all.
// Errors:  kBadFile: not a keyring, another master key, or a damaged slot, which is named; restore
//          the file. Slots from `durable` on were never acknowledged: a damaged one there is the
//          trace of a crash and counts as free. kDataInUse: another process has the file.
//          kUnavailable (write only): disk full or failing; nothing counts as written, try again.
// Threads: one at a time.
// Source:  DESIGN §9.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa::projections {

using FindKey = Bytes<16, struct FindKeyTag>;  // keyed hash of a phone number or e-mail address

struct KeyringSlot {
  enum class State : uint8_t { kFree = 0, kKey = 1, kFindOnly = 2, kErased = 3 };
  State state = State::kFree;
  PersonId person;
  std::array<uint8_t, 24> nonce{};
  std::array<uint8_t, 48> wrapped_key{};
  FindKey phone;
  FindKey email;
};

template <size_t N>
std::string_view view(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

class KeyringFile {
 public:
  // Makes the file if there is none. `slots` receives what it holds, by slot number.
  static Result<std::unique_ptr<KeyringFile>> open(const std::string& directory,
                                                   const std::string& city,
                                                   std::string_view master_key, bool fsync,
                                                   std::vector<KeyringSlot>& slots);
  ~KeyringFile();

  // All of it is on disk when this returns without error. Slots below the highest number must have
  // been written before or be among these.
  Result<void> write(const std::map<uint64_t, KeyringSlot>& slots);

 private:
  KeyringFile(std::string path, std::string check_key, std::string master_check, bool fsync);
  Result<void> create();
  Result<void> load(std::vector<KeyringSlot>& slots);
  std::string header() const;
  std::string slot_bytes(uint64_t number, const KeyringSlot& slot) const;
  bool read_slot(uint64_t number, std::string_view bytes, KeyringSlot& slot) const;

  std::string path_;
  std::string check_key_;
  std::string master_check_;
  bool fsync_;
  int file_ = -1;
  uint64_t durable_slots_ = 0;
};

}  // namespace hansa::projections
