#include "federation/checkpoint.h"

#include "federation/verified.h"

namespace hansa::federation {

const std::string& SigningSeeds::of(const LedgerId& ledger, Seq size) const {
  const std::string* seed = &first;
  for (const auto& change : changes) {
    if (change.ledger == ledger && change.from_size <= size) seed = &change.seed;
  }
  return *seed;
}

const std::string* SigningSeeds::beside(const LedgerId& ledger, Seq size) const {
  const std::string* before = nullptr;
  const std::string* seed = &first;
  for (const auto& change : changes) {
    if (change.ledger != ledger || change.from_size > size) continue;
    before = size - change.from_size < kOverlapSizes ? seed : nullptr;
    seed = &change.seed;
  }
  return before;
}

KeyRanges SigningSeeds::keys_of(const LedgerId& ledger) const {
  auto keys = only_key(to_hex(public_key_of(first)));
  for (const auto& change : changes) {
    if (change.ledger != ledger) continue;
    apply_change(keys, to_hex(public_key_of(change.seed)), change.from_size);
  }
  return keys;
}

v1::CheckpointSigned sign_checkpoint(const std::string& seed, const VouchedHead& head) {
  v1::CheckpointSigned checkpoint;
  checkpoint.set_size(head.size);
  checkpoint.set_sha256(to_hex(head.tip));
  checkpoint.set_root_sha256(to_hex(head.root));
  checkpoint.set_origin(head.origin);
  checkpoint.set_signature(to_hex(sign(seed, signed_text(checkpoint))));
  checkpoint.set_public_key(to_hex(public_key_of(seed)));
  return checkpoint;
}

std::function<v1::CheckpointSigned(const VouchedHead&)> signer_of(SignedLedger ledger) {
  return [known = std::move(ledger)](VouchedHead head) {
    if (head.origin.empty()) {
      head.origin = origin_of(known.public_host, known.ledger, known.founding_id);
    }
    auto checkpoint = sign_checkpoint(known.seeds.of(known.ledger, head.size), head);
    if (const auto* before = known.seeds.beside(known.ledger, head.size)) {
      checkpoint.set_previous_signature(to_hex(sign(*before, signed_text(checkpoint))));
      checkpoint.set_previous_public_key(to_hex(public_key_of(*before)));
    }
    return checkpoint;
  };
}

Result<void> verify_checkpoint(const v1::CheckpointSigned& checkpoint, const KeyRanges& keys,
                               const LedgerId& ledger, const FoundingId& founding_id) {
  const std::string which = "the checkpoint of " + ledger.text() + " at size " +
                            std::to_string(checkpoint.size());
  if (!is_checkpoint(checkpoint)) {
    return fail(Errc::kBadSignature, which + " has not the form of one");
  }
  const auto* expected = key_for(keys, checkpoint.size());
  if (expected == nullptr || checkpoint.public_key() != expected->public_key()) {
    return fail(Errc::kBadSignature, which + " is made with the key " + checkpoint.public_key() +
                                         "; the ledger is known by " + keys_text(keys));
  }
  const auto key = parse_hex<PublicKey>(expected->public_key());
  const auto signature = parse_hex<Signature>(checkpoint.signature());
  if (!is_origin_of(checkpoint.origin(), ledger, founding_id)) {
    return fail(Errc::kBadSignature, which + " is that of another log, " + checkpoint.origin());
  }
  if (!key || !signature ||
      !is_signed_as_known(*key, signed_text(checkpoint), *signature)) {
    return fail(Errc::kBadSignature,
                which + " bears no signature of its key " + expected->public_key());
  }
  return {};
}

}  // namespace hansa::federation
