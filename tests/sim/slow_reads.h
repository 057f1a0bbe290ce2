// Slow reads: a log as one reader sees it from afar, late or for a while not at all.
//
// Shape:   everything goes to the log behind it; while `is_away` nothing can be read, while
//          `is_slow` one record at a time and seldom any.
// Errors:  kUnavailable while it is away.
// Threads: one.
#pragma once

#include <utility>

#include "streams/log.h"
#include "tests/sim/dice.h"

namespace hansa::sim {

class SlowReads final : public streams::Log {
 public:
  SlowReads(streams::Log& log, Dice& dice) : log_(log), dice_(dice) {}

  Result<Offset> end(const LedgerId& ledger) override {
    if (is_away) return fail(away());
    return log_.end(ledger);
  }
  Result<streams::ReadResult> read(const LedgerId& ledger, Offset from,
                                   size_t bytes_max) override {
    if (is_away) return fail(away());
    return log_.read(ledger, from, is_slow ? 1 : bytes_max);
  }
  bool has_more(const LedgerId& ledger, Offset from) override {
    if (is_slow && !dice_.chance(250)) return false;
    return log_.has_more(ledger, from);
  }
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override {
    log_.append(ledger, std::move(values), expected_end, std::move(delivered));
  }
  void renew_writer(const LedgerId& ledger) override { log_.renew_writer(ledger); }

  bool is_away = false;
  bool is_slow = false;

 private:
  static Error away() { return {Errc::kUnavailable, "the log cannot be reached from here"}; }

  streams::Log& log_;
  Dice& dice_;
};

}  // namespace hansa::sim
