#include "tests/sim/history_file.h"

#include <algorithm>
#include <map>
#include <utility>

namespace hansa::sim {
namespace {

struct Line {
  uint32_t client = 0;
  uint64_t call_step = 0;
  uint64_t return_step = 0;
  Seq seq = 0;
};

void add_line(std::string& lines, std::string_view kind, const Line& line) {
  // An answer of the same step is no later than a call of it.
  lines.append("{\"kind\":\"").append(kind);
  lines += "\",\"client\":" + std::to_string(line.client) +
           ",\"call\":" + std::to_string(2 * line.call_step) +
           ",\"return\":" + std::to_string(2 * line.return_step + 1) +
           ",\"seq\":" + std::to_string(line.seq) + "}\n";
}

// nullptr: nobody was told of an entry.
const Attempt* first_told(const Operation& operation) {
  const Attempt* first = nullptr;
  for (const auto& attempt : operation.attempts) {
    if (attempt.outcome != Outcome::kOk || !attempt.completed) continue;
    if (first == nullptr || attempt.completed->step < first->completed->step) first = &attempt;
  }
  return first;
}

}  // namespace

std::string history_lines(const History& history) {
  std::string lines;
  // One entry stands for all who ask for one row.
  std::map<std::pair<std::string, Seq>, Line> imported;
  for (const auto& operation : history) {
    if (const auto* told = first_told(operation)) {
      const Line line{operation.client, operation.attempts.front().invoked.step,
                      told->completed->step, told->seq};
      if (operation.import_key.empty()) {
        add_line(lines, "append", line);
      } else {
        auto& one = imported.try_emplace({operation.import_key, told->seq}, line).first->second;
        one.call_step = std::min(one.call_step, line.call_step);
        one.return_step = std::min(one.return_step, line.return_step);
      }
    }
    for (const auto& attempt : operation.attempts) {
      const bool is_look = says_state(attempt) && (attempt.outcome == Outcome::kUnchanged ||
                                                   first_told(operation) == nullptr);
      if (!is_look || attempt.seq == 0 || !attempt.completed) continue;
      add_line(lines, "look",
               {operation.client, attempt.invoked.step, attempt.completed->step, attempt.seq});
    }
  }
  for (const auto& [row, line] : imported) add_line(lines, "append", line);
  return lines;
}

}  // namespace hansa::sim
