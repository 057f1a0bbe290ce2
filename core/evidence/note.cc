#include "core/evidence/note.h"

#include <algorithm>

#include "core/base/assert.h"
#include "core/base/base64.h"
#include "core/base/hash.h"
#include "core/base/schema.h"
#include "core/evidence/lines.h"

namespace hansa {
namespace {

constexpr std::string_view kDash = "\u2014 ";
constexpr size_t kKeyIdBytes = 4;
constexpr size_t kTimeBytes = 8;

// Everything of Unicode's property White_Space.
constexpr std::string_view kSpaces[] = {
    " ",      "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
    "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F",
    "\u205F", "\u3000"};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

std::string big_endian(uint64_t number, size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) {
    text[i] = static_cast<char>(number >> (8 * (bytes - 1 - i)));
  }
  return text;
}

uint64_t read_big_endian(std::string_view bytes) {
  uint64_t number = 0;
  for (char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// What the key id is made of and the key's text ends with.
std::string type_and_key(const NoteKey& key) {
  return std::string(1, static_cast<char>(key.type)).append(key.public_key.view());
}

std::string key_id_text(const NoteKey& key) { return big_endian(key_id(key), kKeyIdBytes); }

std::string cosigned_text(std::string_view text, uint64_t time_s) {
  return ("cosignature/v1\ntime " + std::to_string(time_s) + "\n").append(text);
}

NoteSignature signature_of(const std::string& name, NoteKeyType type, const std::string& seed,
                           std::string bytes) {
  HANSA_ASSERT(is_note_name(name), "who signs a note has a name that a note can bear");
  return {name, key_id({name, type, public_key_of(seed)}), std::move(bytes)};
}

std::optional<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(kDash)) return std::nullopt;
  line.remove_prefix(kDash.size());
  const auto space = line.find(' ');
  if (space == std::string_view::npos || !is_note_name(line.substr(0, space))) return std::nullopt;
  const auto bytes = parse_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= kKeyIdBytes) return std::nullopt;
  return NoteSignature{std::string(line.substr(0, space)),
                       static_cast<uint32_t>(read_big_endian(bytes->substr(0, kKeyIdBytes))),
                       bytes->substr(kKeyIdBytes)};
}

// The time of a signature that claims the key, if it holds.
std::optional<int64_t> time_of(const Note& note, const NoteSignature& claimed,
                               const NoteKey& key) {
  const bool has_time = key.type == NoteKeyType::kCosignature;
  const size_t time_bytes = has_time ? kTimeBytes : 0;
  const auto bytes = std::string_view(claimed.bytes);
  if (bytes.size() < time_bytes) return std::nullopt;
  const auto signature = Signature::from(bytes.substr(time_bytes));
  const uint64_t time_s = read_big_endian(bytes.substr(0, time_bytes));
  if (!signature || time_s > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
  const auto text = has_time ? cosigned_text(note.text, time_s) : note.text;
  if (!is_signed(key.public_key, text, *signature)) return std::nullopt;
  return static_cast<int64_t>(time_s);
}

}  // namespace

bool is_note_name(std::string_view name) {
  return !name.empty() && is_utf8(name) && std::none_of(name.begin(), name.end(), is_control) &&
         name.find('+') == std::string_view::npos &&
         std::none_of(std::begin(kSpaces), std::end(kSpaces), [&](std::string_view space) {
           return name.find(space) != std::string_view::npos;
         });
}

uint32_t key_id(const NoteKey& key) {
  const Hash hash = sha256({key.name, "\n", type_and_key(key)});
  return static_cast<uint32_t>(read_big_endian(hash.view().substr(0, kKeyIdBytes)));
}

std::string vkey_text(const NoteKey& key) {
  return key.name + "+" + to_hex(key_id_text(key)) + "+" + to_base64(type_and_key(key));
}

