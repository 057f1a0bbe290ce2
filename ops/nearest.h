// Nearest: the known name that was probably meant.
//
// Shape:   nearest(word, known) is the known name with the smallest edit distance (insertions,
//          deletions, changes and swaps of neighbours cost 1 each), "" when none is near enough to
//          be a slip: at most a third of the word's length, and always 1.
//          did_you_mean(word, known) is "; did you mean `x`?" or "".
// Errors:  none.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hansa::ops {

size_t edit_distance(std::string_view left, std::string_view right);
std::string nearest(std::string_view word, const std::vector<std::string>& known);
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace hansa::ops
