// Checker: holds what clients were told, and what nodes showed, against what the ledger has.
//
// Shape:   check(evidence) -> findings; none when all laws held. Names are stable:
//            chain_break         the records do not make one chain, or hold what cannot be read
//            lost                acknowledged, and not in the ledger
//            duplicate           a command, imported row or timer stands in the ledger twice
//            phantom             an entry that nobody asked for
//            effect_of_refusal   only ever refused, and stands in the ledger as accepted
//            answer_differs      a receipt names another seq or hash than the ledger has
//            order               completed before another was asked for, and stands behind it
//            stale_answer        refused, or known already, from before what was acknowledged
//            unlanded_seen       an answer names an entry that nobody could read yet
//            clear_text          a personal text stands in the log as it is
//            time                an entry is dated before the one in front of it
//            fold_failed         the ledger cannot be folded
//            history_differs     a node held an entry that the ledger does not have there
//            projection_differs  a node's rows are not what the ledger amounts to
//          What only the world that was simulated can tell has a name, too: no_progress,
//          ledger_stopped, cannot_open, read_behind, key_kept, not_repeatable; second_history: a
//          node goes on behind entries that the log has no more; history_touched: or writes once
//          it has stopped; level_unknown: it goes on behind an entry that it cannot understand;
//          level_wrong: an entry has another schema level than its ledger was raised to.
// Errors:  none: what is wrong is a finding.
// Threads: pure.
// Limits:  all is kept in memory; each digest that a node showed is computed from all rows.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "projections/digest.h"
#include "tests/sim/history.h"

namespace hansa::sim {

struct Finding {
  std::string name;
  std::string what;  // a sentence for people

  std::string text() const { return name + ": " + what; }
};

// What one node showed at one moment.
struct Shown {
  uint32_t node = 0;
  Seq seq = 0;
  Hash tip;                                   // of entry `seq`
  std::optional<projections::Digest> digest;  // of its rows at `seq`
};

struct Evidence {
  FoundingId founding_id;
  std::vector<std::string> records;  // of the log, in order
  History history;
  std::vector<Shown> shown;
  std::vector<std::string> secrets = {};  // parts of personal texts
  // Of every record the step at which it could be read first; empty: not known.
  std::vector<uint64_t> readable_since = {};
  std::string ledger_kind = std::string(kCityKind);
  bool has_links = false;  // other ledgers make entries of it, too
  // The log may name an end of before, and a node cannot know: no answer is held to be stale.
  bool has_old_ends = false;
  // What clients that are not in the history made: all up to an entry, and some behind it.
  Seq others_until_seq = 0;
  std::set<Hash> entries_of_others = {};
};

std::vector<Finding> check(const Evidence& evidence);

}  // namespace hansa::sim
