// Keeper: the loop that decides for one ledger.
//
// Shape:   one round: take what waits (commands, due timers) up to a limit, answer known command
//          ids, decide the rest each on the state the former left, append all entries in one
//          flight; when they landed, answer, else undo, read on and decide again. Commits happen
//          between rounds with an empty journal.
//          submit() takes a command and calls back once with its receipt or refusal.
//          wait_for() calls back when a committed snapshot shows `seq`, wait_for_end() when one
//          shows all that stood in the ledger when it was called, whichever node wrote it.
// Errors:  given to the callback: refusals of core (with the seq looked at), kBadIdempotencyKey,
//          kIdempotencyMismatch, kUnavailable (log or disk: nothing was done),
//          kUnknownOutcome (ask again with the same id), kNotYet (also of an input out of turn),
//          kLedgerStopped, kRateLimited (the queue is full).
// Threads: open/close from one thread; everything else from any. Callbacks come on the keeper's
//          strand: return quickly.
// Limits:  queue_commands_max waiting commands, round_commands_max a round.
// Source:  DESIGN §5; rule names L1-L10 in DESIGN §4.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/env.h"
#include "core/city/context.h"
#include "core/evidence/ledger_note.h"
#include "projections/keyring.h"
#include "projections/rebuild.h"
#include "projections/store.h"
#include "streams/log.h"

namespace hansa::projections {

struct KeeperLimits {
  size_t queue_commands_max = 20'000;
  size_t round_commands_max = 512;
  size_t dirty_rows_max = 20'000;       // commit at the latest then
  int64_t commit_interval_us = 50'000;  // commit live rows this often
  size_t catch_up_dirty_rows_max = 500'000;
  size_t row_cache_mib = 256;  // as much again while a rebuild runs
};

// Who decides for the ledger, as far as this node knows (DESIGN §4, "Who writes").
enum class Lead : uint8_t {
  kUndecided,  // not heard yet: it decides, and fires no timers
  kHere,
  kElsewhere,  // commands go to the leader; what brings no entry in time is decided here
  kForbidden,  // commands are refused: the node's clock is wrong
};

struct KeeperConfig {
  LedgerId ledger;
  FoundingId founding_id;
  std::shared_ptr<RebuildPermits> rebuild_permits;  // of the process; none: no limit
  std::string secret;  // 32 bytes; pseudonyms, request MACs and authors' marks come of it
  std::string directory;  // of the projection version to open
  // Lower than this binary's own where an older one is played.
  uint16_t schema_level_known = kSchemaLevel;
  // An operator's word that a clock more than 24 h ahead of the last entry is right.
  bool accept_clock_jump = false;
  // An operator's word that the entries up to this one are right, whoever made them.
  Seq accepted_to = 0;
  // Due timers fire by themselves; off where time is virtual and fire_timers() says when.
  bool timers_fire_alone = true;
  // Ticks come by themselves; off where time is virtual and tick() says when.
  bool ticks_alone = true;
  // Sends the bytes of a command (projections/forward.h) to the node that leads. None: no other
  // node is there, and this one leads.
  std::function<void(std::string)> forward;
  // Vouches for the ledger's first entries, which must all be its own (core/ledger/authorship.h).
  // None: nobody else reads this ledger. Called for what has landed, after every flight when
  // nothing else is on its way, else once a second.
  std::function<v1::CheckpointSigned(const VouchedHead&)> sign;
  // Whether it may vouch by now; none: always. Whoever lets it says so by look_again().
  std::function<bool()> may_sign;
  KeeperLimits limits;
};

// The record of an input that a command came in: taken only where the one before was taken. For a
// topic the numbers are offsets, for a ledger seqs of its entries.
struct InputStep {
  std::string topic;  // or the ledger, `share/delta/wuxi`
  uint64_t from = 0;  // where the rows stand; 0: nowhere yet
  uint64_t next = 0;  // where they stand when it is taken
  std::optional<v1::LedgerPosition> ledger = std::nullopt;  // of entry `next`, of a ledger
  uint32_t from_begun = 0;  // events taken of the entry behind `from`, of a ledger
};

// One command as the door hands it over: validated, permitted by role, sealed.
struct Submission {
  std::unique_ptr<google::protobuf::Message> command;
  CommandId id;  // ignored for imports, which carry their own identity; of inputs zero: none
  v1::CauseKind::Value kind = v1::CauseKind::command;
  Principal principal;
  std::string request_mac;  // 16 bytes over the request as it came, before sealing
  std::optional<InputStep> input;
  bool is_forwarded = false;  // it came to another node, which waits for its entry
  // Of an input: others ask it of whichever node they reach, which decides it though another leads.
  bool is_asked = false;
};

// A receipt whose entry_sha256 is empty says that nothing was appended: all was known already.
using Answer = std::function<void(Result<v1::Receipt>)>;

// Why an opened ledger takes no commands.
enum class Waits : uint8_t {
  kNothing,
  kStopped,  // at an impossible state
  kUpgrade,  // the same, in front of an entry of a newer schema level
  kRebuild,  // for rows that another binary wrote to be folded anew
  kClock,    // for somebody to say that a jump is right
  kRows,     // for the disk of the rows
  kLog,
};

struct KeeperHealth {
  bool ready = false;
  bool could_lead = false;  // whatever it waits for, it is not its own rows or its own clock
  Waits waits_for = Waits::kNothing;
  std::string waits;  // the same for people, names the ledger; empty when ready
  std::optional<Error> stopped;
  Errc stopped_by = Errc::kInternal;  // what was found, while it is stopped
  Seq landed_seq = 0;
  Seq committed_seq = 0;
  Offset end_offset = 0;
  Offset next_offset = 0;
  int64_t oldest_unprocessed_age_us = 0;
  uint64_t voids = 0;
  uint64_t breached_deadlines = 0;  // of the entries that landed since the start
  uint64_t queued_commands = 0;
  Lead lead = Lead::kUndecided;
  uint64_t forwarded_commands = 0;  // sent on to the leader since the start
  uint64_t forward_timeouts = 0;    // of them decided here after all
  bool keyring_fails = false;       // Keyring::is_failing
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t cache_bytes = 0;
  uint64_t dirty_rows = 0;
  int64_t tip_time_us = 0;
  Hash tip;       // of the newest entry landed
  Digest digest;  // of the rows at committed_seq
  RebuildStatus rebuild;
};

// What the keeper tells whoever measures it; times in microseconds of a monotonic clock.
class KeeperObserver {
 public:
  virtual ~KeeperObserver() = default;
  virtual void decided(std::string_view method, std::string_view outcome_code, int64_t took_us) = 0;
  virtual void appended(size_t entries, int64_t until_landed_us) = 0;
  virtual void folded(size_t entries, int64_t took_us) = 0;
  virtual void committed(size_t rows, int64_t took_us) = 0;
  virtual void answered(int64_t since_submitted_us) = 0;
  virtual int64_t monotonic_us() = 0;
  // A rebuild has ended, in whatever way.
  virtual void rebuilt(const LedgerId&, const RebuildStatus&) {}
};

// What a caller hears when nobody can say yet whether the command stands in the ledger.
Error unknown_outcome();

class Keeper {
 public:
  // Opens the store, folds what the log has beyond it, and starts deciding on `executor`.
  static Result<std::shared_ptr<Keeper>> open(KeeperConfig config, streams::Log& log, Env& env,
                                              std::shared_ptr<StoreBudget> budget,
                                              Keyring& keyring,
                                              boost::asio::any_io_executor executor,
                                              KeeperObserver* observer);
  ~Keeper();

