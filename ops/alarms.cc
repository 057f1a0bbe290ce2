#include "ops/alarms.h"

#include <algorithm>

#include "core/base/assert.h"
#include "ops/embedded_files.h"
#include "ops/yaml_reader.h"

namespace hansa::ops {
namespace {

std::vector<Alarm> read_alarms() {
  const std::string name = "charts/hansa/rules/alerts.yaml";
  const auto file = parse_yaml(std::string(embedded_file(name)), name);
  std::vector<Alarm> found;
  auto root = Section::root(file);
  for (auto& group : root.list("groups")) {
    for (auto& rule : group.list("rules")) {
      Alarm alarm;
      rule.required_text("alert", alarm.name);
      rule.required_text("expr", alarm.expr);
      rule.text("for", alarm.waits);
      rule.section("annotations").required_text("runbook", alarm.link);
      found.push_back(std::move(alarm));
    }
  }
  HANSA_ASSERT(!file->error && !found.empty(), "the rules that this executable carries are whole");
  return found;
}

// The section under `## name`, to the next one.
std::string_view section_of(std::string_view name) {
  const auto text = embedded_file("docs/runbook.md");
  const auto head = "\n## " + std::string(name) + "\n";
  const auto begin = text.find(head);
  HANSA_ASSERT(begin != std::string_view::npos, "the runbook has a section for each alarm");
  const auto rest = text.substr(begin + head.size());
  return rest.substr(0, rest.find("\n## "));
}

// One line, to the next paragraph, block or the end.
std::string paragraph(std::string_view section, std::string_view word) {
  const auto begin = section.find(word);
  if (begin == std::string_view::npos) return "";
  auto text = section.substr(section.find("**", begin) + 2);
  text = text.substr(0, std::min({text.find("\n**"), text.find("\n```"), text.size()}));
  std::string line(text.substr(text.find_first_not_of(" ")));
  while (line.ends_with('\n')) line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

const std::vector<Alarm>& alarms() {
  static const std::vector<Alarm> kAlarms = read_alarms();
  return kAlarms;
}

const Alarm& find_alarm(std::string_view name) {
  const auto found = std::ranges::find(alarms(), name, &Alarm::name);
  HANSA_ASSERT(found != alarms().end(), "expected an alarm of the rules");
  return *found;
}

Runbook runbook(std::string_view alarm) {
  const auto section = section_of(alarm);
  Runbook book;
  book.meaning = paragraph(section, "Meaning.");
  book.impact = paragraph(section, "Impact.");
  book.mitigation = paragraph(section, "Mitigation.");
  constexpr std::string_view kFence = "\n```";
  for (size_t at = section.find(kFence); at != std::string_view::npos;) {
    const auto line = section.find('\n', at + 1);
    const auto end = section.find(kFence, line);
    std::string when(section.substr(at + kFence.size(), line - at - kFence.size()));
    when.erase(0, when.find(' ') == std::string::npos ? when.size() : when.find(' ') + 1);
    book.blocks.push_back({when, std::string(section.substr(line + 1, end - line))});
    at = section.find(kFence, end + 1);
  }
  return book;
}

}  // namespace hansa::ops
