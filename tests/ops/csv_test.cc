// Goal: what stands in a CSV is read as its writer meant it. Method: fixed cases for each rule of
// RFC 4180, and a property: any fields written by csv_field come back unchanged, with either line
// end and with a byte order mark.
#include "ops/import/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace hansa::ops {
namespace {

using Records = std::vector<std::vector<std::string>>;

Records read_all(std::string_view text) {
  Records records;
  CsvReader reader(text);
  while (true) {
    auto record = reader.next();
    EXPECT_TRUE(record) << record.error().detail;
    if (!record || !*record) return records;
    records.push_back((*record)->fields);
  }
}

TEST(Csv, ReadsQuotesCommasAndLineBreaksInFields) {
  EXPECT_EQ(read_all("a,\"b,c\",\"d\"\"e\"\n\"f\ng\",,h"),
            (Records{{"a", "b,c", "d\"e"}, {"f\ng", "", "h"}}));
}

TEST(Csv, ReadsCrLfByteOrderMarkAndEmptyLines) {
  EXPECT_EQ(read_all("\xEF\xBB\xBFx,y\r\n\r\n\"1\",2\r\n"), (Records{{"x", "y"}, {"1", "2"}}));
}

TEST(Csv, LinesAreThoseOfTheFile) {
  CsvReader reader("a\n\"b\nc\"\nd\n");
  std::vector<uint64_t> lines;
  std::vector<std::string> texts;
  while (true) {
    const auto record = reader.next();
    if (!record || !record->has_value()) break;
    lines.push_back((*record)->line);
    texts.emplace_back((*record)->text);
  }
  EXPECT_EQ(lines, (std::vector<uint64_t>{1, 2, 4}));
  EXPECT_EQ(texts, (std::vector<std::string>{"a", "\"b\nc\"", "d"}));
}

TEST(Csv, RefusesUnclosedQuoteAndTextBehindOne) {
  CsvReader unclosed("a,\"b\n");
  ASSERT_FALSE(unclosed.next());
  CsvReader behind("\"a\"b,c\n");
  const auto record = behind.next();
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().detail.find("line 1"), std::string::npos);
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  EXPECT_TRUE(rc::check("any fields come back", [] {
    const auto texts = rc::gen::container<std::vector<std::string>>(
        rc::gen::container<std::string>(rc::gen::element('a', ',', '"', '\n', '\r', ' ', '\xE5')));
    const auto rows = *rc::gen::nonEmpty(rc::gen::container<Records>(rc::gen::nonEmpty(texts)));
    for (const std::string end : {"\n", "\r\n"}) {
      std::string file = *rc::gen::element<std::string>("", "\xEF\xBB\xBF");
      for (const auto& row : rows) {
        for (size_t i = 0; i < row.size(); ++i) file += (i == 0 ? "" : ",") + csv_field(row[i]);
        // A lone empty field would be an empty line, which stands for nothing.
        if (row.size() == 1 && row[0].empty()) file += "\"\"";
        file += end;
      }
      RC_ASSERT(read_all(file) == rows);
    }
  }));
}

TEST(Csv, AByteOrderMarkAtTheBeginningOfTheFirstFieldIsReadBack) {
  const std::string field = "\xEF\xBB\xBFid";
  EXPECT_EQ(read_all(csv_field(field) + ",end\n"), (Records{{field, "end"}}));
}

TEST(CsvTable, RefusesRowsOfAnotherWidth) {
  const auto table = parse_csv_table("a,b\n1,2\n3\n", "t.csv");
  ASSERT_FALSE(table);
  EXPECT_NE(table.error().detail.find("t.csv:3: expected 2 fields, got 1"), std::string::npos);
}

}  // namespace
}  // namespace hansa::ops
