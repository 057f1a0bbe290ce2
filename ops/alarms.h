// Alarms: the rules that operators install, and what the runbook says of each, as this executable
// carries them.
//
// Shape:   alarms() are the rules of charts/hansa/rules/alerts.yaml in their order; runbook() is
//          the section of docs/runbook.md that has the alarm's name: its paragraphs by their first
//          word, and its blocks of commands with what stands behind ```sh (nothing, `stopped` or
//          `kafka`). The runbook's ledger is city/example.
// Errors:  an alarm that is not there, or one without a section, is a mistake of this program.
// Threads: constant.
// Source:  DESIGN §9.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hansa::ops {

struct Alarm {
  std::string name;
  std::string expr;
  std::string waits;  // how long it must hold before anybody is called, like 1m; may be empty
  std::string link;   // of the runbook
};

const std::vector<Alarm>& alarms();
const Alarm& find_alarm(std::string_view name);

struct RunbookBlock {
  std::string when;
  std::string commands;
};

struct Runbook {
  std::string meaning;
  std::string impact;
  std::string mitigation;
  std::vector<RunbookBlock> blocks;
};

Runbook runbook(std::string_view alarm);

}  // namespace hansa::ops
