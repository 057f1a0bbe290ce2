// Html: text as it may stand in a page, between tags and in quoted attributes.
//
// Errors:  none.
// Threads: free for all.
// Source:  https://html.spec.whatwg.org/multipage/syntax.html.
#pragma once

#include <string>
#include <string_view>

namespace hansa::ops {

std::string escape_html(std::string_view text);

}  // namespace hansa::ops
