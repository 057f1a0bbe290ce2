#include "core/base/overlay_rows.h"

#include "core/base/assert.h"

namespace hansa {

using google::protobuf::Message;

void OverlayRows::scan(TableId table, std::string_view from, std::string_view to,
                       const Visit& visit) {
  auto changed = changed_.lower_bound(stored_key(table, from));
  const auto end = changed_.lower_bound(stored_key(table, to));
  bool go_on = true;
  const auto show = [&] {
    const auto& [key, row] = *changed++;
    if (row != nullptr) go_on = visit(std::string_view(key).substr(1), *row);
  };
  // A row below may live only as long as its visit.
  below_.scan(table, from, to, [&](std::string_view key, const Message& row) {
    while (go_on && changed != end && std::string_view(changed->first).substr(1) < key) show();
    if (!go_on) return false;
    if (changed != end && std::string_view(changed->first).substr(1) == key) {
      show();
    } else {
      go_on = visit(key, row);
    }
    return go_on;
  });
  while (go_on && changed != end) show();
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
