// Goal: how fast an outsider checks a copy of a share ledger: chain, tree, ranges, checkpoints.
// Method: `fill` writes a copy of so many entries, each with one shared event of about 200 bytes,
// and a checkpoint in the ledger behind every 20; `check` reads it on one thread.
// Prints one JSON object.
#include <cstdio>
#include <filesystem>

#include "core/alliance/identity.h"
#include "core/base/hash.h"
#include "core/ledger/envelope.h"
#include "federation/checkpoint.h"
#include "federation/evidence_files.h"
#include "federation/evidence_folder.h"
#include "tests/bench/measure.h"

namespace hansa::bench {
namespace {

using federation::EvidenceFolder;
using federation::EvidenceWriter;

constexpr uint64_t kFlight = 20;

LedgerId ledger() { return share_ledger("delta", "wuxi"); }
FoundingId founding_id() { return *FoundingId::from(std::string(16, 'f')); }
std::string seed() { return std::string(kSeedBytes, 's'); }

v1::Payload shared_payload(uint64_t number) {
  v1::Payload payload;
  auto& shared = *payload.add_events()->mutable_entries_shared();
  shared.set_alliance("delta");
  shared.set_city("wuxi");
  shared.set_agreement_version(1);
  shared.set_from_seq(number);
  shared.set_to_seq(number);
  shared.set_newest_seq(number);
  shared.set_source_sha256(std::string(64, 'a'));
  auto& event = *shared.add_events();
  event.set_seq(number);
  event.set_time_us(static_cast<int64_t>(number));
  auto& assigned = *event.mutable_event()->mutable_case_assigned();
  assigned.set_case_("c" + std::to_string(number));
  assigned.set_lead_unit("roads-and-bridges");
  return payload;
}

class Writing {
 public:
  explicit Writing(const std::string& folder) : writer_(folder, ledger()) {
    must(writer_.begin(), "beginning the copy");
    head_.tip = founding_hash(founding_id());
    head_.origin = origin_of("localhost", ledger(), founding_id());
  }
  void write(v1::Payload payload) {
    payload.set_time_us(static_cast<int64_t>(head_.size));
    Envelope envelope;
    envelope.founding_id = founding_id();
    envelope.seq = head_.size + 1;
    envelope.prev = head_.tip;
    const auto value = must(encode_entry(envelope, payload.SerializeAsString()), "an entry");
    must(writer_.add(value), "storing an entry");
    tree_.append(leaf_hash(value));
    head_.size = envelope.seq;
    head_.tip = sha256(value);
  }
  v1::CheckpointSigned checkpoint() {
    head_.root = tree_.root();
    return federation::sign_checkpoint(seed(), head_);
  }
  void finish() { must(writer_.finish(note_of(checkpoint()), ""), "ending the copy"); }
  Seq size() const { return head_.size; }

 private:
  EvidenceWriter writer_;
  TreeFrontier tree_;
  VouchedHead head_;
};

void fill(const std::string& folder, uint64_t entries) {
  Writing writing(folder);
  for (uint64_t number = 1; writing.size() < entries; ++number) {
    writing.write(shared_payload(number));
    if (number % kFlight != 0) continue;
    v1::Payload payload;
    *payload.add_events()->mutable_checkpoint_signed() = writing.checkpoint();
    writing.write(payload);
  }
  writing.finish();
  std::printf("{\"entries\": %llu}\n", static_cast<unsigned long long>(writing.size()));
}

void check(const std::string& folder) {
  const auto keys = only_key(to_hex(public_key_of(seed())));
  uint64_t seen = 0;
  const Measured measured;
  must(EvidenceFolder(folder, ledger())
           .read({ledger(), founding_id(), keys},
                 [&](const federation::EvidenceEntry&) {
                   ++seen;
                   return Result<void>();
                 }),
       "checking the copy");
  std::printf("{%s}\n", measured.text(seen).c_str());
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const std::string mode = count > 2 ? words[1] : "";
  if (mode == "fill" && count == 4) {
    hansa::bench::fill(words[2], std::stoull(words[3]));
  } else if (mode == "check" && count == 3) {
    hansa::bench::check(words[2]);
  } else {
    hansa::bench::give_up("expected `fill FOLDER ENTRIES` or `check FOLDER`");
  }
  return 0;
}
