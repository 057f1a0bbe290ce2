// History: what the clients of one ledger asked, and what they were told.
//
// Shape:   an Operation is one command of one client under one command id; an Attempt is one time
//          that it was sent to a node. An attempt without `completed` was never answered: its node
//          is gone, or is still at it. Moments are virtual: time in microseconds and step.
//          Outcome: kOk: an entry stands for it, `seq` and `entry_sha256` name it; kUnchanged: all
//          was known already, nothing was appended; kRefused: nothing was or will be done by this
//          attempt, `code` says why; kUnknown: neither is said.
//          `seq` of kUnchanged and kRefused is the entry that was looked at, 0 if none was.
// Errors:  none.
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/ids.h"

namespace hansa::sim {

struct Moment {
  int64_t time_us = 0;
  uint64_t step = 0;
};

enum class Outcome : uint8_t { kUnknown, kOk, kUnchanged, kRefused };

struct Attempt {
  uint32_t node = 0;
  Moment invoked;
  std::optional<Moment> completed;
  Outcome outcome = Outcome::kUnknown;
  Seq seq = 0;
  std::string entry_sha256;  // hex
  std::string code;          // of the error
};

struct Operation {
  uint32_t client = 0;
  CommandId id;
  std::string method;      // `AssignCase`; empty: not noted down
  std::string subject;     // the case or unit that it names; empty: it makes one
  std::string import_key;  // of an import, which has no command id: import_key()
  std::string address;     // of an import: what its entry must say
  std::vector<Attempt> attempts;
};

using History = std::vector<Operation>;

// Whether the answer follows from what the ledger held at its `seq`. Whoever is told one of these
// codes is told nothing about that.
inline bool says_state(const Attempt& attempt) {
  static const std::set<std::string, std::less<>> kStatelessCodes = {
      "unavailable",  "bad_idempotency_key", "idempotency_mismatch", "not_yet",
      "rate_limited", "request_timeout",     "ledger_stopped",       "forbidden",
      "upgrade_needed"};
  return attempt.outcome == Outcome::kUnchanged ||
         (attempt.outcome == Outcome::kRefused && !kStatelessCodes.contains(attempt.code));
}

inline std::string import_key(const std::string& source_name, const std::string& source_id) {
  return source_name + '/' + source_id;
}

}  // namespace hansa::sim
