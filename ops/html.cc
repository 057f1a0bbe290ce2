#include "ops/html.h"

namespace hansa::ops {
namespace {

constexpr const char* kHead =
    R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { --ink: #1d2327; --quiet: #667; --line: #d8dce0; --mark: #8a5a00; }
* { box-sizing: border-box; }
body { font: 15px/1.55 Georgia, "Noto Serif", "Noto Serif CJK SC", serif; color: var(--ink);
  background: #fff; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: .2rem 0 .6rem; font-weight: 600; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; break-after: avoid; }
p { margin: .4rem 0; max-width: 38rem; }
.quiet, th, footer { color: var(--quiet); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr));
  gap: 1px; background: var(--line); border: 1px solid var(--line); margin: 1.6rem 0;
  padding: 0; list-style: none; }
.numbers li { background: #fff; padding: .7rem .8rem; font-size: .85rem; color: var(--quiet); }
.numbers b { display: block; font-size: 1.7rem; line-height: 1.2; color: var(--ink);
  font-weight: 600; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; font-size: .93rem; }
th { text-align: left; font-weight: normal; font-size: .82rem; }
th, td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
tr { break-inside: avoid; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.mark { color: var(--mark); }
code { font: .8rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .8rem;
  font-size: .85rem; }
@media print { body { margin: 0; max-width: none; font-size: 10.5pt; }
  @page { margin: 18mm 16mm; } }
</style>
)";

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string_view printable_head() { return kHead; }

std::string html_cell(const std::string& text) { return "<td>" + escape_html(text) + "</td>"; }

std::string html_row(const std::vector<std::string>& texts) {
  std::string out = "<tr>";
  for (const auto& text : texts) out += html_cell(text);
  return out + "</tr>\n";
}

std::string html_table(const std::vector<std::string>& names) {
  std::string out = "<table><thead><tr>";
  for (const auto& name : names) out += "<th>" + name + "</th>";
  return out + "</tr></thead><tbody>\n";
}

std::string html_table_end() { return "</tbody></table>\n"; }

}  // namespace hansa::ops
