// Goal: nothing that the owner of a ledger writes into it, under its right key, harms who reads
// it. Method: the bytes are the payload of an entry in a chain that holds, behind it a checkpoint
// of the ledger's key; two readers go through it, one that waits for witnesses and one that does
// not.
#include <google/protobuf/stubs/logging.h>

#include "core/base/hash.h"
#include "core/base/signature.h"
#include "federation/checkpoint.h"
#include "federation/signed_reader.h"
#include "streams/simulated_log.h"
#include "tests/fuzz/fuzz.h"

namespace hansa::federation {
namespace {

const LedgerId kLedger{"alliance", "delta"};
const FoundingId kFounding = *FoundingId::from(std::string(16, 'f'));

class Owner {
 public:
  void write(std::string_view payload) {
    Envelope envelope;
    envelope.founding_id = kFounding;
    envelope.seq = head_.size + 1;
    envelope.prev = tip_;
    envelope.base_seq = head_.size;
    envelope.base_head = head_of(tip_);
    const auto value = encode_entry(envelope, payload);
    if (!value) return;
    tree_.append(leaf_hash(*value));
    tip_ = head_.tip = sha256(*value);
    head_.size = tree_.size();
    head_.root = tree_.root();
    store_.inject(kLedger, *value);
  }
  void sign() {
    v1::Payload payload;
    *payload.add_events()->mutable_checkpoint_signed() = sign_checkpoint(seed_, head_);
    write(payload.SerializeAsString());
  }
  void read(std::optional<WitnessSet> witnesses) {
    streams::SimulatedLog log(store_);
    SignedReader::Source source{kLedger, kFounding, only_key(to_hex(public_key_of(seed_)))};
    source.confirms = [](const Note&, std::optional<uint32_t>) { return true; };
    SignedReader reader(log, source, {0, founding_hash(kFounding), 0, 0}, std::move(witnesses));
    for (auto read = reader.read(); read && !read->empty(); read = reader.read()) {
    }
    must_hold(reader.covered_seq() <= reader.known_seq(), "what is covered was read");
    must_hold(reader.confirmed_seq() <= reader.covered_seq(), "what is confirmed is covered");
  }

 private:
  streams::SimulatedStore store_{1};
  std::string seed_ = std::string(kSeedBytes, 's');
  TreeFrontier tree_;
  Hash tip_ = founding_hash(kFounding);
  VouchedHead head_{0, {}, {}, origin_of("localhost", kLedger, kFounding)};
};

}  // namespace
}  // namespace hansa::federation

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa::federation;
  [[maybe_unused]] static const auto kLoud = google::protobuf::SetLogHandler(nullptr);
  Owner owner;
  owner.write("");
  owner.sign();
  owner.write(hansa::text_of(data, size));
  owner.sign();
  owner.read(std::nullopt);
  owner.read(WitnessSet({}));
  return 0;
}
