// What a mapping has no words for: the part of CaseFile that a dry run shows first.
#include <algorithm>

#include "ops/import/case_file.h"
#include "ops/import/coordinates.h"

namespace hansa::ops {
namespace {

// Of a column with free texts, the first few are enough to see what is wrong.
constexpr size_t kValuesAColumnMax = 100;

class Found {
 public:
  void add(const std::string& column, const std::string& value, uint64_t line,
           const std::string& advice, bool refuses) {
    auto& values = columns_[column];
    const auto known = values.find(value);
    if (known == values.end() && values.size() >= kValuesAColumnMax) return;
    auto& row = values[value];
    if (row.rows++ == 0) row = {column, value, 1, line, advice, refuses};
  }

  std::vector<Unmatched> take() {
    std::vector<Unmatched> all;
    for (auto& [column, values] : columns_) {
      for (auto& [value, row] : values) all.push_back(std::move(row));
    }
    std::stable_sort(all.begin(), all.end(), [](const Unmatched& left, const Unmatched& right) {
      return std::pair(!left.refuses, right.rows) < std::pair(!right.refuses, left.rows);
    });
    return all;
  }

 private:
  std::map<std::string, std::map<std::string, Unmatched>> columns_;
};

}  // namespace

std::vector<Unmatched> CaseFile::unmatched() const {
  Found found;
  CsvReader reader(text_);
  (void)reader.next();  // the header
  const auto& m = *mapping_;
  const std::pair<const std::string*, const std::optional<size_t>*> times[] = {
      {&m.reported_at_column, &columns_.reported_at},
      {&m.closed_at_column, &columns_.closed_at},
      {&m.cancelled_at_column, &columns_.cancelled_at},
      {&m.due_at_column, &columns_.due_at}};
  while (true) {
    const auto record = reader.next();
    if (!record || !*record) return found.take();
    if (!check_form(**record)) continue;
    const auto& fields = (*record)->fields;
    const uint64_t line = (*record)->line;
    const auto status = value(fields, columns_.status);
    if (!m.status.contains(status)) {
      found.add(m.status_column, status, line, "add it to `status` with the state it means", true);
    }
    const auto channel = value(fields, columns_.channel);
    if (!channel.empty() && !m.channels.contains(channel)) {
      found.add(m.channel_column, channel, line,
                "add it to `channels` with a source class, or leave the source unstated", false);
    }
    const auto kind = value(fields, columns_.kind);
    if (!kind.empty() && !m.kinds.contains(kind)) {
      found.add(m.kind_column, kind, line, "add it to `kinds`: problem, complaint or request",
                false);
    }
    for (const auto& [name, column] : times) {
      const auto text = value(fields, *column);
      if (!text.empty() && !parse_time(text, m.date_formats)) {
        found.add(*name, text, line, "add its form to `date_formats`, or the text to `missing`",
                  true);
      }
    }
    v1::PlaceInput place;
    if (auto point = read_point(fields, place); !point) {
      const auto& column = m.point_column.empty() ? m.lat_column : m.point_column;
      const auto& at = m.point_column.empty() ? columns_.lat : columns_.point;
      found.add(column, value(fields, at), line,
                "add the text to `missing`, or say `projection: none`", true);
    }
  }
}

std::vector<std::string> CaseFile::unmapped_columns() const {
  CsvReader reader(text_);
  const auto header = reader.next();
  std::set<size_t> known = never_read_;
  for (const auto& column :
       {columns_.district, columns_.street, columns_.community, columns_.source_id,
        columns_.reported_at, columns_.closed_at, columns_.cancelled_at, columns_.due_at,
        columns_.service, columns_.unit, columns_.status, columns_.lat, columns_.lon,
        columns_.point, columns_.address, columns_.channel, columns_.kind,
        columns_.merged_into}) {
    if (column) known.insert(*column);
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < (*header)->fields.size(); ++i) {
    if (!known.contains(i)) names.push_back((*header)->fields[i]);
  }
  return names;
}

}  // namespace hansa::ops
