#include "ops/import/csv.h"

#include <algorithm>

namespace hansa::ops {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) position_ = kByteOrderMark.size();
}

Result<std::string> CsvReader::quoted() {
  const auto first_line = line_;
  std::string field;
  ++position_;
  while (position_ < text_.size()) {
    const char c = text_[position_++];
    if (c == '\n') ++line_;
    if (c != '"') {
      field += c;
    } else if (position_ < text_.size() && text_[position_] == '"') {
      field += '"';
      ++position_;
    } else {
      return field;
    }
  }
  return fail(Errc::kBadFile, "line " + std::to_string(first_line) +
                                  ": expected a closing quote, the file ends inside the field");
}

std::string CsvReader::plain() {
  const auto begin = position_;
  while (position_ < text_.size() && text_[position_] != ',' && text_[position_] != '\n') {
    ++position_;
  }
  auto field = text_.substr(begin, position_ - begin);
  const bool at_end = position_ == text_.size() || text_[position_] == '\n';
  if (at_end && field.ends_with('\r')) field.remove_suffix(1);
  return std::string(field);
}

Result<std::optional<CsvRecord>> CsvReader::next() {
  while (position_ < text_.size() && (text_[position_] == '\n' || text_[position_] == '\r')) {
    if (text_[position_++] == '\n') ++line_;
  }
  if (position_ >= text_.size()) return std::optional<CsvRecord>();
  CsvRecord record;
  record.line = line_;
  const auto begin = position_;
  while (true) {
    if (position_ < text_.size() && text_[position_] == '"') {
      HANSA_TRY(auto field, quoted());
      record.fields.push_back(std::move(field));
      if (text_.substr(position_).starts_with("\r\n")) ++position_;
    } else {
      record.fields.push_back(plain());
    }
    if (position_ == text_.size() || text_[position_] == '\n') break;
    if (text_[position_] != ',') {
      return fail(Errc::kBadFile, "line " + std::to_string(line_) +
                                      ": expected a comma or a line end behind a closing quote");
    }
    ++position_;
  }
  record.text = text_.substr(begin, position_ - begin);
  if (record.text.ends_with('\r')) record.text.remove_suffix(1);
  if (position_ < text_.size()) {
    ++position_;
    ++line_;
  }
  return std::optional<CsvRecord>(std::move(record));
}

std::string csv_field(std::string_view text) {
  // At the beginning of a file a mark would be the file's.
  const bool is_plain = text.find_first_of(",\"\r\n") == std::string_view::npos &&
                        !text.starts_with(kByteOrderMark);
  if (is_plain) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + "\"";
}

std::optional<size_t> CsvTable::column(std::string_view name) const {
  const auto it = std::find(header.begin(), header.end(), name);
  if (it == header.end()) return std::nullopt;
  return static_cast<size_t>(it - header.begin());
}

Result<CsvTable> parse_csv_table(std::string_view text, const std::string& name) {
  CsvTable table{name, {}, {}};
  CsvReader reader(text);
  while (true) {
    auto record = reader.next();
    if (!record) return fail(Errc::kBadFile, name + ": " + record.error().detail);
    if (!*record) break;
    if (table.header.empty()) {
      table.header = (*record)->fields;
      continue;
    }
    if ((*record)->fields.size() != table.header.size()) {
      return fail(Errc::kBadFile, name + ":" + std::to_string((*record)->line) + ": expected " +
                                      std::to_string(table.header.size()) + " fields, got " +
                                      std::to_string((*record)->fields.size()));
    }
    table.rows.push_back(std::move(**record));
  }
  if (table.header.empty()) return fail(Errc::kBadFile, name + ":1: expected a header line");
  return table;
}

}  // namespace hansa::ops
