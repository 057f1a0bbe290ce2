// The two threads of the embedded log: the one that writes batches and the one that syncs the end
// marker. What they share with readers is guarded as embedded_log.h says; the database is closed
// and opened by the writer thread only.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "streams/embedded_log_store.h"

namespace hansa::streams {
namespace {

constexpr uint32_t kRefusalsMax = 7;
constexpr size_t kBatchBytesMax = 32 * 1024 * 1024;
constexpr std::chrono::seconds kMarkerSyncPause{1};

std::vector<Delivery> same_answer(size_t count, const Error& error) {
  return std::vector<Delivery>(count, Delivery{std::nullopt, error});
}

}  // namespace

void EmbeddedLog::write_loop() {
  std::vector<Flight> flights;
  while (true) {
    {
      std::unique_lock lock(queue_mutex_);
      queue_filled_.wait(
          lock, [this] { return stopping_ || reopening_wanted_ || !queue_.empty(); });
      if (queue_.empty() && !reopening_wanted_) return;
      flights.swap(queue_);
      reopening_wanted_ = false;
      ++hands_taken_;
    }
    if (flights.empty()) static_cast<void>(make_usable());  // the next call sees what came of it
    write_flights(flights);
    flights.clear();
    {
      std::lock_guard lock(queue_mutex_);
      ++hands_written_;
    }
    hand_written_.notify_all();
  }
}

// One batch, one sync, then the answers. More than a batch can hold goes on with the next.
void EmbeddedLog::write_flights(std::vector<Flight>& flights) {
  size_t from = 0;
  while (from < flights.size()) {
    Result<void> written = make_usable();
    rocksdb::WriteBatch batch;
    Ledgers changed;
    size_t to = from;
    for (; to < flights.size() && batch.GetDataSize() < kBatchBytesMax; ++to) {
      if (written && !flights[to].refusal) add_flight(flights[to], changed, batch);
    }
    if (written && batch.Count() > 0) written = write_batch(batch);
    if (written) publish(changed);
    for (; from < to; ++from) {
      Flight& flight = flights[from];
      if (flight.refusal || !written) {
        const Error& error = flight.refusal ? *flight.refusal : written.error();
        flight.delivered(same_answer(flight.values.size(), error));
        continue;
      }
      std::vector<Delivery> deliveries(flight.values.size());
      for (size_t i = 0; i < deliveries.size(); ++i) deliveries[i].offset = flight.first + i;
      records_ += flight.values.size();
      flight.delivered(std::move(deliveries));
    }
  }
}

Result<void> EmbeddedLog::make_usable() {
  if (!broken_) return {};
  if (refusals_left_ > 0) {
    --refusals_left_;
    return fail(last_failure_);
  }
  reopen();
  if (broken_) return fail(last_failure_);
  return {};
}

// After a failed write the files may hold more than the database says: only opening it anew shows
// what stands in them, and only opening it for writing makes that durable. Where that fails too (a
// full disk), reading goes on if nothing of the failed batch shows; if it does show, nobody may see
// it before it is durable.
void EmbeddedLog::reopen() {
  std::unique_lock lock(database_mutex_);
  const Ledgers before = ledgers_;
  close_database();
  ++reopenings_;
  auto opened = open_database(Access::kWrite);
  if (opened) {
    broken_ = false;
    refusals_next_ = 0;
    return;
  }
  broken_ = true;
  last_failure_ = opened.error();
  refusals_next_ = std::min(refusals_next_ * 2 + 1, kRefusalsMax);
  refusals_left_ = refusals_next_;
  if (!open_database(Access::kReadOnly)) return;
  const auto end_before = [&](const std::string& name) {
    const auto found = before.find(name);
    return found == before.end() ? Offset{0} : found->second.end;
  };
  for (const auto& [name, state] : ledgers_) {
    if (state.end == end_before(name)) continue;
    close_database();
    break;
  }
  std::lock_guard ledgers_lock(ledgers_mutex_);
  ledgers_ = before;
}

EmbeddedLog::LedgerState& EmbeddedLog::state_for(const LedgerId& ledger, Ledgers& changed,
                                                 rocksdb::WriteBatch& batch) {
  const std::string name = ledger.text();
  if (const auto found = changed.find(name); found != changed.end()) return found->second;
  std::lock_guard lock(ledgers_mutex_);
  if (const auto found = ledgers_.find(name); found != ledgers_.end()) {
    return changed[name] = found->second;
  }
  uint32_t highest = 0;
  for (const auto& [text, state] : ledgers_) highest = std::max(highest, state.number);
  for (const auto& [text, state] : changed) highest = std::max(highest, state.number);
  batch.Put(ledger_key(name), number_bytes(highest + 1));
  return changed[name] = LedgerState{highest + 1, 0, {}};
}

void EmbeddedLog::add_flight(Flight& flight, Ledgers& changed, rocksdb::WriteBatch& batch) {
  if (flight.values.empty()) return;
  LedgerState& state = state_for(flight.ledger, changed, batch);
  if (state.damage) {
    flight.refusal = *state.damage;
    return;
  }
  if (flight.expected_end != state.end) {
    flight.refusal = Error{Errc::kLogConflict,
                           flight.ledger.text() + ": the log ends at offset " +
                               std::to_string(state.end) + ", expected " +
                               std::to_string(flight.expected_end) + "; nothing was appended"};
    return;
  }
  flight.first = state.end;
  for (const auto& value : flight.values) {
    batch.Put(record_key(state.number, state.end), value);
    ++state.end;
    bytes_ += value.size();
  }
}

Result<void> EmbeddedLog::write_batch(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions writing;
  writing.sync = options_.fsync;
  const auto status = database_->Write(writing, &batch);
  if (status.ok()) {
    ++batches_;
    return {};
  }
  ++failed_batches_;
  if (status.IsCorruption()) without_compaction_ = true;
  reopen();
  return fail(Errc::kUnavailable,
              "the log " + options_.folder + " could not be written: " + status.ToString());
}

void EmbeddedLog::publish(const Ledgers& changed) {
  for (const auto& [name, state] : changed) {
    if (state.damage) continue;
    if (!marker_->write(state.number, state.end)) ++marker_failures_;
  }
  {
    std::lock_guard lock(ledgers_mutex_);
    for (const auto& [name, state] : changed) {
      if (!state.damage) ledgers_[name] = state;
    }
  }
  {
    std::lock_guard lock(marker_mutex_);
    marker_dirty_ = true;
  }
  marker_wake_.notify_one();
}

void EmbeddedLog::marker_loop() {
  std::unique_lock lock(marker_mutex_);
  while (true) {
    marker_wake_.wait(lock, [this] { return marker_dirty_ || marker_stopping_; });
    if (!marker_dirty_) return;
    marker_dirty_ = false;
    lock.unlock();
    if (!marker_->sync()) ++marker_failures_;
    lock.lock();
    marker_wake_.wait_for(lock, kMarkerSyncPause, [this] { return marker_stopping_; });
  }
}

}  // namespace hansa::streams
