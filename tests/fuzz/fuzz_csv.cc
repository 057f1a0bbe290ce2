// Goal: a file of another system and its mapping are read as what they are or refused with a line.
// Method: the bytes as CSV, whose fields are written and read again; as a mapping; as times and
// points, each field by itself.
#include "ops/import/coordinates.h"
#include "ops/import/csv.h"
#include "ops/import/mapping.h"
#include "tests/fuzz/fuzz.h"

namespace hansa::ops {
namespace {

void read_field(const std::string& field) {
  const std::string line = csv_field(field) + ",end\n";
  CsvReader reader(line);
  const auto record = reader.next();
  must_hold(record && *record && (*record)->fields.size() == 2 && (*record)->fields[0] == field,
            "a field that is written is read");
  (void)parse_time(field, {"YYYY-MM-DD hh:mm:ss", "MM/DD/YYYY HH:mm:ss AM", "epoch_s",
                           "YYYY-MM-DDThh:mm:ss.fZ"});
  (void)check_date_format(field);
  (void)parse_point(field);
}

}  // namespace
}  // namespace hansa::ops

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  const auto text = text_of(data, size);
  ops::CsvReader reader(text);
  for (auto record = reader.next(); record && *record; record = reader.next()) {
    for (const auto& field : (*record)->fields) ops::read_field(field);
  }
  (void)ops::parse_csv_table(text, "units.csv");
  (void)ops::parse_mapping(std::string(text), "mapping.yaml");
  return 0;
}
