// Goal: files and requests of transparency logs, which anybody may have made, are read as what they
// are or refused. Method: the bytes as each of them; what is read is written and read again.
#include "core/evidence/entry_bundle.h"
#include "core/evidence/ledger_note.h"
#include "core/evidence/proof_file.h"
#include "core/evidence/tree.h"
#include "federation/witness.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  const auto text = text_of(data, size);
  if (const auto note = parse_note(text)) {
    must_hold(note_text(*note) == text, "a note has one form");
    (void)read_ledger_note(*note);
    (void)parse_checkpoint(note->text);
  }
  if (const auto request = federation::parse_witness_request(text)) {
    must_hold(federation::request_text(*request) == text, "a request has one form");
  }
  (void)parse_checkpoint(text);
  if (const auto proof = parse_proof(text)) {
    must_hold(proof_text(*proof) == text, "a proof has one form");
  }
  (void)parse_vkey(text);
  (void)parse_tree_hash(text);
  (void)parse_tile_path(text);
  (void)parse_bundle(text);
  return 0;
}
