#include "ops/http/batch.h"

#include "ops/json.h"
#include "ops/problem.h"
#include "projections/keeper.h"

namespace hansa::ops {

Batch::Batch(std::vector<size_t> lines, std::function<void(size_t)> done)
    : lines_(std::move(lines)),
      outcomes_(lines_.size(), fail(projections::unknown_outcome())),
      waiting_(lines_.size()),
      done_(std::move(done)) {
  if (waiting_ == 0) done_(0);
}

void Batch::finish(size_t row, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  outcomes_[row] = std::move(outcome);
  if (--waiting_ == 0) done_(0);
}

std::vector<Batch::Outcome> Batch::outcomes() const {
  const std::lock_guard lock(mutex_);
  return outcomes_;
}

std::string Batch::body() const {
  const std::lock_guard lock(mutex_);
  std::string body;
  for (size_t i = 0; i < lines_.size(); ++i) {
    body += "{\"line\":" + std::to_string(lines_[i]);
    const auto& outcome = outcomes_[i];
    if (outcome) {
      body += ",\"receipt\":";
      append_json(body, *outcome);
      if (outcome->entry_sha256().empty()) body += ",\"unchanged\":true";
    } else {
      body += ",\"problem\":" + problem_json(outcome.error(), "");
    }
    body += "}\n";
  }
  return body;
}

}  // namespace hansa::ops
