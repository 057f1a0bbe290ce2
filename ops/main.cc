// The executable: everything is in ops/cli.
#include <csignal>

#include "ops/cli/cli.h"

int main(int count, char** words) {
  // A reader that goes away (`hansa openapi | head`) ends a write with an error, not the process.
  std::signal(SIGPIPE, SIG_IGN);
  return hansa::ops::run_cli(count, words);
}
