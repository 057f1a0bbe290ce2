// System command: what the links of a node have a ledger decide; no caller can send it.
//
// Shape:   system_command(): the submission; `subject` is whose word it is in the entry's cause
//          ("relay", "witness"), under the issuer `hansa`.
// Errors:  none.
// Threads: free for all.
// Source:  DESIGN §8.
#pragma once

#include <memory>
#include <string>

#include "projections/keeper.h"

namespace hansa::federation {

inline projections::Submission system_command(std::string subject,
                                              std::unique_ptr<google::protobuf::Message> command) {
  projections::Submission submission;
  submission.command = std::move(command);
  submission.kind = v1::CauseKind::input;
  submission.principal.issuer = "hansa";
  submission.principal.subject = std::move(subject);
  return submission;
}

}  // namespace hansa::federation
