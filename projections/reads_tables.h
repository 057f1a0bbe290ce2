// Pages of tables: answers that are rows as they stand, in the order of their keys.
//
// Shape:   read_table(table, request, context, add) puts the rows of one page into what add()
//          makes and answers the token of the next page; with a prefix, those whose keys begin so.
//          read_all() for small tables.
// Errors:  kBadRequest as projections/paging.h; kBadFile for a row that cannot be read.
// Threads: pure.
#pragma once

#include "projections/paging.h"
#include "projections/reads.h"

namespace hansa::projections {

inline Result<void> parse_into(google::protobuf::Message& row, std::string_view bytes) {
  if (row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return {};
  return fail(Errc::kBadFile,
              "a stored row cannot be read; rebuild it with `hansa projection rebuild`");
}

template <typename Row, typename Request, typename Add>
Result<std::string> read_table(Table<Row> table, const Request& request,
                               const ReadContext& context, const Add& add,
                               std::string_view prefix = "") {
  HANSA_TRY(const Page page, open_page(stored_key(table.id, prefix), request.page_size(),
                                       request.page_token()));
  return read_page(context.snapshot, page, {},
                   [&](std::string_view, std::string_view value) -> Result<void> {
                     return parse_into(*add(), value);
                   });
}

template <typename Row, typename Add>
Result<void> read_all(Table<Row> table, const ReadContext& context, const Add& add) {
  const std::string begin = stored_key(table.id, "");
  Result<void> outcome;
  HANSA_CHECK(context.snapshot.scan(begin, behind_prefix(begin),
                                    [&](std::string_view, std::string_view value) {
                                      outcome = parse_into(*add(), value);
                                      return outcome.has_value();
                                    }));
  return outcome;
}

}  // namespace hansa::projections
