#include "federation/checkpoint.h"

namespace hansa::federation {
namespace {

std::string signed_text(const LedgerId& ledger, const FoundingId& founding_id, Seq size,
                        std::string_view hash_hex) {
  return "hansa checkpoint 1\n" + ledger.text() + "\n" + to_hex(founding_id) + "\n" +
         std::to_string(size) + "\n" + std::string(hash_hex) + "\n";
}

}  // namespace

const std::string& SigningSeeds::of(const LedgerId& ledger, Seq size) const {
  const std::string* seed = &first;
  for (const auto& change : changes) {
    if (change.ledger == ledger && change.from_size <= size) seed = &change.seed;
  }
  return *seed;
}

KeyRanges SigningSeeds::keys_of(const LedgerId& ledger) const {
  auto keys = only_key(to_hex(public_key_of(first)));
  for (const auto& change : changes) {
    if (change.ledger != ledger) continue;
    apply_change(keys, to_hex(public_key_of(change.seed)), change.from_size);
  }
  return keys;
}

v1::CheckpointSigned sign_checkpoint(const std::string& seed, const LedgerId& ledger,
                                     const FoundingId& founding_id, Seq size, const Hash& hash) {
  v1::CheckpointSigned checkpoint;
  checkpoint.set_size(size);
  checkpoint.set_sha256(to_hex(hash));
  checkpoint.set_signature(
      to_hex(sign(seed, signed_text(ledger, founding_id, size, checkpoint.sha256()))));
  checkpoint.set_public_key(to_hex(public_key_of(seed)));
  return checkpoint;
}

std::function<v1::CheckpointSigned(Seq size, const Hash& hash)> signer_of(
    SigningSeeds seeds, const LedgerId& ledger, const FoundingId& founding_id) {
  return [seeds = std::move(seeds), ledger, founding_id](Seq size, const Hash& hash) {
    return sign_checkpoint(seeds.of(ledger, size), ledger, founding_id, size, hash);
  };
}

Result<void> verify_checkpoint(const v1::CheckpointSigned& checkpoint, const KeyRanges& keys,
                               const LedgerId& ledger, const FoundingId& founding_id) {
  const std::string which = "the checkpoint of " + ledger.text() + " at size " +
                            std::to_string(checkpoint.size());
  const auto* expected = key_for(keys, checkpoint.size());
  if (expected == nullptr || checkpoint.public_key() != expected->public_key()) {
    return fail(Errc::kBadSignature, which + " is made with the key " + checkpoint.public_key() +
                                         "; the ledger is known by " + keys_text(keys));
  }
  const auto key = parse_hex<PublicKey>(expected->public_key());
  const auto signature = parse_hex<Signature>(checkpoint.signature());
  const std::string text = signed_text(ledger, founding_id, checkpoint.size(),
                                       checkpoint.sha256());
  if (!key || !signature || !is_signed(*key, text, *signature)) {
    return fail(Errc::kBadSignature,
                which + " bears no signature of its key " + expected->public_key());
  }
  return {};
}

}  // namespace hansa::federation
