#include "core/base/overlay_rows.h"

#include "core/base/assert.h"

namespace hansa {

using google::protobuf::Message;

void OverlayRows::scan(TableId table, std::string_view from, std::string_view to,
                       const Visit& visit) {
  std::map<std::string, const Message*, std::less<>> rows;
  below_.scan(table, from, to, [&](std::string_view key, const Message& row) {
    rows.emplace(key, &row);
    return true;
  });
  const auto end = changed_.lower_bound(stored_key(table, to));
  for (auto it = changed_.lower_bound(stored_key(table, from)); it != end; ++it) {
    rows[it->first.substr(1)] = it->second.get();
  }
  for (const auto& [key, row] : rows) {
    if (row != nullptr && !visit(key, *row)) return;
  }
}

void OverlayRows::erase_row(TableId table, std::string_view key) {
  changed_[stored_key(table, key)] = nullptr;
}

const Message* OverlayRows::find_row(TableId table, std::string_view key) {
  const auto found = changed_.find(stored_key(table, key));
  return found == changed_.end() ? below_.find_any(table, key) : found->second.get();
}

Message& OverlayRows::put_row(TableId table, std::string_view key) {
  auto stored = stored_key(table, key);
  auto found = changed_.find(stored);
  if (found != changed_.end() && found->second != nullptr) return *found->second;
  const auto* prototype = row_prototype(table);
  HANSA_ASSERT(prototype != nullptr, "only tables of core are written");
  std::unique_ptr<Message> row(prototype->New());
  const bool erased_here = found != changed_.end();
  if (const auto* below = below_.find_any(table, key); below != nullptr && !erased_here) {
    row->CopyFrom(*below);
  }
  auto& slot = changed_[std::move(stored)];
  slot = std::move(row);
  return *slot;
}

}  // namespace hansa
