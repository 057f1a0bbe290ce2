// Ledger source: where a verb reads a ledger's entries from: a stopped node's folder, the log that
// a configuration names, or a server.
//
// Shape:   add_ledger_source() declares --ledger, --data, --config, --server and --key;
//          add_records_source() all but the first, where the ledger is named otherwise. on_ledger()
//          opens what they name and runs the verb's work on its records.
// Errors:  reported on standard error; the exit code is theirs.
// Threads: the main thread.
// Limits:  a server gives 500 records at a time.
#pragma once

#include "ops/cli/cli.h"
#include "ops/ledger_check.h"

namespace hansa::ops {

struct LedgerSource {
  std::string data_dir;
  std::string config;
  std::string ledger;
  RemoteServer server;
};

void add_ledger_source(CLI::App& verb, LedgerSource& source);
void add_records_source(CLI::App& verb, LedgerSource& source);

using OnLedger = std::function<int(Records&, const LedgerId&, const FoundingId&)>;
int on_ledger(const LedgerSource& source, const OnLedger& work);

}  // namespace hansa::ops
