#include "core/ledger/authorship.h"

#include <utility>

#include "core/base/hash.h"
#include "core/ledger/envelope.h"

namespace hansa {
namespace {

constexpr size_t kMarkOffset = 104;
constexpr size_t kMarkBytes = 8;

std::string mark_of(std::string_view value, std::string_view key) {
  std::string marked(value.substr(0, kMarkOffset));
  marked.append(value.substr(kMarkOffset + kMarkBytes));
  return std::string(hmac_sha256(key, marked).view().substr(0, kMarkBytes));
}

}  // namespace

std::string author_key(std::string_view ledger_secret) {
  return hkdf_sha256(ledger_secret, "author", 32);
}

void mark_author(std::string& value, std::string_view key) {
  value.replace(kMarkOffset, kMarkBytes, mark_of(value, key));
}

bool bears_mark(std::string_view value, std::string_view key) {
  return value.size() >= kEnvelopeBytes &&
         value.substr(kMarkOffset, kMarkBytes) == mark_of(value, key);
}

Authorship::Authorship(LedgerId ledger, std::string key, Seq accepted_to)
    : ledger_(std::move(ledger)), key_(std::move(key)), accepted_to_(accepted_to) {}

void Authorship::take(Seq seq, std::string_view value, const v1::Payload& payload) {
  if (key_.empty() || seq <= accepted_to_) return;
  if (!bears_mark(value, key_)) {
    if (first_foreign_ == 0) first_foreign_ = seq;
    last_foreign_ = seq;
    return;
  }
  for (const auto& event : payload.events()) {
    if (!event.has_checkpoint_signed()) continue;
    if (event.checkpoint_signed().size() >= last_foreign_) first_foreign_ = last_foreign_ = 0;
  }
}

Result<void> Authorship::all_own() const {
  if (first_foreign_ == 0) return {};
  return fail({Errc::kForeignEntry,
               "entry " + std::to_string(first_foreign_) + " of " + ledger_.text() +
                   " was not made by a node that holds this ledger's key file: somebody else "
                   "writes to its log. Nothing of it is taken and nothing more is signed; see who "
                   "may write there. If it is right, start with --accept-entries " +
                   ledger_.text() + "=" + std::to_string(last_foreign_),
               "", first_foreign_});
}

}  // namespace hansa
