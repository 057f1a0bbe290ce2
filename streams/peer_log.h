// Peer log: reads the ledgers of others from the clusters where these keep them.
//
// Shape:   a ledger that `peers` names is read from its log there, every other one from `own`.
// Errors:  of the log that a ledger is read from. An append is refused (kForbidden): nobody writes
//          a ledger of others, and one's own is written through a log of one's own.
// Threads: as streams/log.h.
// Source:  DESIGN §8.
#pragma once

#include <map>
#include <memory>

#include "streams/log.h"

namespace hansa::streams {

class PeerLog final : public Log {
 public:
  using Peers = std::map<LedgerId, std::shared_ptr<Log>>;
  PeerLog(std::unique_ptr<Log> own, Peers peers) : own_(std::move(own)), peers_(std::move(peers)) {}

  Result<Offset> end(const LedgerId& ledger) override { return of(ledger).end(ledger); }
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override {
    return of(ledger).read(ledger, from, bytes_max);
  }
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override;
  bool has_more(const LedgerId& ledger, Offset from) override {
    return of(ledger).has_more(ledger, from);
  }
  void watch(const LedgerId& ledger, std::function<void()> arrived) override {
    of(ledger).watch(ledger, std::move(arrived));
  }
  void renew_writer(const LedgerId&) override {}

 private:
  Log& of(const LedgerId& ledger) const {
    const auto peer = peers_.find(ledger);
    return peer == peers_.end() ? *own_ : *peer->second;
  }

  const std::unique_ptr<Log> own_;
  const Peers peers_;
};

}  // namespace hansa::streams
