// Html: what pages that are made to be printed consist of.
//
// Shape:   escape_html(): text as it may stand between tags and in quoted attributes.
//          printable_head() begins a self-contained page, up to its style; html_table() begins a
//          table with these heads (as they are), html_row() is a line of escaped texts.
// Errors:  none.
// Threads: free for all.
// Source:  https://html.spec.whatwg.org/multipage/syntax.html.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hansa::ops {

std::string escape_html(std::string_view text);
std::string_view printable_head();
std::string html_cell(const std::string& text);
std::string html_row(const std::vector<std::string>& texts);
std::string html_table(const std::vector<std::string>& names);
std::string html_table_end();

}  // namespace hansa::ops
