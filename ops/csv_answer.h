// CSV answer: the items of a list as lines of a table, for spreadsheets.
//
// Shape:   one header line, then one line an item (RFC 4180, CR LF). A column is a field of the
//          item in the order of the schema; the fields of a message in it are columns of their own,
//          `value.num`. What is not set is an empty field; times are RFC 3339, enum values names.
// Errors:  none; lists inside an item are left out.
// Threads: pure.
#pragma once

#include <string>
#include <string_view>

#include "hansa/v1/options.pb.h"

namespace google::protobuf {
class Message;
}

namespace hansa::ops {

// `items` names the repeated field of `answer`; fields above the class `highest` are no columns.
std::string csv_of(const google::protobuf::Message& answer, std::string_view items,
                   v1::DataClass highest);

}  // namespace hansa::ops
