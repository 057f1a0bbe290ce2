#include "core/base/overlay_rows.h"

#include "core/base/assert.h"

namespace hansa {

using google::protobuf::Message;

void OverlayRows::scan(TableId table, std::string_view from, std::string_view to,
                       const Visit& visit) {
  if (from >= to) return;
  auto own = changed_.lower_bound(stored_key(table, from));
  const auto end = changed_.lower_bound(stored_key(table, to));
  bool go_on = true;
  const auto show_own = [&] {
    if (own->second != nullptr) {
      go_on = visit(std::string_view(own->first).substr(1), *own->second);
    }
    ++own;
  };
  // A row from below may hold only while it is shown, so that the two are merged on the way.
  below_.scan(table, from, to, [&](std::string_view key, const Message& row) {
    const auto before = [&] { return own->first.compare(1, std::string::npos, key) < 0; };
    while (go_on && own != end && before()) show_own();
    if (!go_on) return false;
    if (own != end && own->first.compare(1, std::string::npos, key) == 0) {
      show_own();
    } else {
      go_on = visit(key, row);
    }
    return go_on;
  });
  while (go_on && own != end) show_own();
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
