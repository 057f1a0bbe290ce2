// Node: everything one process runs for its ledgers, from a checked configuration.
//
// Shape:   opens the log, and for every configured ledger its keyring, keeper and door; one that
//          cannot be opened is kept out, with its reason, and the others are served. On Kafka they
//          are opened beside the serving, and tried again each second while the log cannot be
//          reached, or somebody has to make a topic or mend it or a key file.
//          Threads: `keeper_threads` for all keepers together; HTTP has threads of its own.
// Errors:  open fails only when nothing can be served at all (data folder in use, log unreadable).
// Threads: open and close from one thread; the rest from any.
// Limits:  as many ledgers as configured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/env.h"
#include "federation/links.h"
#include "hansa/v1/operations.pb.h"
#include "federation/links.h"
#include "ops/access/audit_trail.h"
#include "ops/cluster.h"
#include "ops/config.h"
#include "ops/inbox.h"
#include "ops/metrics.h"
#include "ops/outlet.h"
#include "projections/door.h"
#include "projections/keeper.h"

namespace hansa::ops {

struct FeedStatus {
  LedgerId share;
  OutletHealth health;  // empty until the city has joined, and where this node does not lead it
};

struct LedgerStatus {
  LedgerId ledger;
  std::optional<Error> refused;       // could not be opened, or stopped since
  projections::KeeperHealth health;   // meaningful while not refused
  std::optional<OutletHealth> outlet;  // of a ledger that gives its events out
  std::vector<FeedStatus> feeds;       // as configured
  std::vector<InboxHealth> inboxes;
  uint64_t dead_letters = 0;  // that are open
};

// A ledger kept here that others check.
struct TransparencyLog {
  std::shared_ptr<projections::Keeper> keeper;
  KeyRanges keys;
};

struct Readiness {
  bool ready = false;
  std::vector<std::string> waits;  // one sentence per thing that is waited for
};

class Node {
 public:
  static Result<std::unique_ptr<Node>> open(const Config& config, Env& env, Metrics& metrics);
  ~Node();

  const Config& config() const;
  // nullptr: not hosted here, or refused (then status() says why).
  projections::Door* door(const LedgerId& ledger);
  // nullptr: the ledger has no inboxes, or is not served.
  DeadLetters* dead_letters(const LedgerId& ledger);
  // A share or an alliance's ledger; nullopt: it is not kept here, or not yet.
  std::optional<TransparencyLog> transparency_log(const LedgerId& ledger) const;
  // nullptr: no such city is hosted here, or it has no witness.
  std::shared_ptr<federation::Witness> witness(const std::string& city) const;
  // On a thread of the node's own.
  void back_up(const LedgerId& ledger, std::function<void(Result<v1::BackupAnswer>)> done);
  std::vector<LedgerStatus> status() const;
  Readiness readiness() const;
  // Between the ledgers of this node and others.
  std::vector<federation::LinkHealth> links() const;
  std::optional<ClusterHealth> cluster() const;  // nullopt: the log is no cluster's
  streams::Log& log();
  // With places of its own: reading here and there takes nobody's.
  streams::Log& read_log();
  Env& env();
  AuditTrail& audit_trail();

  // Gives up the leadership of its ledgers, so that other nodes take over while this one still
  // answers.
  void leave();
  // Answers what is in flight, commits, closes; at most `deadline_ms_max`.
  void close(int64_t deadline_ms_max);

 private:
  struct Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::ops
