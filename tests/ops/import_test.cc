// Goal: rows of other systems become exactly what they state, or are refused with a reason. Method:
// dates, slugs and time zones at their edges; a mapping with one mistake at a time; the fixture
// cases.csv, whose outcomes are written beside each row; and, where the real file of Los Angeles is
// present, its known numbers.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <semaphore>
#include <set>
#include <utility>

#include "core/base/durations.h"
#include "core/base/ids.h"
#include "ops/files.h"
#include "ops/import/case_file.h"
#include "ops/import/importer.h"

namespace hansa::ops {
namespace {

std::string source(const std::string& path) {
  const char* root = std::getenv("HANSA_SOURCE");
  return (root == nullptr ? std::string(".") : std::string(root)) + "/" + path;
}

TEST(LocalTime, ReadsTheFormatsOfKnownFiles) {
  const auto at = [](const char* text, const char* format) {
    const auto stated = parse_time(text, {format});
    return stated ? std::optional<int64_t>(stated->us) : std::nullopt;
  };
  EXPECT_EQ(*at("12/31/2017 11:59:58 PM", "MM/DD/YYYY hh:mm:ss AM"), 1'514'764'798 * kSecondUs);
  EXPECT_EQ(*at("12/31/2017 12:00:00 AM", "MM/DD/YYYY hh:mm:ss AM"), 1'514'678'400 * kSecondUs);
  EXPECT_EQ(*at("12/31/2017 12:00:00 PM", "MM/DD/YYYY hh:mm:ss AM"), 1'514'721'600 * kSecondUs);
  EXPECT_EQ(*at("2018-01-01 00:48:30.5", "YYYY-MM-DD HH:mm:ss.f"),
            1'514'767'710 * kSecondUs + 500'000);
  EXPECT_FALSE(at("2018-02-29 00:00:00", "YYYY-MM-DD HH:mm:ss"));
  EXPECT_FALSE(at("2018-02-28 24:00:00", "YYYY-MM-DD HH:mm:ss"));
  EXPECT_FALSE(at("2018-02-28 00:00:00 ", "YYYY-MM-DD HH:mm:ss"));
  EXPECT_FALSE(at("01/01/2018 13:00:00 PM", "MM/DD/YYYY hh:mm:ss AM"));
}

TEST(TimeZone, SkippedTimesAreRefusedAndDoubledOnesAreTheFirst) {
  const auto zone = TimeZone::open("America/Los_Angeles");
  ASSERT_TRUE(zone);
  const auto utc = [&](const char* local) {
    return zone->to_utc_us(parse_time(local, {"YYYY-MM-DD HH:mm:ss"})->us);
  };
  EXPECT_EQ(*utc("2018-03-11 01:59:59"), 1'520'762'399 * kSecondUs);
  EXPECT_FALSE(utc("2018-03-11 02:30:00"));
  EXPECT_EQ(*utc("2018-03-11 03:00:00"), 1'520'762'400 * kSecondUs);
  // 01:30 stands twice on this day; the first is still summer time, UTC-7.
  EXPECT_EQ(*utc("2018-11-04 01:30:00"), 1'541'320'200 * kSecondUs);
  EXPECT_EQ(zone->to_local_us(*utc("2018-11-04 01:30:00")),
            parse_time("2018-11-04 01:30:00", {"YYYY-MM-DD HH:mm:ss"})->us);
}

TEST(TimeZone, OffsetsCoverTheYears2000To2040) {
  const auto shanghai = TimeZone::open("Asia/Shanghai")->offsets();
  ASSERT_EQ(shanghai.size(), 1u);
  EXPECT_EQ(shanghai[0].offset_s(), 8 * 3'600);
  EXPECT_EQ(shanghai[0].utc_time_s(), 946'684'800);
  const auto angeles = TimeZone::open("America/Los_Angeles")->offsets();
  EXPECT_EQ(angeles.size(), 1u + 2 * 41);
  for (size_t i = 1; i < angeles.size(); ++i) {
    EXPECT_GT(angeles[i].utc_time_s(), angeles[i - 1].utc_time_s());
  }
  // 2040-11-04 09:00 UTC, the first Sunday of November, back to standard time.
  EXPECT_EQ(angeles.back().utc_time_s(), 2'235'632'400);
  EXPECT_EQ(angeles.back().offset_s(), -8 * 3'600);
}

TEST(TimeZone, GuessesTheZoneThatWasMeant) {
  const auto zone = TimeZone::open("Asia/Shangai");
  ASSERT_FALSE(zone);
  EXPECT_NE(zone.error().detail.find("did you mean `Asia/Shanghai`?"), std::string::npos);
}

TEST(Slugs, AreMadeFromNames) {
  EXPECT_EQ(slug_of("Metal/Household Appliances"), "metal-household-appliances");
  EXPECT_EQ(slug_of("  REFUSE, "), "refuse");
  EXPECT_EQ(slug_of("NEGB_ELA"), "negb-ela");
  for (const char* name : {"UNITED NEIGHBORHOODS OF THE HISTORIC ARLINGTON HEIGHTS", "朝阳", "--"}) {
    EXPECT_TRUE(is_slug(slug_of(name))) << name << " -> " << slug_of(name);
  }
  EXPECT_NE(slug_of("朝阳"), slug_of("海淀"));
}

TEST(Slugs, OfNamesThatCollideAreToldApartWhateverTheOrder) {
  Slugs one;
  Slugs other;
  for (const char* name : {"Street Light", "street-light", "STREET LIGHT"}) one.add(name);
  for (const char* name : {"street-light", "STREET LIGHT", "Street Light"}) other.add(name);
  EXPECT_EQ(one.all(), other.all());
  EXPECT_EQ(one.all().size(), 3u);
  EXPECT_EQ(one.find("STREET LIGHT"), "street-light");
  EXPECT_TRUE(is_slug(one.find("Street Light")));
}

const std::string kMapping = R"(city: fixture
time_zone: America/Los_Angeles
source: fixture
grid: {district: area, street: road}
columns:
  source_id: id
  reported_at: opened
  closed_at: closed
  service: type
  unit: dept
  status: status
  point: where
date_formats: ["YYYY-MM-DD HH:mm:ss"]
missing: [NA]
status: {Done: closed, Open: reported, Gone: withdrawn}
never_read: [name]
)";

TEST(Mapping, MistakesNameLineAndNearestName) {
  const auto message = [](const std::string& what, const std::string& by) {
    auto text = kMapping;
    text.replace(text.find(what), what.size(), by);
    const auto mapping = parse_mapping(text, "m.yaml");
    return mapping ? std::string("no error") : mapping.error().detail;
  };
  EXPECT_EQ(message("NA", "NA"), "no error");
  EXPECT_NE(message("Done: closed", "Done: closd").find("m.yaml:15: status"), std::string::npos);
  EXPECT_NE(message("Done: closed", "Done: closd").find("`closed`?"), std::string::npos);
  EXPECT_NE(message("reported_at:", "reportd_at:").find("`reported_at`?"), std::string::npos);
  EXPECT_NE(message("America/Los_Angeles", "America/Los_Angles").find(":2:"), std::string::npos);
  EXPECT_NE(message("[name]", "[name, dept]").find("`dept`"), std::string::npos);
  EXPECT_NE(message("YYYY-MM-DD", "YYYY-MM").find("lacks DD"), std::string::npos);
}

TEST(CaseFile, RefusesAColumnThatTheFileLacks) {
  const auto mapping = parse_mapping(kMapping, "m.yaml");
  const auto file = CaseFile::open("id,opened,closed,type,dpt,status,where,area,road,name\n",
                                   "f.csv", *mapping);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Errc::kBadConfig);
  EXPECT_NE(file.error().detail.find("`dept`; did you mean `dpt`?"), std::string::npos);
}

// Reads a whole file and counts states and reasons.
std::map<std::string, int> outcomes(CaseFile& file) {
  std::map<std::string, int> counts;
  while (true) {
    auto row = file.next();
    EXPECT_TRUE(row);
    if (!row || !*row) return counts;
    const auto& command = (*row)->command;
    if (!command) {
      ++counts[std::string(error_info(command.error().code).name)];
    } else {
      const bool back = command->closed_time_us() != 0 &&
                        command->closed_time_us() < command->reported_time_us();
      ++counts[v1::State::Value_Name(command->state()) + (back ? " backwards" : "")];
    }
  }
}

TEST(CaseFile, FixtureRowsBecomeWhatTheyState) {
  const auto mapping = parse_mapping(kMapping, "m.yaml");
  ASSERT_TRUE(mapping) << mapping.error().detail;
  const auto text = read_file(source("tests/ops/data/cases.csv"));
  ASSERT_TRUE(text) << text.error().detail;
  auto file = CaseFile::open(*text, "cases.csv", *mapping);
  ASSERT_TRUE(file) << file.error().detail;
  EXPECT_EQ(outcomes(*file), (std::map<std::string, int>{{"closed", 2},
                                                         {"closed backwards", 1},
                                                         {"reported", 2},
                                                         {"withdrawn", 1},
                                                         {"bad_request", 4},
                                                         {"bad_point", 1}}));
  EXPECT_EQ(file->rows(), 11u);
}

TEST(CaseFile, PersonalColumnsThatAreNeverReadReachNoCommand) {
  const auto mapping = parse_mapping(kMapping, "m.yaml");
  const auto text = read_file(source("tests/ops/data/cases.csv"));
  auto file = CaseFile::open(*text, "cases.csv", *mapping);
  while (true) {
    auto row = file->next();
    if (!*row) break;
    if (!(*row)->command) continue;
    EXPECT_EQ((*row)->command->ShortDebugString().find("Mrs Example"), std::string::npos);
  }
  for (const auto& command : file->founding(false)) {
    EXPECT_EQ(command->ShortDebugString().find("Mrs Example"), std::string::npos);
  }
}

// A sink that refuses what runs backwards, as the city does.
class CountingSink final : public ImportSink {
 public:
  Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) override {
    std::vector<RowOutcome> outcomes;
    for (const auto& row : rows) {
      RowOutcome outcome;
      outcome.unchanged = !seen_.insert(row.SerializeAsString()).second;
      if (row.closed_time_us() != 0 && row.closed_time_us() < row.reported_time_us()) {
        outcome.refused = Error{Errc::kTimesBackwards, "closed before it was reported"};
      }
      outcomes.push_back(outcome);
    }
    return outcomes;
  }

 private:
  std::set<std::string> seen_;
};

TEST(Importer, CountsAndRejectsAndChangesNothingTheSecondTime) {
  const auto mapping = parse_mapping(kMapping, "m.yaml");
  const auto text = read_file(source("tests/ops/data/cases.csv"));
  CountingSink sink;
  auto first = CaseFile::open(*text, "cases.csv", *mapping);
  const auto summary = import_file(*first, {&sink}, {});
  EXPECT_FALSE(summary.stopped);
  EXPECT_EQ(summary.json(),
            "{\"rows\":11,\"imported\":5,\"unchanged\":0,\"refused\":6,\"by_state\":{"
            "\"closed\":2,\"open\":2,\"withdrawn\":1}}");
  ASSERT_EQ(summary.rejects.size(), 6u);
  EXPECT_EQ(summary.rejects[0].line, 4u);
  EXPECT_EQ(summary.rejects[0].reason, "times_backwards: closed before it was reported");
  auto second = CaseFile::open(*text, "cases.csv", *mapping);
  const auto again = import_file(*second, {&sink}, {});
  EXPECT_EQ(again.imported, 0u);
  EXPECT_EQ(again.unchanged, 5u);
  EXPECT_EQ(again.refused, 6u);
}

TEST(Importer, AnErrorOfTheSinkEndsTheImport) {
  class Broken final : public ImportSink {
    Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>&) override {
      return fail(Errc::kUnavailable, "gone");
    }
  } sink;
  const auto mapping = parse_mapping(kMapping, "m.yaml");
  const auto text = read_file(source("tests/ops/data/cases.csv"));
  auto file = CaseFile::open(*text, "cases.csv", *mapping);
  const auto summary = import_file(*file, {&sink}, {});
  ASSERT_TRUE(summary.stopped);
  EXPECT_EQ(summary.stopped->code, Errc::kUnavailable);
  // The file's own refusals are known all the same, and written down.
  EXPECT_EQ(summary.imported + summary.unchanged, 0u);
  EXPECT_EQ(summary.rows, summary.refused);
}

// Many rows of few ids; the time of report says which row it is.
class RowsThatRepeat : public ::testing::Test {
 protected:
  RowsThatRepeat() {
    text_ = "id,opened,closed,type,dept,status,where,area,road,name\n";
    for (int row = 0; row < kRows; ++row) {
      char time[16];
      std::snprintf(time, sizeof(time), "%02d:%02d:%02d", row / 3'600, row / 60 % 60, row % 60);
      text_ += "r" + std::to_string(row % kIds) + ",2024-01-01 " + time + ",,Kerb,D,Open,,A,B,\n";
    }
  }

  static constexpr int kIds = 700;
  static constexpr int kRows = 20'000;
  std::string text_;
};

// Remembers the rows in the order in which they came.
class Witness final : public ImportSink {
 public:
  explicit Witness(std::binary_semaphore* hold = nullptr) : hold_(hold) {}
  Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) override {
    if (hold_ != nullptr) std::exchange(hold_, nullptr)->acquire();
    for (const auto& row : rows) seen_.emplace_back(row.source_id(), row.reported_time_us());
    return std::vector<RowOutcome>(rows.size());
  }
  const std::vector<std::pair<std::string, int64_t>>& seen() const { return seen_; }

 private:
  std::binary_semaphore* hold_;
  std::vector<std::pair<std::string, int64_t>> seen_;
};

TEST_F(RowsThatRepeat, AreNeverInARaceForWhichIsFirst) {
  const auto mapping = parse_mapping(kMapping, "m.yaml");
  auto file = CaseFile::open(text_, "repeats.csv", *mapping);
  ASSERT_TRUE(file) << file.error().detail;
  // The first sink does not answer before the second one has got all that it may.
  std::binary_semaphore hold(0);
  Witness slow(&hold);
  Witness fast;
  std::vector<ImportSink*> sinks = {&slow, &fast};
  const auto summary = import_file(*file, sinks, [&, once = false](const ImportSummary&) mutable {
    if (!std::exchange(once, true)) hold.release();
    return true;
  });
  EXPECT_EQ(summary.imported, static_cast<uint64_t>(kRows));
  std::set<std::string> ids;
  for (const auto* sink : {&slow, &fast}) {
    std::set<std::string> own;
    std::map<std::string, int64_t> last;
    for (const auto& [id, time_us] : sink->seen()) {
      EXPECT_LT(std::exchange(last[id], time_us), time_us) << id;
      own.insert(id);
    }
    for (const auto& id : own) EXPECT_TRUE(ids.insert(id).second) << id << " went over both";
  }
  EXPECT_EQ(ids.size(), static_cast<size_t>(kIds));
}

#ifdef HANSA_REAL_REPORTS
TEST(CaseFile, LosAngeles2017GivesItsKnownNumbers) {
  const auto mapping = read_mapping(source("examples/mappings/la311-2017.yaml"));
  ASSERT_TRUE(mapping) << mapping.error().detail;
  const auto text = read_file(HANSA_REAL_REPORTS);
  ASSERT_TRUE(text) << "the file that was there when this was configured is gone: "
                    << text.error().detail;
  auto file = CaseFile::open(*text, "la311-2017.csv", *mapping);
  ASSERT_TRUE(file) << file.error().detail;
  EXPECT_EQ(outcomes(*file), (std::map<std::string, int>{{"closed", 9'727},
                                                         {"closed backwards", 12},
                                                         {"withdrawn", 246},
                                                         {"referred_out", 9},
                                                         {"reported", 5}}));
}
#endif

}  // namespace
}  // namespace hansa::ops
