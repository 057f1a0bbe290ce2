// CsvReader: the records of a CSV text, one after the other, as RFC 4180 writes them.
//
// Shape:   fields are separated by commas; a quoted field may hold commas, line breaks and doubled
//          quotes; records end with LF or CRLF, the last one perhaps with nothing. A byte order
//          mark at the beginning and empty lines are skipped. next() gives the record's fields and
//          the line on which it begins.
// Errors:  kBadFile: `line N: …` for a quote that never ends, or text behind a closing quote.
// Threads: one at a time. The text must outlive the reader.
// Source:  RFC 4180.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hansa::ops {

struct CsvRecord {
  uint64_t line = 0;
  std::vector<std::string> fields;
  std::string_view text;  // as it stands in the file, without its line end
};

class CsvReader {
 public:
  explicit CsvReader(std::string_view text);

  // nullopt at the end.
  Result<std::optional<CsvRecord>> next();
  size_t position() const { return position_; }

 private:
  Result<std::string> quoted();
  std::string plain();

  std::string_view text_;
  size_t position_ = 0;
  uint64_t line_ = 1;
};

// A field as it must be written to be read back unchanged.
std::string csv_field(std::string_view text);

// A file with a header line, read whole: for small tables such as units.csv.
struct CsvTable {
  std::string name;
  std::vector<std::string> header;
  std::vector<CsvRecord> rows;

  std::optional<size_t> column(std::string_view name) const;
};
Result<CsvTable> parse_csv_table(std::string_view text, const std::string& name);

}  // namespace hansa::ops
