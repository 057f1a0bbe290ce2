#include "ops/key_statement.h"

#include <algorithm>
#include <limits>

#include "core/ledger/envelope.h"
#include "hansa/v1/entry.pb.h"
#include "hansa/v1/ledger_keys.pb.h"
#include "ops/files.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

constexpr size_t kReadBytes = 4 * 1024 * 1024;
constexpr size_t kStatementBytesMax = 4096;

Result<void> check_has_seed(const KeyFile& keys) {
  if (!keys.signing.first.empty()) return {};
  return fail(Errc::kWrongState, "the key file has no signing_seed; nothing is signed with it");
}

const federation::SeedChange* newest_change(const KeyFile& keys, const LedgerId& ledger) {
  const federation::SeedChange* newest = nullptr;
  for (const auto& change : keys.signing.changes) {
    if (change.ledger == ledger) newest = &change;
  }
  return newest;
}

}  // namespace

// A void record's checkpoint is no harm: it was signed by this node, too.
Result<Seq> signed_size(streams::Log& log, const LedgerId& ledger) {
  Seq size = 0;
  HANSA_TRY(const Offset end, log.end(ledger));
  for (Offset at = 0; at < end;) {
    HANSA_TRY(const auto read, log.read(ledger, at, kReadBytes));
    for (const auto& record : read.records) {
      const auto entry = decode_entry(record.value);
      v1::Payload payload;
      if (!entry || !payload.ParseFromArray(entry->payload.data(),
                                            static_cast<int>(entry->payload.size()))) {
        continue;
      }
      for (const auto& event : payload.events()) {
        if (event.has_checkpoint_signed()) size = std::max(size, event.checkpoint_signed().size());
      }
    }
    if (read.next <= at) break;
    at = read.next;
  }
  return size;
}

Result<KeyChangePlan> plan_change(KeyFile keys, const LedgerId& ledger, Seq signed_size,
                                  Seq from_size, const std::string& new_seed,
                                  const std::string& recovery_seed) {
  HANSA_CHECK(check_has_seed(keys));
  KeyChangePlan plan;
  const auto* newest = newest_change(keys, ledger);
  if (newest != nullptr && newest->from_size > signed_size) {
    plan.is_new = false;
    if (from_size != 0 && from_size != newest->from_size) {
      return fail(Errc::kWrongState, "the key changes from size " +
                                         std::to_string(newest->from_size) +
                                         " on already, and has signed nothing since");
    }
  } else {
    // The first key counts for one size at least.
    const Seq least = std::max<Seq>(2, signed_size + 1);
    if (from_size == 0) from_size = least;
    if (from_size < least) {
      return fail(Errc::kWrongState, ledger.text() + " is signed up to size " +
                                         std::to_string(signed_size) +
                                         "; the next key begins at " + std::to_string(least) +
                                         " at the earliest");
    }
    keys.signing.changes.push_back({ledger, from_size, new_seed});
    newest = &keys.signing.changes.back();
  }
  const auto& signer =
      recovery_seed.empty() ? keys.signing.of(ledger, newest->from_size - 1) : recovery_seed;
  plan.change.public_key = to_hex(hansa::public_key_of(newest->seed));
  plan.change.from_size = newest->from_size;
  plan.change.signature =
      to_hex(sign(signer, change_text(ledger, to_hex(keys.founding_id), plan.change)));
  plan.keys = std::move(keys);
  return plan;
}

Result<KeyEnd> make_end(const KeyFile& keys, const LedgerId& ledger, KeyEnd end,
                        const std::string& recovery_seed) {
  HANSA_CHECK(check_has_seed(keys));
  const auto& newest = keys.signing.of(ledger, std::numeric_limits<Seq>::max());
  if (end.public_key.empty()) end.public_key = to_hex(hansa::public_key_of(newest));
  end.signature = to_hex(sign(recovery_seed.empty() ? newest : recovery_seed,
                              end_text(ledger, to_hex(keys.founding_id), end)));
  return end;
}

Result<std::string> read_recovery_seed(const std::string& file, const LedgerId& ledger) {
  HANSA_TRY(const auto text, read_file(file, kStatementBytesMax));
  const std::string begin = "ledger: " + ledger.text() + "\nrecovery_seed: ";
  const auto end = text.find_last_not_of('\n');
  if (text.starts_with(begin) && end != std::string::npos) {
    auto seed = from_hex(text.substr(begin.size(), end + 1 - begin.size()));
    if (seed && seed->size() == kSeedBytes) return *std::move(seed);
  }
  return fail(Errc::kBadFile, file + ": expected the recovery key of " + ledger.text() +
                                  "; take the file that `hansa init` wrote");
}

KnownKeys known_keys(const Identity& keeper, const LedgerId& ledger) {
  return {ledger, keeper.founding_id, keeper.recovery_key, only_key(keeper.public_key)};
}

// The statements of a city and of an alliance have the same fields.
Result<void> take_statement(const std::string& file, KnownKeys& known) {
  HANSA_TRY(const auto text, read_file(file));
  v1::ChangeCityKey change;
  if (from_json(text, change)) {
    auto checked = check_change(
        known, {change.public_key(), change.from_size(), change.signature()});
    if (!checked) return fail(std::move(checked).error());
    apply_change(known.keys, change.public_key(), change.from_size());
    return {};
  }
  v1::RevokeCityKey end;
  if (!from_json(text, end)) {
    return fail(Errc::kBadFile, file + ": expected one statement as `hansa key` prints it");
  }
  auto checked = check_end(known, {end.public_key(), end.last_good_size(), end.compromised(),
                                   end.signature()});
  if (!checked) return fail(std::move(checked).error());
  apply_end(known.keys, end.public_key(), end.last_good_size(), end.compromised());
  return {};
}

}  // namespace hansa::ops
