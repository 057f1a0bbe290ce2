// Forward: a command on its way from the node that received it to the one that leads its ledger.
//
// Shape:   write_forward() gives the bytes of a v1.Forward: the command as the door left it,
//          sealed, with its caller, under a MAC that only nodes with the ledger's secret can make.
//          read_forward() checks them and gives the submission; the door of the leader asks again
//          whether the caller may (Door::enter_forwarded).
// Errors:  kForbidden: no node of this ledger wrote it. kRequestTimeout: it is older than
//          kForwardAgeUsMax, or ahead by as much: whoever sent it has long decided by itself.
//          kUpgradeNeeded: it names a method, or holds fields, that this binary does not know.
// Threads: free for all.
// Source:  DESIGN §4, "Who writes".
#pragma once

#include "core/base/schema.h"
#include "projections/keeper.h"

namespace hansa::projections {

inline constexpr int64_t kForwardAgeUsMax = 10'000'000;

std::string write_forward(const Submission& submission, const LedgerId& ledger,
                          std::string_view ledger_secret, int64_t now_us);

struct ReadForward {
  Submission submission;
  const MethodInfo* method = nullptr;
};
Result<ReadForward> read_forward(std::string_view bytes, const LedgerId& ledger,
                                 std::string_view ledger_secret, int64_t now_us);

}  // namespace hansa::projections
