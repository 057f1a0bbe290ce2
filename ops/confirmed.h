// Confirmed: how far the witnesses of a ledger have confirmed what is shown of it, in words.
//
// Shape:   "confirmed", or "unconfirmed from entry 99 on".
// Threads: pure.
#pragma once

#include <string>

#include "core/base/ids.h"

namespace hansa::ops {

inline std::string confirmed_text(Seq seq, Seq confirmed_seq) {
  if (confirmed_seq >= seq) return "confirmed";
  if (confirmed_seq == 0) return "unconfirmed";
  return "unconfirmed from entry " + std::to_string(confirmed_seq + 1) + " on";
}

}  // namespace hansa::ops