Result<NoteKey> parse_vkey(std::string_view text) {
  const auto refused = [&](const std::string& why) {
    return fail(Errc::kBadRequest, "expected a key as <name>+<key id>+<base64>: " + why);
  };
  const auto name_end = text.find('+');
  const auto id_end = name_end == std::string_view::npos ? name_end : text.find('+', name_end + 1);
  if (id_end == std::string_view::npos) return refused("there are not two '+' in it");
  if (!is_note_name(text.substr(0, name_end))) {
    return refused("the name must be UTF-8 without white space and not empty");
  }
  const auto bytes = parse_base64(text.substr(id_end + 1));
  const auto public_key = bytes && !bytes->empty() ? PublicKey::from(bytes->substr(1))
                                                   : std::nullopt;
  if (!public_key) return refused("behind the second '+' must be base64 of 33 bytes");
  const auto type = static_cast<NoteKeyType>(bytes->front());
  if (type != NoteKeyType::kEd25519 && type != NoteKeyType::kCosignature) {
    return refused("its type must be 1 (Ed25519) or 4 (Ed25519 cosignature)");
  }
  NoteKey key{std::string(text.substr(0, name_end)), type, *public_key};
  const auto id = to_hex(key_id_text(key));
  if (id != text.substr(name_end + 1, id_end - name_end - 1)) {
    return refused("the key id of this name and key is " + id);
  }
  return key;
}

Result<Note> parse_note(std::string_view text) {
  if (text.size() > kNoteBytesMax) {
    return fail(Errc::kBadRequest, "a note has at most " + std::to_string(kNoteBytesMax) +
                                       " bytes, this one has " + std::to_string(text.size()));
  }
  if (!is_utf8(text) || std::any_of(text.begin(), text.end(), [](char c) {
        return is_control(c) && c != '\n';
      })) {
    return fail(Errc::kBadRequest, "a note is UTF-8 without control characters but newlines");
  }
  const auto middle = text.rfind("\n\n");
  if (middle == std::string_view::npos) {
    return fail(Errc::kBadRequest, "expected an empty line between a note's text and signatures");
  }
  Note note{std::string(text.substr(0, middle + 1)), {}};
  auto rest = text.substr(middle + 2);
  while (const auto line = take_line(rest)) {
    auto signature = parse_signature(*line);
    if (!signature) {
      return fail(Errc::kBadRequest, "signature " + std::to_string(note.signatures.size() + 1) +
                                         " of the note: expected '\u2014 <name> <base64>'");
    }
    if (note.signatures.size() == kNoteSignaturesMax) {
      return fail(Errc::kBadRequest, "a note has at most " + std::to_string(kNoteSignaturesMax) +
                                         " signatures");
    }
    note.signatures.push_back(*std::move(signature));
  }
  if (!rest.empty()) return fail(Errc::kBadRequest, "a note ends with a newline");
  if (note.signatures.empty()) return fail(Errc::kBadRequest, "the note bears no signature");
  return note;
}

std::string note_text(const Note& note) {
  HANSA_ASSERT(note.text.ends_with('\n'), "a note's text ends with a newline");
  HANSA_ASSERT(!note.signatures.empty(), "a note bears a signature");
  std::string text = note.text + "\n";
  for (const auto& signature : note.signatures) {
    text.append(kDash).append(signature.name).append(" ");
    text.append(to_base64(big_endian(signature.key_id, kKeyIdBytes) + signature.bytes));
    text.append("\n");
  }
  return text;
}

NoteSignature sign_note(const std::string& name, const std::string& seed, std::string_view text) {
  return signature_of(name, NoteKeyType::kEd25519, seed, std::string(sign(seed, text).view()));
}

NoteSignature cosign_note(const std::string& name, const std::string& seed, std::string_view text,
                          int64_t time_s) {
  HANSA_ASSERT(time_s >= 0, "a cosignature is made after 1970");
  const auto time = static_cast<uint64_t>(time_s);
  return signature_of(
      name, NoteKeyType::kCosignature, seed,
      big_endian(time, kTimeBytes).append(sign(seed, cosigned_text(text, time)).view()));
}

Result<std::optional<int64_t>> signed_by(const Note& note, const NoteKey& key) {
  std::optional<int64_t> latest;
  for (const auto& signature : note.signatures) {
    if (signature.name != key.name || signature.key_id != key_id(key)) continue;
    const auto time_s = time_of(note, signature, key);
    if (!time_s) {
      return fail(Errc::kBadSignature, "the note claims to be signed by " + vkey_text(key) +
                                           ", and the signature does not fit the text");
    }
    latest = std::max(latest, time_s);
  }
  return latest;
}

}  // namespace hansa
