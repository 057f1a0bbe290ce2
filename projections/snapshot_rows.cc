#include "projections/snapshot_rows.h"

#include "core/base/assert.h"

namespace hansa::projections {

using google::protobuf::Message;

std::unique_ptr<Message> SnapshotRows::read(TableId table, std::string_view bytes) {
  const auto* prototype = row_prototype(table);
  HANSA_ASSERT(prototype != nullptr, "only tables of core are read");
  std::unique_ptr<Message> row(prototype->New());
  if (row->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return row;
  outcome_ = fail(Errc::kBadFile,
                  "a stored row cannot be read; rebuild it with `hansa projection rebuild`");
  return nullptr;
}

void SnapshotRows::scan(TableId table, std::string_view from, std::string_view to,
                        const Visit& visit) {
  if (from >= to) return;
  auto scanned = snapshot_.scan(stored_key(table, from), stored_key(table, to),
                                [&](std::string_view key, std::string_view value) {
                                  const auto row = read(table, value);
                                  return row != nullptr && visit(key.substr(1), *row);
                                });
  if (!scanned) outcome_ = std::move(scanned);
}

const Message* SnapshotRows::find_row(TableId table, std::string_view key) {
  auto bytes = snapshot_.get(stored_key(table, key));
  if (!bytes) outcome_ = fail(std::move(bytes).error());
  if (!bytes || !*bytes) return nullptr;
  found_ = read(table, **bytes);
  return found_.get();
}

}  // namespace hansa::projections
