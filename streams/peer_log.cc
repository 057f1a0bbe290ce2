#include "streams/peer_log.h"

namespace hansa::streams {

void PeerLog::append(const LedgerId& ledger, std::vector<std::string> values, Offset,
                     Delivered delivered) {
  const Error refusal{Errc::kForbidden, ledger.text() + " is only read here", "", 0};
  delivered(std::vector<Delivery>(values.size(), Delivery{std::nullopt, refusal}));
}

}  // namespace hansa::streams
