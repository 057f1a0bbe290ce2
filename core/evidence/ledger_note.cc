#include "core/evidence/ledger_note.h"

namespace hansa {
namespace {

constexpr std::string_view kTip = "tip ";

void add_signature(Note& note, const std::string& name, const std::string& key_hex,
                   const std::string& signature_hex) {
  const auto key = parse_hex<PublicKey>(key_hex);
  const auto signature = parse_hex<Signature>(signature_hex);
  if (!key || !signature) return;
  note.signatures.push_back({name, key_id({name, NoteKeyType::kEd25519, *key}),
                             std::string(signature->view())});
}

std::string behind_host(const LedgerId& ledger, std::string_view founding_id_hex) {
  return "/" + ledger.text() + "/" + std::string(founding_id_hex);
}

Error no_ledger_note(const std::string& why) {
  return {Errc::kBadRequest, "this is no checkpoint of a ledger: " + why};
}

}  // namespace

std::string origin_of(std::string_view public_host, const LedgerId& ledger,
                      const FoundingId& founding_id) {
  return std::string(public_host) + behind_host(ledger, to_hex(founding_id));
}

bool is_origin_of(std::string_view origin, const LedgerId& ledger, const FoundingId& founding_id) {
  const std::string end = behind_host(ledger, to_hex(founding_id));
  return origin.size() > end.size() && origin.ends_with(end) &&
         origin.find('/') == origin.size() - end.size();
}

std::string witness_name(std::string_view city, std::string_view founding_id_hex) {
  return "hansa/witness/" + std::string(city) + "/" + std::string(founding_id_hex);
}

bool is_checkpoint(const v1::CheckpointSigned& event) {
  return is_note_name(event.origin()) && parse_hex<Hash>(event.sha256()).has_value() &&
         parse_hex<TreeHash>(event.root_sha256()).has_value() &&
         parse_hex<PublicKey>(event.public_key()).has_value() &&
         parse_hex<Signature>(event.signature()).has_value();
}

TreeCheckpoint checkpoint_of(const v1::CheckpointSigned& event) {
  TreeCheckpoint checkpoint;
  checkpoint.origin = event.origin();
  checkpoint.size = event.size();
  if (const auto root = parse_hex<TreeHash>(event.root_sha256())) checkpoint.root = *root;
  checkpoint.extensions = {std::string(kTip) + event.sha256()};
  return checkpoint;
}

std::string signed_text(const v1::CheckpointSigned& event) {
  return checkpoint_text(checkpoint_of(event));
}

Note note_of(const v1::CheckpointSigned& event) {
  Note note;
  note.text = signed_text(event);
  add_signature(note, event.origin(), event.public_key(), event.signature());
  add_signature(note, event.origin(), event.previous_public_key(), event.previous_signature());
  return note;
}

Result<LedgerCheckpoint> read_ledger_note(const Note& note) {
  LedgerCheckpoint read;
  HANSA_TRY(read.tree, parse_checkpoint(note.text));
  const std::string_view origin = read.tree.origin;
  const auto host_end = origin.find('/');
  const auto founding_at = origin.rfind('/');
  if (host_end == std::string_view::npos || founding_at <= host_end) {
    return fail(no_ledger_note("its origin must be <host>/<ledger>/<founding id>, it is " +
                               read.tree.origin));
  }
  const auto ledger = LedgerId::parse(origin.substr(host_end + 1, founding_at - host_end - 1));
  const auto founding_id = parse_hex<FoundingId>(origin.substr(founding_at + 1));
  if (!ledger || !founding_id) {
    return fail(no_ledger_note("its origin names no ledger: " + read.tree.origin));
  }
  read.ledger = *ledger;
  read.founding_id = *founding_id;
  const auto& lines = read.tree.extensions;
  std::optional<Hash> tip;
  if (lines.size() == 1 && lines[0].starts_with(kTip)) {
    tip = parse_hex<Hash>(std::string_view(lines[0]).substr(kTip.size()));
  }
  if (!tip) return fail(no_ledger_note("its fourth line must be `tip` and 64 hex digits"));
  read.tip = *tip;
  return read;
}

}  // namespace hansa
