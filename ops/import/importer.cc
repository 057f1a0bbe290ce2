#include "ops/import/importer.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "ops/files.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

std::string state_word(v1::State::Value state) {
  switch (state) {
    case v1::State::closed:
    case v1::State::withdrawn:
    case v1::State::referred_out:
    case v1::State::refuted:
    case v1::State::merged:
      return v1::State::Value_Name(state);
    default:
      return "open";
  }
}

std::string reason_of(const Error& error) {
  return std::string(error_info(error.code).name) + ": " + error.detail;
}

// What is sent of some rows, and where they stood.
struct Batch {
  std::vector<v1::ImportCase> commands;
  std::vector<uint64_t> lines;
  std::vector<std::string> texts;
};

// The work that the sinks' threads share.
class Import {
 public:
  Import(CaseFile& file, size_t sinks, const ImportProgress& progress)
      : file_(file), progress_(progress), waiting_(sinks) {}

  void run(ImportSink& sink, size_t number) {
    while (true) {
      auto batch = next_batch(number);
      if (!batch) return;
      auto outcomes = sink.send(batch->commands);
      if (!outcomes) return stop(outcomes.error());
      if (outcomes->size() != batch->commands.size()) {
        return stop(Error{Errc::kInternal, "the server answered " +
                                               std::to_string(outcomes->size()) + " of " +
                                               std::to_string(batch->commands.size()) + " rows"});
      }
      count(*batch, *outcomes);
    }
  }

  ImportSummary result() {
    summary_.rows = summary_.imported + summary_.unchanged + summary_.refused;
    std::sort(summary_.rejects.begin(), summary_.rejects.end(),
              [](const auto& left, const auto& right) { return left.line < right.line; });
    return std::move(summary_);
  }

 private:
  bool ended() const { return summary_.stopped || summary_.interrupted; }

  // Reads on, each row into the batch of its sink, until this sink's batch is full.
  std::optional<Batch> next_batch(size_t number) {
    std::unique_lock lock(mutex_);
    auto& waiting = waiting_[number];
    while (!ended() && !at_end_ && waiting.size() < kBatchRows) {
      if (is_far_ahead()) {
        taken_.wait(lock);
      } else {
        read_row();
      }
    }
    if (ended() || waiting.empty()) return std::nullopt;
    Batch batch;
    for (size_t i = 0; i < kBatchRows && !waiting.empty(); ++i) {
      batch.commands.push_back(std::move(*waiting.front().command));
      batch.lines.push_back(waiting.front().line);
      batch.texts.push_back(std::move(waiting.front().text));
      waiting.pop_front();
    }
    taken_.notify_all();
    return batch;
  }

  bool is_far_ahead() const {
    return std::any_of(waiting_.begin(), waiting_.end(), [](const auto& rows) {
      return rows.size() >= kBatchRows * kWaitingBatches;
    });
  }

  void read_row() {
    auto row = file_.next();
    if (!row) return end_with(row.error());
    at_end_ = !row->has_value();
    if (at_end_) return taken_.notify_all();
    if (!(*row)->command) {
      return reject((*row)->line, reason_of((*row)->command.error()), std::move((*row)->text));
    }
    const std::string& source_id = (*row)->command->source_id();
    waiting_[std::hash<std::string>()(source_id) % waiting_.size()].push_back(*std::move(*row));
  }

  void count(const Batch& batch, const std::vector<RowOutcome>& outcomes) {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].refused) {
        reject(batch.lines[i], reason_of(*outcomes[i].refused), batch.texts[i]);
        continue;
      }
      ++(outcomes[i].unchanged ? summary_.unchanged : summary_.imported);
      ++summary_.by_state[state_word(batch.commands[i].state())];
    }
    if (progress_ && !progress_(summary_)) {
      summary_.interrupted = true;
      taken_.notify_all();
    }
  }

  void reject(uint64_t line, std::string reason, std::string row) {
    ++summary_.refused;
    summary_.rejects.push_back({line, std::move(reason), std::move(row)});
  }

  void stop(const Error& error) {
    std::lock_guard lock(mutex_);
    end_with(error);
  }

  void end_with(const Error& error) {
    if (!summary_.stopped) summary_.stopped = error;
    taken_.notify_all();
  }

  CaseFile& file_;
  const ImportProgress& progress_;
  std::mutex mutex_;  // guards all below
  std::condition_variable taken_;
  std::vector<std::deque<ImportRow>> waiting_;  // for each sink
  bool at_end_ = false;
  ImportSummary summary_;
};

}  // namespace

ImportSummary import_file(CaseFile& file, const std::vector<ImportSink*>& sinks,
                          const ImportProgress& progress) {
  Import import(file, sinks.size(), progress);
  if (sinks.size() == 1) {
    import.run(*sinks.front(), 0);
    return import.result();
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < sinks.size(); ++i) {
    threads.emplace_back([&import, &sinks, i] { import.run(*sinks[i], i); });
  }
  for (auto& thread : threads) thread.join();
  return import.result();
}

std::string ImportSummary::json() const {
  std::string out = "{\"rows\":" + std::to_string(rows) +
                    ",\"imported\":" + std::to_string(imported) +
                    ",\"unchanged\":" + std::to_string(unchanged) +
                    ",\"refused\":" + std::to_string(refused) + ",\"by_state\":{";
  bool first = true;
  for (const auto& [state, count] : by_state) {
    out += (first ? "" : ",") + json_text(state) + ":" + std::to_string(count);
    first = false;
  }
  return out + "}}";
}

Result<void> write_rejects(const ImportSummary& summary, std::string_view header,
                           const std::string& file) {
  std::string text = "line,reason," + std::string(header) + "\n";
  for (const auto& row : summary.rejects) {
    text += std::to_string(row.line) + "," + csv_field(row.reason) + "," + row.row + "\n";
  }
  return write_file(file, text);
}

}  // namespace hansa::ops
