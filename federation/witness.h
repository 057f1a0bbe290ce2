// Witness: cosigns the checkpoints of other ledgers for a city of this node, and how others' are
// asked.
//
// Shape:   WitnessRequest is the body of C2SP tlog-witness `add-checkpoint`: `old <size>`, the
//          hashes of the proof in base64, an empty line, the note.
//          add_checkpoint() has the city decide (core/city/witness.h), and answers the cosignature
//          once the entry that says so has landed in the city's ledger, at the time of that entry.
//          newest() is the largest checkpoint of a log that it cosigned, with its cosignature;
//          nullopt: none.
//          WitnessCaller asks the witness of a member; ops has one that calls over HTTP.
// Errors:  those of core/city/witness.h; of kOtherSize `seq` is the size to begin from. A caller
//          answers kUnavailable for a witness that is away, or that says what none would say.
// Threads: free for all; answers come on a thread of the keeper's or of the caller's.
// Limits:  kWitnessBodyBytesMax.
// Source:  DESIGN §8 "Evidence"; C2SP tlog-witness.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/city/witness.h"
#include "projections/keeper.h"

namespace hansa::federation {

inline constexpr size_t kWitnessBodyBytesMax = 16 * 1024;

struct WitnessRequest {
  Seq old_size = 0;
  std::vector<TreeHash> proof;
  std::string note;

  bool operator==(const WitnessRequest&) const = default;
};
std::string request_text(const WitnessRequest& request);
Result<WitnessRequest> parse_witness_request(std::string_view body);

using Cosigned = std::function<void(Result<NoteSignature>)>;
using NewestCosigned = std::function<void(Result<std::optional<Note>>)>;

class Witness {
 public:
  Witness(const std::shared_ptr<projections::Keeper>& keeper, std::string seed);

  const NoteKey& key() const { return key_; }
  void add_checkpoint(const WitnessRequest& request, Cosigned cosigned) const;
  // By the ledger's name, share/delta/wuxi.
  void newest(const std::string& ledger, NewestCosigned answer) const;
  // As tlog-witness names logs: hex SHA-256 of the origin.
  void newest_by_hash(const std::string& origin_sha256, NewestCosigned answer) const;

 private:
  void shown(Seq answered_at, projections::Keeper::Shown then) const;
  void shown_to_end(projections::Keeper::Shown then) const;
  std::optional<Note> cosigned_note(const v1::Witnessed& row) const;
  void answer_again(const std::string& ledger, Seq answered_at, Cosigned cosigned) const;
  void answer_size(const std::string& ledger, Error error, Cosigned cosigned) const;

  // What waits in the keeper for its answer must not keep the keeper alive.
  std::weak_ptr<projections::Keeper> keeper_;
  std::string city_;
  std::string seed_;
  NoteKey key_;
};

class WitnessCaller {
 public:
  virtual ~WitnessCaller() = default;
  virtual void add_checkpoint(const v1::Member& witness, const WitnessRequest& request,
                              Cosigned cosigned) = 0;
  virtual void newest(const v1::Member& witness, const LedgerId& ledger,
                      const std::string& origin, NewestCosigned answer) = 0;
};

// The members of an alliance, as a city's committed rows know them.
Result<std::vector<v1::Member>> peers_of(const projections::Snapshot& rows,
                                         const std::string& alliance);

}  // namespace hansa::federation
