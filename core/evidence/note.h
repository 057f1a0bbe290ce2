// Signed notes: a text with the signatures of those who stand for it, and their keys.
//
// Shape:   a note is the text, which ends with a newline, an empty line, and a line
//          `— <name> <base64 of key id and signature>` per signature. An empty line may stand in
//          the text too: the last one parts it from the signatures.
//          A key is known by name and key id, the first 4 bytes of
//          SHA-256(name 0A type public key); its text is `<name>+<8 hex>+<base64 of type and key>`.
//          kEd25519 signs the text. kCosignature, Ed25519 too, signs
//          `cosignature/v1\ntime <seconds>\n` and the text, and its signature is the time, 8 bytes,
//          highest first, and the 64 of Ed25519.
// Units:   seconds since 1970 UTC.
// Errors:  kBadRequest: a text that is not in the format; kBadSignature: see signed_by.
// Threads: free for all.
// Limits:  notes of kNoteBytesMax bytes and kNoteSignaturesMax signatures.
// Source:  C2SP signed-note and tlog-cosignature.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/signature.h"

namespace hansa {

inline constexpr size_t kNoteBytesMax = 1'000'000;
inline constexpr size_t kNoteSignaturesMax = 100;

enum class NoteKeyType : uint8_t { kEd25519 = 0x01, kCosignature = 0x04 };

struct NoteKey {
  std::string name;
  NoteKeyType type = NoteKeyType::kEd25519;
  PublicKey public_key;

  bool operator==(const NoteKey&) const = default;
};

// A name that a key may have: UTF-8, not empty, without white space, control characters and `+`.
bool is_note_name(std::string_view name);
uint32_t key_id(const NoteKey& key);
std::string vkey_text(const NoteKey& key);
Result<NoteKey> parse_vkey(std::string_view text);

struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string bytes;  // without the key id

  bool operator==(const NoteSignature&) const = default;
};

struct Note {
  std::string text;
  std::vector<NoteSignature> signatures;

  bool operator==(const Note&) const = default;
};

Result<Note> parse_note(std::string_view text);
// Of a text that ends with a newline and at least one signature.
std::string note_text(const Note& note);

// `name` is a note name and `time_s` not negative.
NoteSignature sign_note(const std::string& name, const std::string& seed, std::string_view text);
NoteSignature cosign_note(const std::string& name, const std::string& seed, std::string_view text,
                          int64_t time_s);

// The time of a cosignature, of several the latest (0 for a plain signature), if the note bears a
// good one of this key; nullopt: none of this key, whoever else signed; kBadSignature: one that
// claims this key and fails, and so the whole note does.
Result<std::optional<int64_t>> signed_by(const Note& note, const NoteKey& key);

}  // namespace hansa
