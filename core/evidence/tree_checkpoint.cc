#include "core/evidence/tree_checkpoint.h"

#include "core/base/assert.h"
#include "core/evidence/lines.h"

namespace hansa {
namespace {

bool is_line(std::string_view text) {
  return !text.empty() && text.find('\n') == std::string_view::npos;
}

}  // namespace

std::string checkpoint_text(const TreeCheckpoint& checkpoint) {
  HANSA_ASSERT(is_line(checkpoint.origin), "an origin is one line");
  std::string text = checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
                     tree_hash_text(checkpoint.root) + "\n";
  for (const auto& line : checkpoint.extensions) {
    HANSA_ASSERT(is_line(line), "an extension is one line");
    text.append(line).append("\n");
  }
  return text;
}

Result<TreeCheckpoint> parse_checkpoint(std::string_view text) {
  auto rest = text;
  const auto origin = take_line(rest);
  if (!origin || origin->empty()) {
    return fail(Errc::kBadRequest, "line 1 of a checkpoint is the log's origin");
  }
  const auto size = parse_decimal(take_line(rest).value_or(""));
  if (!size) {
    return fail(Errc::kBadRequest, "line 2 of a checkpoint is the size, without leading zeros");
  }
  const auto root = parse_tree_hash(take_line(rest).value_or(""));
  if (!root) return fail(Errc::kBadRequest, "line 3 of a checkpoint is base64 of 32 bytes");
  TreeCheckpoint checkpoint{std::string(*origin), *size, *root, {}};
  while (const auto line = take_line(rest)) {
    if (line->empty()) return fail(Errc::kBadRequest, "no line of a checkpoint is empty");
    checkpoint.extensions.emplace_back(*line);
  }
  if (!rest.empty()) return fail(Errc::kBadRequest, "a checkpoint ends with a newline");
  return checkpoint;
}

}  // namespace hansa
