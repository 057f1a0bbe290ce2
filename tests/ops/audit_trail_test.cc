// Goal: what callers told a node stands in its audit trail once each, in one chain, whatever
// becomes of the process and its disk. Method: trails in a scratch folder under a clock of the
// test's own, torn, changed and cut short by hand; then a whole node and its API.
#include "ops/access/audit_trail.h"

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <map>

#include "core/base/durations.h"
#include "ops/files.h"
#include "tests/ops/http_helpers.h"
#include "tests/projections/file_size_limit.h"
#include "tests/streams/log_helpers.h"

namespace hansa::ops {
namespace {

using testing::ApiServer;
using testing::kAdmin;
using testing::kOther;
using testing::kStaff;

constexpr int64_t kStartUs = 1'750'000'000'000'000;
const LedgerId kWuxi{"city", "wuxi"};
const std::string kCases = "/v1/cities/example/cases";
const std::string kRecords = "/v1/cities/example/audit-records";

class SetClock : public SystemEnv {
 public:
  int64_t now_us() override { return now; }
  int64_t now = kStartUs;
};

v1::AuditRecord record_of(const std::string& subject, const LedgerId& ledger = kWuxi) {
  v1::AuditRecord record;
  record.set_ledger(ledger.text());
  record.set_method("ReportCase");
  record.set_outcome("ok");
  record.set_subject(subject);
  return record;
}

class AuditTrailTest : public ::testing::Test {
 protected:
  std::unique_ptr<AuditTrail> open(uint32_t days = 400) {
    auto trail = AuditTrail::open(folder_.path(), days, clock_);
    EXPECT_TRUE(trail) << trail.error().detail;
    return *std::move(trail);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  size_t bytes_of_all() const {
    size_t bytes = 0;
    for (const auto& name : files()) {
      bytes += std::filesystem::file_size(folder_.path() + "/" + name);
    }
    return bytes;
  }
  std::string only_file() const { return folder_.path() + "/" + files().front(); }
  static std::vector<std::string> subjects(const v1::AuditRecordsAnswer& answer) {
    std::vector<std::string> found;
    for (const auto& record : answer.records()) found.push_back(record.subject());
    return found;
  }

  streams::TempFolder folder_;
  SetClock clock_;
};

TEST_F(AuditTrailTest, GoesOnWhereItEnded) {
  open()->add(record_of("a"));
  auto trail = open();
  trail->add(record_of("b"));
  const auto check = check_trail(folder_.path());
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->records, 2u);
  EXPECT_EQ(check->last, 2u);
  EXPECT_EQ(subjects(*trail->list(kWuxi, 0, "")), (std::vector<std::string>{"a", "b"}));
}

TEST_F(AuditTrailTest, ALineThatWasTornByAKillIsCutOff) {
  open()->add(record_of("a"));
  auto bytes = *read_file(only_file());
  ASSERT_TRUE(write_file(only_file(), bytes + bytes.substr(0, 40)));
  open()->add(record_of("b"));
  const auto check = check_trail(folder_.path());
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->records, 2u);
}

TEST_F(AuditTrailTest, AFileThatWasBegunAndNotWrittenIsNoEnd) {
  open()->add(record_of("a"));
  ASSERT_TRUE(write_file(folder_.path() + "/000000000002.jsonl", ""));
  open()->add(record_of("b"));
  EXPECT_EQ(check_trail(folder_.path())->records, 2u);
}

TEST_F(AuditTrailTest, WhateverIsChangedIsFound) {
  {
    auto trail = open();
    for (const auto* subject : {"a", "b", "c"}) trail->add(record_of(subject));
  }
  const auto bytes = *read_file(only_file());
  const auto last_line = bytes.rfind('\n', bytes.size() - 2) + 1;
  const auto head = check_trail(folder_.path())->last_sha256;
  for (size_t at = 0; at < bytes.size(); at += 7) {
    auto changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ASSERT_TRUE(write_file(only_file(), changed));
    const auto check = check_trail(folder_.path());
    // Nothing follows the last line: whoever kept its hash finds it.
    if (at >= last_line && check) {
      EXPECT_NE(check->last_sha256, head) << at;
    } else {
      ASSERT_FALSE(check) << at;
      EXPECT_EQ(check.error().code, Errc::kChainBroken);
    }
  }
}

TEST_F(AuditTrailTest, ADayIsAFileAndOldOnesGoTogether) {
  auto trail = open(2);
  for (int day = 0; day < 5; ++day) {
    trail->add(record_of("day " + std::to_string(day)));
    clock_.now += kDayUs;
  }
  EXPECT_EQ(files(), (std::vector<std::string>{"000000000002.jsonl", "000000000003.jsonl",
                                               "000000000004.jsonl", "000000000005.jsonl"}));
  const auto check = check_trail(folder_.path());
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->first, 2u);
  EXPECT_EQ(check->last, 5u);
}

