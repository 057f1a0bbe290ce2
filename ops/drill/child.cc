#include "ops/drill/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace hansa::ops {

Result<Child> Child::start(const std::vector<std::string>& words, const std::string& folder,
                           const std::string& output) {
  std::vector<char*> pointers;
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  Child child;
  child.process_ = ::fork();
  if (child.process_ < 0) {
    child.process_ = 0;
    return fail(Errc::kUnavailable, "no process can be made for " + words.front());
  }
  if (child.process_ > 0) return child;
  // Ctrl-C is for whoever started it, who ends it in order.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int file = ::open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  if (file >= 0 && ::chdir(folder.c_str()) == 0) ::execv(pointers.front(), pointers.data());
  ::_exit(127);
}

bool Child::runs() {
  if (process_ != 0 && ::waitpid(process_, nullptr, WNOHANG) == process_) process_ = 0;
  return process_ != 0;
}

void Child::send(int signal) const {
  if (process_ != 0) ::kill(process_, signal);
}

void Child::wait() {
  if (process_ != 0) ::waitpid(process_, nullptr, 0);
  process_ = 0;
}

void Child::end() {
  send(SIGKILL);
  wait();
}

}  // namespace hansa::ops
