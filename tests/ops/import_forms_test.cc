// Goal: what other systems write is read as it was meant or refused, whatever form it has; a dry
// run and a draft say beforehand what an import will do. Method: forms at their edges, small files
// with one kind of dirt each, and, where the real files lie beside the repository, their known
// numbers.
#include <gtest/gtest.h>

#include <cstdlib>

#include "ops/files.h"
#include "ops/import/coordinates.h"
#include "ops/import/dry_run.h"
#include "ops/import/guess.h"
#include "ops/import/ndjson.h"
#include "ops/time_zone.h"

namespace hansa::ops {
namespace {

// ---- points

TEST(Coordinates, AreReadInEveryForm) {
  for (const char* text :
       {"(31.25, 121.5)", "31.25, 121.5", "31.25 121.5", " ( 31.25 , 121.5 ) ", "31,25; 121,5",
        "POINT (121.5 31.25)", "POINT(121.5 31.25)", "31°15'00\"N 121°30'00\"E",
        "121°30'00\"E, 31°15'00\"N", "31° 15' 0\" N 121° 30' 0\" E", "N31.25 E121.5",
        "31 15 0 121 30 0", "31:15:00N 121:30:00E", "31d15m0s N, 121d30m0s E",
        "Point (121.5 31.25)", "POINT Z (121.5 31.25 4.5)", "31º15′00″N 121º30′00″E"}) {
    const auto point = parse_point(text);
    ASSERT_TRUE(point.has_value()) << text;
    EXPECT_DOUBLE_EQ(point->latitude, 31.25) << text;
    EXPECT_DOUBLE_EQ(point->longitude, 121.5) << text;
  }
  EXPECT_DOUBLE_EQ(parse_point("33°30'S 70°30'W")->latitude, -33.5);
  EXPECT_DOUBLE_EQ(parse_point("33°30'S 70°30'W")->longitude, -70.5);
  EXPECT_DOUBLE_EQ(parse_point("51°30'0\", -0°30'0\"")->longitude, -0.5);
}

TEST(Coordinates, WhatIsNoPointIsRefusedAndNotGuessed) {
  for (const char* text : {"", "31.25", "31.25, 121.5, 7", "POINT (31.25)", "POINT 1 2",
                           "31°15'N 32°15'N", "31°75'N 121°30'E", "31.25N, 121.5", "north, east",
                           "31.25 near 121.5", "31°15' x 121°30'", "12 30 45 10",
                           "31 abc 15, 121 30",
                           "POINT (31 121 4)", "POINT Z (121 31)", "31--25, 121.5", "31°15°N 121°E",
                           "1e400, 2", "nan, 3x"}) {
    const auto point = parse_point(text);
    ASSERT_FALSE(point.has_value()) << text;
    EXPECT_EQ(point.error().code, Errc::kBadPoint);
  }
}

// ---- times

TEST(StatedTimes, AnOffsetInTheTextCountsInsteadOfTheZone) {
  const auto utc = parse_time("2018-01-01T08:00:00+08:00", {"YYYY-MM-DDTHH:mm:ssZ"});
  ASSERT_TRUE(utc.has_value());
  EXPECT_TRUE(utc->is_utc);
  EXPECT_EQ(utc->us, 1'514'764'800'000'000);
  for (const char* same : {"2018-01-01T00:00:00Z", "2017-12-31T19:00:00-0500",
                           "2018-01-01T08:00:00+08"}) {
    EXPECT_EQ(parse_time(same, {"YYYY-MM-DDTHH:mm:ssZ"})->us, utc->us) << same;
  }
  EXPECT_FALSE(parse_time("2018-01-01T00:00:00", {"YYYY-MM-DDTHH:mm:ssZ"}));
  EXPECT_FALSE(parse_time("2018-01-01T00:00:00+99:00", {"YYYY-MM-DDTHH:mm:ssZ"}));
}

TEST(StatedTimes, SecondsSince1970AreReadOnlyWhereTheMappingSaysSo) {
  EXPECT_EQ(parse_time("1514764800", {"epoch_s"})->us, 1'514'764'800'000'000);
  EXPECT_EQ(parse_time("1514764800.25", {"epoch_s"})->us, 1'514'764'800'250'000);
  EXPECT_EQ(parse_time("1514764800123", {"epoch_ms"})->us, 1'514'764'800'123'000);
  for (const char* text : {"", "-1", "1514764800x", "99999999999999999999", "1."}) {
    EXPECT_FALSE(parse_time(text, {"epoch_s"})) << text;
  }
  EXPECT_FALSE(parse_time("1514764800", {"YYYY-MM-DD"}));
}

TEST(StatedTimes, ClocksThatNeverChangeStayAtStandardTime) {
  const auto zone = TimeZone::open("America/Los_Angeles");
  const int64_t summer = parse_time("2018-07-01 12:00:00", {"YYYY-MM-DD HH:mm:ss"})->us;
  EXPECT_EQ(zone->standard_to_utc_us(summer) - *zone->to_utc_us(summer), 3'600'000'000);
  const int64_t skipped = parse_time("2018-03-11 02:30:00", {"YYYY-MM-DD HH:mm:ss"})->us;
  EXPECT_FALSE(zone->to_utc_us(skipped));
  EXPECT_EQ(zone->standard_to_utc_us(skipped), skipped + 8 * 3'600'000'000);
}

// ---- small files with dirt

constexpr const char* kMapping = R"(
city: test
time_zone: UTC
source: small
grid: {district: area}
columns: {source_id: id, reported_at: opened, closed_at: closed, service: type, status: status,
          point: at, kind: kind, channel: via, merged_into: parent}
date_formats: ["YYYY-MM-DD HH:mm"]
missing: [NA]
status: {open: reported, done: closed, dup: merged}
channels: {phone: hotline}
kinds: {c: complaint}
never_read: [note]
)";
const std::string kHeader = "id,opened,closed,type,status,at,kind,via,parent,note,area\n";

class SmallFile : public ::testing::Test {
 protected:
  Result<DryRun> run(const std::string& text) {
    text_ = text;
    mapping_ = *parse_mapping(kMapping, "m.yaml");
    auto file = CaseFile::open(text_, "small.csv", mapping_);
    if (!file) return fail(file.error());
    return dry_run(*file, {});
  }

  std::string text_;
  Mapping mapping_;
};

TEST_F(SmallFile, UnmatchedValuesComeFirstWithTheirLinesAndAdvice) {
  const auto run = this->run(kHeader +
                             "1,2024-01-01 08:00,,Kerb,open,,,phone,,,North\n"
                             "2,2024-01-01 08:00,,Kerb,opne,,,fax,,,North\n"
                             "3,01/02/2024,,Kerb,open,,,fax,,,North\n"
                             "4,2024-01-01 08:00,,Kerb,open,here,x,,,,North\n");
  ASSERT_TRUE(run.has_value()) << run.error().detail;
  std::map<std::string, const Unmatched*> found;
  for (const auto& row : run->unmatched) found[row.column + "=" + row.value] = &row;
  ASSERT_TRUE(found.contains("status=opne"));
  EXPECT_EQ(found["status=opne"]->first_line, 3u);
  EXPECT_TRUE(found["status=opne"]->refuses);
  EXPECT_EQ(found.at("via=fax")->rows, 2u);
  EXPECT_FALSE(found.at("via=fax")->refuses);
  EXPECT_TRUE(found.contains("opened=01/02/2024"));
  EXPECT_TRUE(found.contains("at=here"));
  EXPECT_TRUE(found.contains("kind=x"));
  EXPECT_TRUE(run->unmatched.front().refuses);
  EXPECT_EQ(run->summary.imported, 1u);
  EXPECT_EQ(run->summary.refused, 3u);
}

TEST_F(SmallFile, RefusesWhatTheCityWouldRefuseByItsOwnRules) {
  const auto run = this->run(kHeader +
                             "1,2024-01-02 08:00,2024-01-01 08:00,Kerb,done,,,,,,North\n"
                             "2,2024-01-02 08:00,,Kerb,dup,,,,9,,North\n"
                             "3,2024-01-02 08:00,,Kerb,open,\"95.0, 10.0\",,,,,North\n"
                             "4,2024-01-02 08:00,,Kerb,open,,c,,,,North\n"
                             "4,2024-01-02 08:00,,Kerb,open,,c,,,,North\n"
                             "4,2024-01-02 09:00,,Kerb,open,,c,,,,North\n"
                             "5,2024-01-02 08:00,,Kerb,dup,,,,4,,North\n");
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->summary.imported, 2u);
  EXPECT_EQ(run->summary.unchanged, 1u);
  std::vector<std::string> codes;
  for (const auto& row : run->summary.rejects) {
    codes.push_back(row.reason.substr(0, row.reason.find(':')));
  }
  EXPECT_EQ(codes, (std::vector<std::string>{"times_backwards", "unknown_case", "bad_point",
                                             "source_conflict"}));
}

TEST_F(SmallFile, ColumnsNeverReadDoNotReachTheRejects) {
  const auto run = this->run(kHeader + "1,yesterday,,Kerb,open,,,,,call Ann 555 0100,North\n");
  ASSERT_TRUE(run.has_value());
  ASSERT_EQ(run->summary.rejects.size(), 1u);
  EXPECT_EQ(run->summary.rejects[0].row, "1,yesterday,,Kerb,open,,,,,,North");
  const auto ragged = this->run(kHeader + "1,call Ann 555 0100\n");
  ASSERT_EQ(ragged->summary.rejects.size(), 1u);
  EXPECT_EQ(ragged->summary.rejects[0].row.find("Ann"), std::string::npos);
}

TEST_F(SmallFile, TextThatIsNoTextIsRefusedRowByRow) {
  const auto run = this->run(kHeader +
                             "1,2024-01-01 08:00,,K\xff\xfe,open,,,,,,North\n"
                             "2,2024-01-01 08:00,,Kerb" + std::string(1, '\0') +
                             ",open,,,,,,North\n"
                             "3,2024-01-01 08:00,,Kerb\n"
                             "4,2024-01-01 08:00,,\"Loose\r\nkerb\",open,,,,,,North\r\n");
  ASSERT_TRUE(run.has_value()) << run.error().detail;
  EXPECT_EQ(run->summary.imported, 1u);
  EXPECT_EQ(run->summary.refused, 3u);
}

TEST_F(SmallFile, AFileThatIsNoneSaysWhatIsWrong) {
  EXPECT_EQ(run("").error().code, Errc::kBadFile);
  EXPECT_EQ(run(kHeader)->summary.rows, 0u);
  EXPECT_EQ(run("\xEF\xBB\xBF" + kHeader)->summary.rows, 0u);
  EXPECT_NE(run("id," + kHeader).error().detail.find("once"), std::string::npos);
  EXPECT_EQ(run("nothing,of,this\n").error().code, Errc::kBadConfig);
  EXPECT_EQ(run(kHeader + "1,\"never ends").error().code, Errc::kBadFile);
  const auto wide = run(kHeader + "1,2024-01-01 08:00,," + std::string(1'000'000, 'x') +
                        ",open,,,,,,North\n");
  ASSERT_TRUE(wide.has_value()) << wide.error().detail;
  EXPECT_EQ(wide->summary.rows, 1u);
}

// ---- drafts

TEST(Guess, DraftsAMappingThatReadsAsItStands) {
  std::string text = "case_id,created,closed,request_type,status,lat,lon,caller_phone,borough\n";
  for (int i = 0; i < 40; ++i) {
    text += std::to_string(1'000 + i) + ",2024-01-" + (i % 28 < 9 ? "0" : "") +
            std::to_string(i % 28 + 1) + " 08:00:00," +
            (i % 2 == 0 ? "NA" : "2024-03-01 09:00:00") + "," +
            (i % 3 == 0 ? "Kerb" : "Lamp") + "," + (i % 2 == 0 ? "Open" : "Closed") +
            ",31.2,121.5,555010" + std::to_string(i % 10) + "," + (i % 4 == 0 ? "East" : "West") +
            "\n";
  }
  const auto draft = guess_mapping(text, "city.csv");
  ASSERT_TRUE(draft.has_value()) << draft.error().detail;
  const auto mapping = parse_mapping(*draft, "draft.yaml");
  ASSERT_TRUE(mapping.has_value()) << mapping.error().detail << "\n" << *draft;
  EXPECT_EQ(mapping->source_id_column, "case_id");
  EXPECT_EQ(mapping->reported_at_column, "created");
  EXPECT_EQ(mapping->closed_at_column, "closed");
  EXPECT_EQ(mapping->district_column, "borough");
  EXPECT_EQ(mapping->never_read, std::vector<std::string>{"caller_phone"});
  EXPECT_EQ(mapping->missing, std::vector<std::string>{"NA"});
  EXPECT_EQ(mapping->status.at("Closed"), v1::State::closed);
  auto file = CaseFile::open(text, "city.csv", *mapping);
  const auto run = dry_run(*file, {});
  ASSERT_TRUE(run.has_value()) << run.error().detail;
  EXPECT_EQ(run->summary.imported, 40u);
}

TEST(Guess, SaysThatDayAndMonthCanBeReadBothWaysAndWhatItCannotFind) {
  std::string text = "id,created,type,status\n";
  for (int i = 0; i < 12; ++i) {
    text += std::to_string(i) + ",0" + std::to_string(i % 9 + 1) + "/0" +
            std::to_string((i + 3) % 9 + 1) + "/2024," + (i % 2 == 0 ? "a" : "b") + "," +
            (i % 3 == 0 ? "Open" : "Closed") + "\n";
  }
  const auto draft = guess_mapping(text, "x.csv");
  ASSERT_TRUE(draft.has_value()) << draft.error().detail;
  EXPECT_NE(draft->find("day and month can be read both ways"), std::string::npos) << *draft;
  const auto none = guess_mapping("a,b\n1,2\n", "x.csv");
  ASSERT_FALSE(none.has_value());
  EXPECT_NE(none.error().detail.find("a time of report"), std::string::npos);
  EXPECT_EQ(guess_mapping("", "x.csv").error().code, Errc::kBadFile);
  EXPECT_EQ(guess_mapping("a,b\n", "x.csv").error().code, Errc::kBadFile);
}

TEST(Ndjson, BecomesTheCsvOfTheSameRows) {
  const auto table = ndjson_to_csv("{\"id\":\"a,b\",\"n\":1}\n\n{\"n\":null,\"more\":true}\n");
  EXPECT_EQ(table->csv, "id,n,more\n\"a,b\",1,\n,,true\n");
  EXPECT_EQ(table->lines, (std::vector<uint64_t>{1, 3}));
  for (const char* text : {"[1]\n", "{\"a\":{}}\n", "{\"a\":1\n", "{}{}\n"}) {
    EXPECT_EQ(ndjson_to_csv(text).error().code, Errc::kBadFile) << text;
  }
}

#ifdef HANSA_REAL_DATA
std::string source(const std::string& path) {
  const char* root = std::getenv("HANSA_SOURCE");
  return (root == nullptr ? std::string(".") : std::string(root)) + "/" + path;
}

DryRun run_real(const std::string& file, const Mapping& mapping) {
  const auto text = read_file(std::string(HANSA_REAL_DATA) + "/" + file);
  EXPECT_TRUE(text.has_value()) << "the file that was there when this was configured is gone";
  auto opened = CaseFile::open(*text, file, mapping);
  EXPECT_TRUE(opened.has_value()) << opened.error().detail;
  auto run = dry_run(*opened, {});
  EXPECT_TRUE(run.has_value()) << run.error().detail;
  return *std::move(run);
}

TEST(RealFiles, ADryRunForetellsTheKnownNumbers) {
  const auto angeles = run_real("la311-2017.csv",
                                *read_mapping(source("examples/mappings/la311-2017.yaml")));
  EXPECT_EQ(angeles.summary.json(),
            "{\"rows\":9999,\"imported\":9987,\"unchanged\":0,\"refused\":12,\"by_state\":{"
            "\"closed\":9727,\"open\":5,\"referred_out\":9,\"withdrawn\":246}}");
  const auto louis = run_real("stlouis-2018-01.csv",
                              *read_mapping(source("examples/mappings/stlouis-2018-01.yaml")));
  EXPECT_EQ(louis.summary.rows, 1'554u);
  EXPECT_EQ(louis.summary.imported, 1'532u);
  EXPECT_EQ(louis.summary.unchanged, 12u);
  EXPECT_EQ(louis.summary.refused, 10u);
  for (const auto& row : louis.unmatched) EXPECT_FALSE(row.refuses) << row.value;
}

TEST(RealFiles, DraftsAreAcceptedAsTheyStand) {
  for (const auto& [file, imported] : {std::pair<std::string, uint64_t>{"la311-2017.csv", 9'987},
                                       {"stlouis-2018-01.csv", 1'532}}) {
    const auto text = read_file(std::string(HANSA_REAL_DATA) + "/" + file);
    const auto draft = guess_mapping(*text, file);
    ASSERT_TRUE(draft.has_value()) << draft.error().detail;
    const auto mapping = parse_mapping(*draft, "draft.yaml");
    ASSERT_TRUE(mapping.has_value()) << mapping.error().detail;
    EXPECT_EQ(run_real(file, *mapping).summary.imported, imported);
  }
}
#endif

}  // namespace
}  // namespace hansa::ops
