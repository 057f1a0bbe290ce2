// Reads: answers the methods of service Reads from one snapshot.
//
// Shape:   answer_read(request, context) -> the answer message of that method. Lists are paged:
//          page_size 50, at most 1 000, page_token opaque; past the end the list is empty and the
//          next token is "". A row is passed through Door::show before it leaves.
// Errors:  kUnknownCase, kUnknownUnit, kUnknownCity; kBadRequest for a page size above 1 000, a
//          foreign token or two filters at once, with the pointer of the field.
// Threads: any.
#pragma once

#include <memory>

#include "projections/door.h"

namespace hansa::projections {

struct ReadContext {
  const Snapshot& snapshot;
  const Door& door;
  const Principal& principal;
  LedgerId ledger;
  FoundingId founding_id;
  streams::Log& log;
};

Result<std::unique_ptr<google::protobuf::Message>> answer_read(
    const google::protobuf::Message& request, const ReadContext& context);

}  // namespace hansa::projections