TEST_F(AuditTrailTest, AListHasPagesAndOneLedger) {
  auto trail = open();
  for (int i = 0; i < 5; ++i) {
    trail->add(record_of(std::to_string(i)));
    trail->add(record_of("other", {"city", "other"}));
    clock_.now += kDayUs / 2;
  }
  std::vector<std::string> all;
  std::string token;
  do {
    const auto page = trail->list(kWuxi, 2, token);
    ASSERT_TRUE(page) << page.error().detail;
    for (auto& subject : subjects(*page)) all.push_back(subject);
    token = page->next_page_token();
  } while (!token.empty());
  EXPECT_EQ(all, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  for (const auto* none : {"x", "1", "1.", ".1", "1.x", "1.2.3", "99999999999999999999.0"}) {
    const auto page = trail->list(kWuxi, 2, none);
    ASSERT_FALSE(page) << none;
    EXPECT_EQ(page.error().code, Errc::kBadRequest);
  }
  EXPECT_EQ(trail->list(kWuxi, 2, "1.99999")->records_size(), 2) << "behind the end of a file";
  EXPECT_EQ(trail->list(kWuxi, 1'001, "").error().code, Errc::kBadRequest);
}

TEST_F(AuditTrailTest, APageIsLookedForInAPartOfTheTrail) {
  auto trail = open();
  const auto record = record_of(std::string(1'000, 'x'), {"city", "other"});
  for (size_t i = 0; i < 2 * kTrailListBytesMax / 1'000; ++i) trail->add(record);
  trail->add(record_of("a"));
  clock_.now += kDayUs;
  trail->add(record_of("b"));
  std::vector<std::string> all;
  std::string token;
  size_t pages = 0;
  do {
    const auto page = trail->list(kWuxi, 50, token);
    ASSERT_TRUE(page) << page.error().detail;
    for (auto& subject : subjects(*page)) all.push_back(subject);
    token = page->next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(all, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(pages, 1 + bytes_of_all() / kTrailListBytesMax);
}

TEST_F(AuditTrailTest, AListGoesOnWhereItsFileWasDeleted) {
  auto trail = open(2);
  trail->add(record_of("a"));
  trail->add(record_of("b"));
  const auto token = trail->list(kWuxi, 1, "")->next_page_token();
  for (int day = 0; day < 4; ++day) {
    clock_.now += kDayUs;
    trail->add(record_of(std::to_string(day)));
  }
  EXPECT_EQ(subjects(*trail->list(kWuxi, 9, token)).front(), "0");
}

TEST_F(AuditTrailTest, AFullDiskRefusesCommandsAndLosesNoRecord) {
  auto trail = open();
  trail->add(record_of("a"));
  {
    const projections::testing::FileSizeLimit full(std::filesystem::file_size(only_file()) + 10);
    trail->add(record_of("b"));
    trail->add(record_of("c"));
    const auto ready = trail->ready();
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, Errc::kUnavailable);
    EXPECT_TRUE(trail->health().is_failing);
  }
  while (!trail->ready()) std::this_thread::yield();
  const auto check = check_trail(folder_.path());
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->records, 3u);
}

TEST(AuditOfANode, CountsEachCommandOnceHoweverItEnded) {
  ApiServer api;
  const auto records = [&] {
    const auto answer = api.send({"GET", kRecords + "?page_size=1000"});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json().as_object().at("records").as_array();
  };
  EXPECT_EQ(records().size(), 0u);
  const std::string report = R"({"service": "none", "description": "x"})";
  EXPECT_GE(api.send({"POST", kCases, kStaff, report}).status, 400);
  EXPECT_EQ(api.send({"POST", kCases, kOther, report}).status, 403);
  EXPECT_EQ(api.send({"POST", kCases, kStaff, "{"}).status, 400);
  EXPECT_EQ(api.send({"POST", kCases, "", report}).status, 401);
  EXPECT_EQ(api.send({"POST", kCases, "no key", report}).status, 401);
  const auto told = records();
  ASSERT_EQ(told.size(), 3u) << boost::json::serialize(boost::json::value(told));
  EXPECT_EQ(told[1].as_object().at("outcome").as_string(), "forbidden");
  EXPECT_EQ(told[2].as_object().at("outcome").as_string(), "bad_request");
  for (const auto& record : told) {
    const auto text = boost::json::serialize(record);
    EXPECT_EQ(record.as_object().at("method").as_string(), "ReportCase");
    EXPECT_EQ(record.as_object().at("actor").as_string().size(), 32u) << text;
    EXPECT_EQ(text.find("staff-key"), std::string::npos) << "the caller's name: " << text;
  }
}

TEST(AuditOfANode, HasARecordForEachRowOfABatchAndEachReadingOfPersonalData) {
  ApiServer api;
  api.found();
  const auto body = api.report_body("Bags");
  const auto report = api.send(
      {"POST", kCases, kStaff,
       body.substr(0, body.size() - 1) + R"(, "contact": {"phone": "1"}})"});
  ASSERT_EQ(report.status, 201) << report.body;
  const auto seen = "?at_least=" + report.text("seq");
  const auto one = kCases + "/" + report.text("subject_id") + seen;
  ASSERT_EQ(api.send({"GET", one}).status, 200);
  ASSERT_EQ(api.send({"GET", one, kAdmin}).status, 200) << "who may not read it leaves no record";
  testing::Sent batch{"POST", kCases + ":import", kAdmin, "{\n{}\n{\n"};
  batch.content_type = "application/x-ndjson";
  ASSERT_EQ(api.send(batch).status, 200);
  const auto answer = api.send({"GET", kRecords + "?page_size=1000"});
  const auto told = answer.json();
  std::map<std::string, int> counts;
  for (const auto& record : told.at("records").as_array()) {
    const auto& row = record.as_object();
    ++counts[std::string(row.at("method").as_string())];
    if (row.at("method").as_string() == "ReadPersonal") {
      EXPECT_EQ(row.at("subject").as_string(), report.text("subject_id"));
      EXPECT_EQ(row.at("person").as_string().size(), 32u);
    }
  }
  EXPECT_EQ(counts["ReadPersonal"], 1) << answer.body;
  EXPECT_EQ(counts["ReportCase"], 1) << answer.body;
  EXPECT_EQ(counts["ImportCase"], 3) << answer.body;
}

TEST(AuditOfANode, TakesNoCommandWhileItCannotBeWritten) {
  ApiServer api;
  const auto folder = api.serving().node().config().node.data_dir + "/audit";
  // The first record begins a file, which cannot be made.
  std::filesystem::remove(folder);
  ASSERT_TRUE(write_file(folder, "no folder"));
  const testing::Sent found{"POST", "/v1/cities/example:found", kAdmin,
                            R"({"title": {"en": "Example"}, "simulated": true})"};
  const auto taken = api.send(found);
  ASSERT_EQ(taken.status, 200) << taken.body;
  const auto refused = api.send(found);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_NE(refused.text("detail").find("audit"), std::string::npos) << refused.body;
  const auto city = "/v1/cities/example?at_least=" + taken.text("seq");
  EXPECT_EQ(api.send({"GET", city}).status, 200) << "reads go on";
  std::filesystem::remove(folder);
  std::filesystem::create_directory(folder);
  while (api.send(found).status == 503) std::this_thread::yield();
  const auto check = check_trail(folder);
  ASSERT_TRUE(check) << check.error().detail;
  EXPECT_EQ(check->records, 2u) << "one taken while it failed, one after";
}

TEST(AuditOfANode, IsTheAuditorsToRead) {
  ApiServer api;
  EXPECT_EQ(api.send({"GET", kRecords, kStaff}).status, 200);
  EXPECT_EQ(api.send({"GET", kRecords, kAdmin}).status, 403);
  EXPECT_EQ(api.send({"GET", kRecords, kOther}).status, 403);
  EXPECT_EQ(api.send({"GET", kRecords, ""}).status, 401);
}

}  // namespace
}  // namespace hansa::ops
