// Batch: the rows of one request and, in the same order, their outcomes.
//
// Shape:   finish() takes a row's outcome; the last one calls `done`. body() is the answer: one
//          JSON object a line, `{"line", "receipt"}` or `{"line", "problem"}`. A row without an
//          outcome when the answer is made has one that is not known.
// Threads: finish from any, each row once; body from any.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "hansa/v1/common.pb.h"

namespace hansa::ops {

class Batch {
 public:
  using Outcome = Result<v1::Receipt>;

  // `lines`: where in the body each row stands, from 1.
  Batch(std::vector<size_t> lines, std::function<void(size_t)> done);

  void finish(size_t row, Outcome outcome);
  std::string body() const;
  // As body() says them.
  std::vector<Outcome> outcomes() const;

 private:
  const std::vector<size_t> lines_;
  mutable std::mutex mutex_;
  std::vector<Outcome> outcomes_;  // guarded by mutex_, as the next
  size_t waiting_;
  std::function<void(size_t)> done_;
};

}  // namespace hansa::ops
