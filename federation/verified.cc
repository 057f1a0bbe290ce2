#include "federation/verified.h"

#include <cstring>
#include <utility>

#include "core/base/hash.h"
#include "core/base/rows.h"

namespace hansa::federation {
namespace {

VerifiedFacts& facts_of_this_process() {
  static VerifiedFacts facts(kVerifiedMax);
  return facts;
}

template <typename Reckon>
bool known_or(const Hash& fact, Reckon reckon) {
  auto& facts = facts_of_this_process();
  if (facts.knows(fact)) return true;
  const bool is_good = reckon();
  if (is_good) facts.add(fact);
  return is_good;
}

void append_part(std::string& parts, std::string_view part) {
  parts.append(big_endian(part.size())).append(part);
}

}  // namespace

size_t VerifiedFacts::FirstBytes::operator()(const Hash& fact) const {
  size_t first = 0;
  std::memcpy(&first, fact.bytes.data(), sizeof(first));
  return first;
}

bool VerifiedFacts::knows(const Hash& fact) const {
  const std::lock_guard lock(mutex_);
  return newer_.contains(fact) || older_.contains(fact);
}

void VerifiedFacts::add(const Hash& fact) {
  const std::lock_guard lock(mutex_);
  if (newer_.size() >= half_max_) older_ = std::exchange(newer_, {});
  newer_.insert(fact);
}

size_t VerifiedFacts::size() const {
  const std::lock_guard lock(mutex_);
  return newer_.size() + older_.size();
}

// Key and signature have fixed lengths: no two askings make the same bytes.
bool is_signed_as_known(const PublicKey& key, std::string_view text, const Signature& signature) {
  const Hash fact = sha256({"signed", key.view(), signature.view(), text});
  return known_or(fact, [&] { return is_signed(key, text, signature); });
}

bool has_cosigned(const Note& note, const NoteKey& key) {
  std::string parts;
  append_part(parts, vkey_text(key));
  append_part(parts, note.text);
  bool is_claimed = false;
  for (const auto& signature : note.signatures) {
    if (signature.name != key.name) continue;
    is_claimed = true;
    append_part(parts, big_endian(signature.key_id));
    append_part(parts, signature.bytes);
  }
  if (!is_claimed) return false;
  return known_or(sha256({"cosigned", parts}), [&] {
    const auto time_s = signed_by(note, key);
    return time_s && *time_s;
  });
}

}  // namespace hansa::federation
