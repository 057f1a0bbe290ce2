// Child: a program that runs beside this one and ends with it at the latest.
//
// Shape:   start() runs it in `folder` with `output` taking what it says; send() a signal to it;
//          wait() until it has ended by itself or by a signal; end() kills it.
// Errors:  kUnavailable: no process can be made. A program that cannot be run ends at once.
// Threads: one, the one that started it: it ends with that thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/result.h"

namespace hansa::ops {

class Child {
 public:
  static Result<Child> start(const std::vector<std::string>& words, const std::string& folder,
                             const std::string& output);
  Child() = default;
  Child(Child&& other) noexcept : process_(std::exchange(other.process_, 0)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(process_, other.process_);
    return *this;
  }
  ~Child() { end(); }

  bool runs();
  void send(int signal) const;
  void wait();
  void end();

 private:
  pid_t process_ = 0;
};

}  // namespace hansa::ops
