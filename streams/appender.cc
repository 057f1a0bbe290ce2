#include "streams/appender.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/ledger/authorship.h"
#include "streams/ledger_reader.h"

namespace hansa::streams {

Appender::Appender(Log& log, LedgerId ledger, const FoundingId& founding_id,
                   const ChainPosition& from, Env& env, std::string author_key)
    : log_(log),
      ledger_(std::move(ledger)),
      env_(env),
      chain_(founding_id, from),
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
Result<Stamped> Appender::stamp(std::string_view payload) {
  if (stop_) return fail(*stop_);
  if (must_follow()) {
    return fail(Errc::kUnavailable,
                ledger_.text() + ": the outcome of earlier entries is not known yet");
  }
  HANSA_ASSERT(stamped_.size() < kFlightEntriesMax, "a flight has at most kFlightEntriesMax");
  Envelope envelope;
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
  if (result && !tip_offset_) result = locate_tip();
  if (result) result = read_to_end(steps);
  return answer(std::move(steps), std::move(result));
}

Result<std::vector<Step>> Appender::take_arrived() {
  if (stop_) return fail(*stop_);
  HANSA_ASSERT(flights_.empty() && !poisoned_, "an open flight is followed to the end");
  Steps steps;
  Result<void> result;
  if (!tip_offset_) result = locate_tip();
  if (result) result = read_once(steps);
  return answer(std::move(steps), std::move(result));
}

Result<void> Appender::check_tip() {
  if (stop_) return fail(*stop_);
  auto result = compare_tip();
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
// for undone flights too, since what they did decides where later ones came to stand.
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
    if (delivery.error || !delivery.offset) {
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
  if (end < next) {
    return fail(Errc::kLogBehind, ledger_.text() + ": the log ends at offset " +
                                      std::to_string(end) + ", this reader has read up to " +
                                      std::to_string(next) + ": entries were lost");
  }
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
  if (!tip_offset_) return locate_tip();
  HANSA_TRY(const ReadResult read, log_.read(ledger_, *tip_offset_, 1));
  const bool same = !read.records.empty() && read.records.front().offset == *tip_offset_ &&
                    sha256(read.records.front().value) == chain_.position().tip;
  if (same) return {};
  return fail(Errc::kChainBroken,
              ledger_.text() + ": the record at offset " + std::to_string(*tip_offset_) +
                  " is no longer entry " + std::to_string(chain_.position().seq) +
                  " with hash " + to_hex(chain_.position().tip) +
                  ": the log's tail was replaced; keep both copies and compare them");
}

// After a start from a stored position: the tip's record is the nearest one before next_offset
// with its hash, usually the very last.
Result<void> Appender::locate_tip() {
  const ChainPosition& position = chain_.position();
  Offset high = position.seq == 0 ? 0 : position.next_offset;
  for (Offset step = 1; high > 0 && !tip_offset_; step *= 4) {
    const Offset low = high > step ? high - step : 0;
    Chain cursor(chain_.founding_id(), ChainPosition{0, {}, low, 0});
    HANSA_CHECK(read_records(log_, ledger_, cursor, high,
                             [&](Offset offset, std::string_view value) -> Result<void> {
                               cursor.skip_to(offset + 1);
                               if (sha256(value) == position.tip) tip_offset_ = offset;
                               return {};
                             }));
    high = low;
  }
  if (tip_offset_ || position.seq == 0) return {};
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
