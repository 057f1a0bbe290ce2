#include "federation/checkpoint.h"

#include <sodium.h>

#include "core/base/assert.h"

namespace hansa::federation {
namespace {

std::string signed_text(const LedgerId& ledger, const FoundingId& founding_id, Seq size,
                        std::string_view hash_hex) {
  return "hansa checkpoint 1\n" + ledger.text() + "\n" + to_hex(founding_id) + "\n" +
         std::to_string(size) + "\n" + std::string(hash_hex) + "\n";
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

PublicKey public_key_of(const std::string& seed) {
  HANSA_ASSERT(seed.size() == crypto_sign_SEEDBYTES, "a seed has 32 bytes");
  PublicKey key;
  std::string secret(crypto_sign_SECRETKEYBYTES, '\0');
  crypto_sign_seed_keypair(key.bytes.data(), reinterpret_cast<unsigned char*>(secret.data()),
                           bytes(seed));
  sodium_memzero(secret.data(), secret.size());
  return key;
}

Signature sign_text(const std::string& seed, std::string_view text) {
  HANSA_ASSERT(seed.size() == crypto_sign_SEEDBYTES, "a seed has 32 bytes");
  PublicKey key;
  std::string secret(crypto_sign_SECRETKEYBYTES, '\0');
  crypto_sign_seed_keypair(key.bytes.data(), reinterpret_cast<unsigned char*>(secret.data()),
                           bytes(seed));
  Signature signature;
  crypto_sign_detached(signature.bytes.data(), nullptr, bytes(text), text.size(), bytes(secret));
  sodium_memzero(secret.data(), secret.size());
  return signature;
}

bool is_signed(std::string_view text, const Signature& signature, const PublicKey& key) {
  return crypto_sign_verify_detached(signature.bytes.data(), bytes(text), text.size(),
                                     key.bytes.data()) == 0;
}

v1::CheckpointSigned sign_checkpoint(const std::string& seed, const LedgerId& ledger,
                                     const FoundingId& founding_id, Seq size, const Hash& hash) {
  v1::CheckpointSigned checkpoint;
  checkpoint.set_size(size);
  checkpoint.set_sha256(to_hex(hash));
  checkpoint.set_signature(
      to_hex(sign_text(seed, signed_text(ledger, founding_id, size, to_hex(hash)))));
  checkpoint.set_public_key(to_hex(public_key_of(seed)));
  return checkpoint;
}

Result<void> verify_checkpoint(const v1::CheckpointSigned& checkpoint, const PublicKey& key,
                               const LedgerId& ledger, const FoundingId& founding_id) {
  const std::string which = "the checkpoint of " + ledger.text() + " at size " +
                            std::to_string(checkpoint.size());
  if (checkpoint.public_key() != to_hex(key)) {
    return fail(Errc::kBadSignature, which + " is made with the key " + checkpoint.public_key() +
                                         "; the ledger is known by " + to_hex(key));
  }
  const auto signature = parse_hex<Signature>(checkpoint.signature());
  const std::string text = signed_text(ledger, founding_id, checkpoint.size(),
                                       checkpoint.sha256());
  if (!signature || !is_signed(text, *signature, key)) {
    return fail(Errc::kBadSignature, which + " bears no signature of its key " + to_hex(key));
  }
  return {};
}

}  // namespace hansa::federation
