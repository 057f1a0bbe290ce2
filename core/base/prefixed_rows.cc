#include "core/base/prefixed_rows.h"

namespace hansa {

using google::protobuf::Message;

namespace {

std::string below(const std::string& prefix, std::string_view key) {
  return prefix + std::string(key);
}

}  // namespace

void PrefixedView::scan(TableId table, std::string_view from, std::string_view to,
                        const Visit& visit) {
  below_.scan(table, below(prefix_, from), below(prefix_, to),
              [&](std::string_view key, const Message& row) {
                return visit(key.substr(prefix_.size()), row);
              });
}

const Message* PrefixedView::find_row(TableId table, std::string_view key) {
  return below_.find_any(table, below(prefix_, key));
}

void PrefixedRows::scan(TableId table, std::string_view from, std::string_view to,
                        const Visit& visit) {
  view_.scan(table, from, to, visit);
}

void PrefixedRows::erase_row(TableId table, std::string_view key) {
  below_.erase_row(table, below(prefix_, key));
}

const Message* PrefixedRows::find_row(TableId table, std::string_view key) {
  return view_.find_any(table, key);
}

Message& PrefixedRows::put_row(TableId table, std::string_view key) {
  return below_.put(Table<Message>{table}, below(prefix_, key));
}

}  // namespace hansa
