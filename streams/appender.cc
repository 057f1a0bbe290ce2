#include "streams/appender.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/ledger/authorship.h"
#include "streams/ledger_reader.h"

namespace hansa::streams {

Appender::Appender(Log& log, LedgerId ledger, const FoundingId& founding_id,
                   const ChainPosition& from, Env& env, std::string author_key,
                   uint16_t schema_level_known)
    : log_(log),
      ledger_(std::move(ledger)),
      env_(env),
      chain_(founding_id, from, schema_level_known),
      checked_(founding_id, from, schema_level_known),
      writer_(env.random_id<WriterId>()),
      author_key_(std::move(author_key)) {
  rebase();
}

Seq Appender::tip_seq() const { return tip_seq_; }

bool Appender::in_flight() const {
  return std::any_of(flights_.begin(), flights_.end(),
                     [](const Flight& flight) { return !flight.dead; });
}

bool Appender::must_follow() const {
  return poisoned_ || stop_ || (!flights_.empty() && flights_.front().settled);
}

// The base names the last entry this writer has seen valid, not the optimistic one it builds on.
// The salt makes every attempt different from every other, also from an earlier one of the same
// command (L5).
Result<Stamped> Appender::stamp(std::string_view payload, uint16_t schema_level) {
  if (stop_) return fail(*stop_);
  if (must_follow()) {
    return fail(Errc::kUnavailable,
                ledger_.text() + ": the outcome of earlier entries is not known yet");
  }
  HANSA_ASSERT(stamped_.size() < kFlightEntriesMax, "a flight has at most kFlightEntriesMax");
  Envelope envelope;
  envelope.schema_level = schema_level;
  envelope.founding_id = chain_.founding_id();
  envelope.seq = tip_seq_ + 1;
  envelope.prev = tip_;
  envelope.base_seq = chain_.position().seq;
  envelope.base_head = head_of(chain_.position().tip);
  envelope.writer = writer_;
  envelope.salt = env_.random_id<Salt>();
  HANSA_TRY(std::string value, encode_entry(envelope, payload));
  if (!author_key_.empty()) mark_author(value, author_key_);
  const Hash hash = sha256(value);
  tip_seq_ = envelope.seq;
  tip_ = hash;
  stamped_.push_back({envelope.seq, hash, std::move(value)});
  return Stamped{envelope.seq, hash, stamped_.back().value};
}

Appender::FlightId Appender::send(Delivered delivered) {
  HANSA_ASSERT(!stamped_.empty(), "a flight has at least one entry");
  Offset expected_end = chain_.position().next_offset;
  for (const auto& flight : flights_) {
    if (!flight.dead) expected_end += flight.attempts.size() - flight.landed;
  }
  Flight flight;
  flight.id = next_flight_++;
  flight.behind = chain_.position().next_offset;
  flight.attempts = std::move(stamped_);
  stamped_.clear();
  std::vector<std::string> values;
  values.reserve(flight.attempts.size());
  for (const auto& attempt : flight.attempts) values.push_back(attempt.value);
  const FlightId id = flight.id;
  flights_.push_back(std::move(flight));
  log_.append(ledger_, std::move(values), expected_end,
              [id, delivered = std::move(delivered)](std::vector<Delivery> deliveries) {
                delivered(id, std::move(deliveries));
              });
  return id;
}

Result<std::vector<Step>> Appender::settle(FlightId id, std::vector<Delivery> deliveries) {
  if (stop_) return fail(*stop_);
  const auto flight = std::find_if(flights_.begin(), flights_.end(),
                                   [id](const Flight& each) { return each.id == id; });
  // A flight of a writer that was renewed since: everything about it was settled by reading.
  if (flight == flights_.end()) return Steps{};
  HANSA_ASSERT(deliveries.size() == flight->attempts.size(), "a log answers once per value");
  flight->deliveries = std::move(deliveries);
  flight->settled = true;
  Steps steps;
  auto result = advance(steps);
  return answer(std::move(steps), std::move(result));
}

Result<std::vector<Step>> Appender::follow() {
  if (stop_) return fail(*stop_);
  Steps steps;
  auto result = advance(steps);
  if (result) result = locate_tip();
  if (result) result = read_to_end(steps);
  return answer(std::move(steps), std::move(result));
}

Result<std::vector<Step>> Appender::take_arrived() {
  if (stop_) return fail(*stop_);
  HANSA_ASSERT(flights_.empty() && !poisoned_, "an open flight is followed to the end");
  Steps steps;
  auto result = locate_tip();
  if (result) result = read_once(steps);
  return answer(std::move(steps), std::move(result));
}

Result<void> Appender::check_tail() {
  if (stop_) return fail(*stop_);
  auto result = read_tail_again();
  if (!result && stops_ledger(result.error().code)) stop_ = result.error();
  return result;
}

// What was found must reach the caller before the error does: landed() has moved with it.
Result<std::vector<Step>> Appender::answer(Steps steps, Result<void> result) {
  if (!result && stops_ledger(result.error().code)) stop_ = result.error();
  if (!result && steps.empty()) return fail(std::move(result).error());
  return steps;
}

Result<void> Appender::advance(Steps& steps) {
  while (true) {
    if (poisoned_) HANSA_CHECK(recover(steps));
    if (flights_.empty() || !flights_.front().settled) return {};
    HANSA_CHECK(judge(flights_.front(), steps));
    if (!poisoned_) flights_.pop_front();
  }
}

// L3: in send order; the first one without a sure offset poisons everything behind it. That holds
// for undone flights too, since what they did decides where later ones came to stand. An offset
// among what had been read before is no place for it: the log has lost what stood there (L10).
Result<void> Appender::judge(Flight& flight, Steps& steps) {
  for (; flight.judged < flight.deliveries.size(); ++flight.judged) {
    const Delivery& delivery = flight.deliveries[flight.judged];
    if (delivery.error && delivery.error->code == Errc::kLogConflict) {
      // Nothing of this flight was appended.
      if (!flight.dead) HANSA_CHECK(read_to_end(steps));
      if (!flight.dead) undo(steps);
      return {};
    }
    if (delivery.error && stops_ledger(delivery.error->code)) return fail(*delivery.error);
    if (delivery.error || !delivery.offset || *delivery.offset < flight.behind) {
      poisoned_ = true;
      return {};
    }
    if (!flight.dead) {
      HANSA_CHECK(take_offset(flight, flight.judged, *delivery.offset, steps));
    }
  }
  return {};
}

// L2, L7: an own record is applied exactly when all before it were, and the reader's rule says
// whether it landed.
Result<void> Appender::take_offset(Flight& flight, size_t index, Offset offset, Steps& steps) {
  HANSA_CHECK(read_to(offset, steps));
  if (flight.dead) return {};
  if (offset == chain_.position().next_offset) {
    HANSA_CHECK(apply(offset, flight.attempts[index].value, steps));
  }
  if (flight.landed <= index) undo(steps);
  return {};
}

// L6: a new writer, then only what can be read counts. What is absent may still land later; it
// then arrives as foreign, or is void because another entry took its place.
Result<void> Appender::recover(Steps& steps) {
  log_.renew_writer(ledger_);
  HANSA_CHECK(compare_tip());
  HANSA_CHECK(read_to_end(steps));
  if (first_open() != nullptr) undo(steps);
  flights_.clear();
  poisoned_ = false;
  return {};
}

Result<void> Appender::read_to_end(Steps& steps) {
  HANSA_TRY(const Offset end, log_.end(ledger_));
  const Offset next = chain_.position().next_offset;
  if (end < next) return fail(entries_lost(end, next));
  return read_to(end, steps);
}

Result<void> Appender::read_to(Offset target, Steps& steps) {
  return read_records(log_, ledger_, chain_, target,
                      [&](Offset offset, std::string_view value) {
                        return apply(offset, value, steps);
                      });
}

Result<void> Appender::read_once(Steps& steps) {
  HANSA_TRY(const ReadResult read,
            log_.read(ledger_, chain_.position().next_offset, kReadBytesMax));
  for (const auto& record : read.records) HANSA_CHECK(apply(record.offset, record.value, steps));
  chain_.skip_to(read.next);
  return {};
}

Result<void> Appender::apply(Offset offset, std::string_view value, Steps& steps) {
  const Verdict verdict = chain_.apply(offset, value);
  if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
  if (verdict.kind == VerdictKind::kVoid) return {};
  tip_offset_ = offset;
  const Seq seq = chain_.position().seq;
  Flight* flight = first_open();
  if (flight != nullptr && flight->attempts[flight->landed].hash == verdict.hash) {
    ++flight->landed;
    steps.push_back({Step::Kind::kLanded, seq, {seq, offset, verdict.hash, {}}});
    return {};
  }
  undo(steps);
  rebase();
  steps.push_back({Step::Kind::kForeign, seq,
                   {seq, offset, verdict.hash, std::string(value)}});
  return {};
}

Result<void> Appender::compare_tip() {
  HANSA_CHECK(locate_tip());
  if (!tip_offset_) return {};
  HANSA_TRY(const ReadResult read, log_.read(ledger_, *tip_offset_, 1));
  const bool same = !read.records.empty() && read.records.front().offset == *tip_offset_ &&
                    sha256(read.records.front().value) == chain_.position().tip;
  if (same) return {};
  return fail(tail_replaced(*tip_offset_, chain_.position().seq, chain_.position().tip));
}

Result<void> Appender::locate_tip() {
  if (tip_offset_) return {};
  HANSA_TRY(tip_offset_, locate(chain_.position()));
  return {};
}

Error Appender::tail_replaced(Offset offset, Seq seq, const Hash& hash) const {
  return {Errc::kChainBroken,
          ledger_.text() + ": the record at offset " + std::to_string(offset) +
              " is no longer entry " + std::to_string(seq) + " with hash " + to_hex(hash) +
              ": the log's tail was replaced; keep both copies and compare them"};
}

Error Appender::entries_lost(Offset end, Offset read) const {
  return {Errc::kLogBehind, ledger_.text() + ": the log ends at offset " + std::to_string(end) +
                                ", this reader has read up to " + std::to_string(read) +
                                ": entries were lost"};
}

// The tip alone would not do: who writes on top of what was replaced, or reads such an entry, has a
// tip that stands in the log.
Result<void> Appender::read_tail_again() {
  if (!checked_tip_offset_) {
    HANSA_TRY(checked_tip_offset_, locate(checked_.position()));
  }
  const Offset target = chain_.position().next_offset;
  bool is_tip = checked_tip_offset_.has_value();
  Offset from = is_tip ? *checked_tip_offset_ : checked_.position().next_offset;
  for (size_t bytes = 0; from < target && bytes < kTailBytesMax; is_tip = false) {
    HANSA_TRY(const ReadResult read, log_.read(ledger_, from, kTailBytesMax));
    const auto& [seq, tip, next_offset, voids] = checked_.position();
    if (is_tip && (read.records.empty() || read.records.front().offset != from ||
                   sha256(read.records.front().value) != tip)) {
      return fail(tail_replaced(from, seq, tip));
    }
    if (read.next <= from) return fail(entries_lost(from, target));
    HANSA_CHECK(check_records(read, bytes));
    from = std::max(read.next, next_offset);
  }
  if (checked_.position().next_offset < target) return {};  // the next call goes on
  if (checked_.position().tip == chain_.position().tip) return {};
  return fail(tail_replaced(tip_offset_.value_or(0), chain_.position().seq,
                            chain_.position().tip));
}

Result<void> Appender::check_records(const ReadResult& read, size_t& bytes) {
  const Offset target = chain_.position().next_offset;
  const Offset known = checked_.position().next_offset;
  for (const auto& record : read.records) {
    if (record.offset >= target) break;
    bytes += record.value.size();
    if (record.offset < known) continue;
    const Verdict verdict = checked_.apply(record.offset, record.value);
    if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
    if (verdict.kind == VerdictKind::kValid) checked_tip_offset_ = record.offset;
  }
  checked_.skip_to(std::min(read.next, target));
  return {};
}

// After a start from a stored position: the tip's record is the nearest one before next_offset
// with its hash, usually the very last.
Result<std::optional<Offset>> Appender::locate(const ChainPosition& position) {
  std::optional<Offset> found;
  if (position.seq == 0) return found;
  HANSA_TRY(const Offset end, find_end(log_, ledger_, position.next_offset));
  if (end < position.next_offset) return fail(entries_lost(end, position.next_offset));
  Offset high = position.next_offset;
  for (Offset step = 1; high > 0 && !found; step *= 4) {
    const Offset low = high > step ? high - step : 0;
    Chain cursor(chain_.founding_id(), ChainPosition{0, {}, low, 0});
    HANSA_CHECK(read_records(log_, ledger_, cursor, high,
                             [&](Offset offset, std::string_view value) -> Result<void> {
                               cursor.skip_to(offset + 1);
                               if (sha256(value) == position.tip) found = offset;
                               return {};
                             }));
    high = low;
  }
  if (found) return found;
  return fail(Errc::kChainBroken,
              ledger_.text() + ": entry " + std::to_string(position.seq) + " with hash " +
                  to_hex(position.tip) + " is not in the log before offset " +
                  std::to_string(position.next_offset) +
                  ": the log is not the one this position was read from");
}

Appender::Flight* Appender::first_open() {
  for (auto& flight : flights_) {
    if (!flight.dead && flight.landed < flight.attempts.size()) return &flight;
  }
  return nullptr;
}

void Appender::undo(Steps& steps) {
  if (first_open() == nullptr && stamped_.empty()) return;
  for (auto& flight : flights_) flight.dead = true;
  stamped_.clear();
  rebase();
  steps.push_back({Step::Kind::kUndo, 0, {}});
}

void Appender::rebase() {
  tip_seq_ = chain_.position().seq;
  tip_ = chain_.position().tip;
}

}  // namespace hansa::streams
