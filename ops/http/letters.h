// Letters: what the API answers about the dead letters of a city.
//
// Shape:   answer_letters() carries out one method of service DeadLetters.
// Errors:  kUnknownCode: no such letter is open; those of ops/dead_letters.h.
// Threads: any; retry and drop wait for the cluster.
#pragma once

#include <google/protobuf/message.h>

#include <memory>

#include "core/base/ids.h"
#include "ops/dead_letters.h"

namespace hansa::ops {

// `letters` is nullptr for a city without inboxes.
Result<std::unique_ptr<google::protobuf::Message>> answer_letters(
    const google::protobuf::Message& request, DeadLetters* letters, const LedgerId& ledger);

}  // namespace hansa::ops
