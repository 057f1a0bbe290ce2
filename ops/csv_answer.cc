#include "ops/csv_answer.h"

#include <google/protobuf/message.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "core/base/assert.h"
#include "ops/import/csv.h"
#include "ops/json.h"
#include "ops/json_fields.h"

namespace hansa::ops {
namespace {

namespace json = boost::json;
using google::protobuf::Message;

struct Column {
  std::string name;
  std::vector<std::string> path;
};

void add_columns(const JsonTable& table, v1::DataClass highest, std::vector<std::string> path,
                 std::vector<Column>& columns) {
  for (const auto& field : table.fields) {
    if (field.repeated || field.data_class > highest) continue;
    path.push_back(field.descriptor->name());
    if (field.kind == JsonKind::kMessage) {
      add_columns(*field.message, highest, path, columns);
    } else {
      Column column{"", path};
      for (const auto& part : path) column.name += (column.name.empty() ? "" : ".") + part;
      columns.push_back(std::move(column));
    }
    path.pop_back();
  }
}

std::string text_at(const json::value& item, const Column& column) {
  const json::value* at = &item;
  for (const auto& part : column.path) {
    at = at->is_object() ? at->get_object().if_contains(part) : nullptr;
    if (at == nullptr) return "";
  }
  return at->is_string() ? std::string(at->get_string()) : json::serialize(*at);
}

}  // namespace

std::string csv_of(const Message& answer, std::string_view items, v1::DataClass highest) {
  const auto* field = answer.GetDescriptor()->FindFieldByName(std::string(items));
  HANSA_ASSERT(field != nullptr && field->is_repeated(), "the schema names a list of the answer");
  std::vector<Column> columns;
  add_columns(json_table(field->message_type()), highest, {}, columns);
  std::string csv;
  for (const auto& column : columns) csv += (csv.empty() ? "" : ",") + column.name;
  csv += "\r\n";
  const auto* reflection = answer.GetReflection();
  for (int i = 0; i < reflection->FieldSize(answer, field); ++i) {
    std::string text;
    append_json(text, reflection->GetRepeatedMessage(answer, field, i), highest);
    const auto item = json::parse(text);
    std::string line;
    for (const auto& column : columns) {
      if (&column != &columns.front()) line += ',';
      line += csv_field(text_at(item, column));
    }
    csv += line + "\r\n";
  }
  return csv;
}

}  // namespace hansa::ops
