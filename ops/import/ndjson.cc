#include "ops/import/ndjson.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <vector>

#include "ops/import/csv.h"

namespace hansa::ops {
namespace {

namespace json = boost::json;

constexpr size_t kNamesMax = 1'000;

Error bad_line(size_t line, const std::string& what) {
  return {Errc::kBadFile, "line " + std::to_string(line) + ": expected " + what};
}

class Table {
 public:
  Result<void> add(size_t line, const json::object& object) {
    std::vector<std::string> row(names_.size());
    for (const auto& [name, value] : object) {
      if (value.is_object() || value.is_array()) {
        return fail(bad_line(line, "a text or a number for `" + std::string(name) + "`"));
      }
      const size_t column = column_of(std::string(name));
      if (names_.size() > kNamesMax) return fail(bad_line(line, "at most 1000 names"));
      row.resize(names_.size());
      if (value.is_null()) continue;
      row[column] = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    }
    rows_.push_back(std::move(row));
    lines_.push_back(line);
    return {};
  }

  TableText table() && {
    std::string text;
    append(text, names_);
    for (auto row : rows_) {
      row.resize(names_.size());
      append(text, row);
    }
    return {std::move(text), std::move(lines_)};
  }

 private:
  size_t column_of(const std::string& name) {
    const auto [at, is_new] = columns_.emplace(name, names_.size());
    if (is_new) names_.push_back(name);
    return at->second;
  }

  static void append(std::string& text, const std::vector<std::string>& fields) {
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) text += ',';
      text += csv_field(fields[i]);
    }
    text += '\n';
  }

  std::vector<std::string> names_;
  std::map<std::string, size_t> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<uint64_t> lines_;
};

}  // namespace

Result<TableText> ndjson_to_csv(std::string_view text) {
  Table table;
  for (size_t line = 1; !text.empty(); ++line) {
    const auto row = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(row.size() + 1, text.size()));
    if (row.find_first_not_of(" \t\r") == row.npos) continue;
    boost::system::error_code error;
    const auto value = json::parse(json::string_view(row.data(), row.size()), error);
    if (error || !value.is_object()) return fail(bad_line(line, "one JSON object"));
    HANSA_CHECK(table.add(line, value.get_object()));
  }
  return std::move(table).table();
}

}  // namespace hansa::ops
