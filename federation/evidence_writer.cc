#include <filesystem>
#include <map>

#include "core/evidence/entry_bundle.h"
#include "federation/evidence_files.h"
#include "federation/evidence_folder.h"
#include "streams/ledger_reader.h"

namespace hansa::federation {
namespace {

// The note that a copy is made for, and the key that signed it.
struct Chosen {
  Note note;
  std::string public_key;
  Seq size = 0;
};

class Choice {
 public:
  explicit Choice(bool newest) : newest_(newest) {}

  Result<void> take(const v1::Payload& payload) {
    for (const auto& event : payload.events()) {
      if (event.has_checkpoint_signed()) {
        const auto& checkpoint = event.checkpoint_signed();
        if (!is_checkpoint(checkpoint)) {
          return fail(Errc::kBadSignature, "a checkpoint of size " +
                                               std::to_string(checkpoint.size()) +
                                               " has not the form of one; nothing is copied");
        }
        signed_ = {note_of(checkpoint), checkpoint.public_key(), checkpoint.size()};
        keys_[checkpoint.size()] = checkpoint.public_key();
      }
      if (!event.has_checkpoint_confirmed()) continue;
      const auto& confirmed = event.checkpoint_confirmed();
      keys_.erase(keys_.begin(), keys_.lower_bound(confirmed.size()));
      HANSA_TRY(auto note, parse_note(confirmed.note()));
      confirmed_ = {std::move(note), keys_[confirmed.size()], confirmed.size()};
    }
    return {};
  }
  const std::optional<Chosen>& chosen() const {
    const bool same = confirmed_ && signed_ && confirmed_->size == signed_->size;
    return confirmed_ && (!newest_ || same) ? confirmed_ : signed_;
  }

 private:
  bool newest_;
  std::optional<Chosen> signed_;
  std::optional<Chosen> confirmed_;
  std::map<Seq, std::string> keys_;  // by size, since the last that was confirmed
};

Result<Chosen> choose(streams::Log& log, const LedgerId& ledger, const FoundingId& founding_id,
                      bool newest) {
  Choice choice(newest);
  v1::Payload payload;
  const auto take = [&](Seq seq, Offset, const Hash&, std::string_view value) -> Result<void> {
    const auto bytes = payload_of(value);
    if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return fail(Errc::kUpgradeNeeded, "entry " + std::to_string(seq) + " of " + ledger.text() +
                                            " cannot be read by this binary");
    }
    return choice.take(payload);
  };
  HANSA_CHECK(streams::read_ledger(log, ledger, founding_id, {}, {take}));
  if (choice.chosen()) return *choice.chosen();
  return fail(Errc::kNotYet, ledger.text() + " has signed no checkpoint yet");
}

}  // namespace

struct EvidenceWriter::State {
  explicit State(std::string path_given)
      : path(std::move(path_given)), tiles([this](const TileId& tile, std::string_view hashes) {
          const auto width = static_cast<uint32_t>(hashes.size() / sizeof(TreeHash));
          return store(path + "/" + tile_path(tile, width), hashes);
        }) {}

  Result<void> store_bundle() {
    if (width == 0) return {};
    HANSA_CHECK(store(path + "/" + entries_path(index, width), bundle));
    ++index;
    width = 0;
    bundle.clear();
    return {};
  }

  std::string path;
  std::string bundle;
  uint32_t width = 0;
  uint64_t index = 0;
  GrowingTiles tiles;
};

EvidenceWriter::EvidenceWriter(const std::string& folder, const LedgerId& ledger)
    : state_(std::make_unique<State>(evidence_path(folder, ledger))) {}

EvidenceWriter::~EvidenceWriter() = default;

Result<void> EvidenceWriter::begin() {
  std::error_code refused;
  std::filesystem::remove_all(state_->path, refused);
  if (refused) return fail(Errc::kBadFile, state_->path + ": " + refused.message());
  return {};
}

Result<void> EvidenceWriter::add(std::string_view value) {
  append_to_bundle(state_->bundle, value);
  HANSA_CHECK(state_->tiles.append(leaf_hash(value)));
  if (++state_->width < kTileWidth) return {};
  return state_->store_bundle();
}

Result<void> EvidenceWriter::finish(const Note& note, const std::string& vkey) {
  HANSA_CHECK(state_->store_bundle());
  HANSA_CHECK(state_->tiles.finish());
  if (!vkey.empty()) HANSA_CHECK(store(state_->path + "/vkey", vkey + "\n"));
  return store(state_->path + "/checkpoint", note_text(note));
}

Result<SignedHead> write_evidence(streams::Log& log, const LedgerId& ledger,
                                  const FoundingId& founding_id, const std::string& folder,
                                  bool newest, const std::function<void(Seq)>& reached) {
  HANSA_TRY(const auto chosen, choose(log, ledger, founding_id, newest));
  SignedHead head{chosen.note, {}};
  HANSA_TRY(head.checkpoint, read_ledger_note(head.note));
  EvidenceWriter writer(folder, ledger);
  HANSA_CHECK(writer.begin());
  const auto add = [&](Seq seq, Offset, const Hash&, std::string_view value) -> Result<void> {
    if (seq > chosen.size) return {};
    if (reached) reached(seq);
    return writer.add(value);
  };
  HANSA_CHECK(streams::read_ledger(log, ledger, founding_id, {}, {add}));
  const auto key = parse_hex<PublicKey>(chosen.public_key);
  HANSA_CHECK(writer.finish(
      head.note, key ? vkey_text({head.checkpoint.tree.origin, NoteKeyType::kEd25519, *key}) : ""));
  return head;
}

}  // namespace hansa::federation