  void submit(Submission submission, Answer answer);
  // Calls back with a snapshot that shows at least `seq`; the caller bounds the wait by cancelling:
  // after `timeout_us` the answer is kNotYet.
  using Shown = std::function<void(Result<std::shared_ptr<const Snapshot>>)>;
  void wait_for(Seq seq, int64_t timeout_us, Shown shown);
  // kUnavailable: the ledger cannot be read to its end.
  void wait_for_end(int64_t timeout_us, Shown shown);
  std::shared_ptr<const Snapshot> snapshot() const;
  void take_lead(Lead lead);
  // Something that it asks for has changed: it looks whether there is something to do.
  void look_again();
  // Decides every timer that is due and calls back when their entries have landed.
  void fire_timers(std::function<void()> fired);
  // What comes every commit_interval_us: a commit is due, waiting ends, others' entries are read.
  void tick();

  ActorId actor_of(const Principal& principal) const;
  std::string request_mac(std::string_view request_bytes) const;
  const KeeperConfig& config() const;
  KeeperHealth health() const;
  // The rows that count; a rebuild replaces them.
  std::shared_ptr<Store> store() const;

  // Folds the ledger anew beside the rows that count, while commands go on, and puts the new rows
  // in their place. Calls back when it has begun: kWrongState if one runs already, kRateLimited if
  // the process runs as many as it may. health().rebuild says how far it is.
  void rebuild(std::function<void(Result<void>)> begun);
  // The rows that count stay. kWrongState if none runs.
  void cancel_rebuild(std::function<void(Result<void>)> asked);

  // Answers what is in flight, commits, and calls back; later submits are kUnavailable.
  void close(std::function<void()> closed);

 private:
  struct Impl;
  explicit Keeper(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace hansa::projections
