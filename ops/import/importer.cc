#include "ops/import/importer.h"

#include <algorithm>
#include <mutex>
#include <thread>

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

struct Batch {
  std::vector<v1::ImportCase> commands;
  std::vector<uint64_t> lines;
  std::vector<std::string> texts;
};

// The work that the sinks' threads share.
class Import {
 public:
  Import(CaseFile& file, const ImportProgress& progress) : file_(file), progress_(progress) {}

  void run(ImportSink& sink) {
    while (true) {
      auto batch = next_batch();
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

  Result<ImportSummary> result() {
    if (error_) return fail(*error_);
    std::sort(summary_.rejects.begin(), summary_.rejects.end(),
              [](const auto& left, const auto& right) { return left.line < right.line; });
    return std::move(summary_);
  }

 private:
  std::optional<Batch> next_batch() {
    std::lock_guard lock(mutex_);
    Batch batch;
    while (!error_ && !summary_.interrupted && batch.commands.size() < kBatchRows) {
      auto row = file_.next();
      if (!row) error_ = row.error();
      if (!row || !*row) break;
      ++summary_.rows;
      if (!(*row)->command) {
        reject((*row)->line, reason_of((*row)->command.error()), std::move((*row)->text));
        continue;
      }
      batch.commands.push_back(std::move(*(*row)->command));
      batch.lines.push_back((*row)->line);
      batch.texts.push_back(std::move((*row)->text));
    }
    if (error_ || summary_.interrupted || batch.commands.empty()) return std::nullopt;
    return batch;
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
    if (progress_ && !progress_(summary_)) summary_.interrupted = true;
  }

  void reject(uint64_t line, std::string reason, std::string row) {
    ++summary_.refused;
    summary_.rejects.push_back({line, std::move(reason), std::move(row)});
  }

  void stop(const Error& error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
  }

  CaseFile& file_;
  const ImportProgress& progress_;
  std::mutex mutex_;
  ImportSummary summary_;
  std::optional<Error> error_;
};

}  // namespace

Result<ImportSummary> import_file(CaseFile& file, const std::vector<ImportSink*>& sinks,
                                  const ImportProgress& progress) {
  Import import(file, progress);
  if (sinks.size() == 1) {
    import.run(*sinks.front());
    return import.result();
  }
  std::vector<std::thread> threads;
  for (auto* sink : sinks) threads.emplace_back([&import, sink] { import.run(*sink); });
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
