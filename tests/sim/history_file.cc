#include "tests/sim/history_file.h"

namespace hansa::sim {
namespace {

void add_line(std::string& lines, std::string_view kind, uint32_t client, const Moment& call,
              const Moment& answer, Seq seq) {
  // An answer of the same step is no later than a call of it.
  lines.append("{\"kind\":\"").append(kind);
  lines += "\",\"client\":" + std::to_string(client) +
           ",\"call\":" + std::to_string(2 * call.step) +
           ",\"return\":" + std::to_string(2 * answer.step + 1) +
           ",\"seq\":" + std::to_string(seq) + "}\n";
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
  for (const auto& operation : history) {
    if (const auto* told = first_told(operation)) {
      add_line(lines, "append", operation.client, operation.attempts.front().invoked,
               *told->completed, told->seq);
    }
    for (const auto& attempt : operation.attempts) {
      const bool is_look =
          attempt.outcome == Outcome::kRefused || attempt.outcome == Outcome::kUnchanged;
      if (!is_look || attempt.seq == 0 || !attempt.completed) continue;
      add_line(lines, "look", operation.client, attempt.invoked, *attempt.completed, attempt.seq);
    }
  }
  return lines;
}

}  // namespace hansa::sim
