// Goal: lists are whole and without repeats however they are paged, filters choose what they say,
// and what is not there is answered with its code. Method: a small city behind its keeper; every
// read goes through answer_read on a committed snapshot.
#include "projections/reads.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/durations.h"
#include "streams/embedded_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::City;
using testing::found;
using testing::kStartUs;
using testing::report;
using testing::ScratchFolder;
using testing::staff;

class ReadsTest : public ::testing::Test {
 protected:
  ReadsTest() : env_(1, "reads_test", kStartUs + 10 * kHourUs) {
    log_ = std::move(*streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false}));
    city_ = std::make_unique<City>(*log_, folder_, env_);
    EXPECT_TRUE(city_->open().has_value());
    found(*city_);
    for (int i = 0; i < 7; ++i) ids_.push_back(call(report(), hotline_).subject_id());
    for (size_t i = 0; i < 4; ++i) lead(ids_[i], i % 2 == 0 ? "roads" : "sanitation");
  }

  template <typename Request>
  v1::Receipt call(const Request& request, const Principal& who) {
    auto receipt = city_->call(request, who);
    EXPECT_TRUE(receipt.has_value()) << (receipt ? "" : receipt.error().detail);
    if (!receipt) return {};
    seq_ = receipt->seq();
    return *receipt;
  }

  template <typename Request>
  static Request on(const std::string& id) {
    Request request;
    request.set_case_(id);
    return request;
  }

  void lead(const std::string& id, const std::string& unit) {
    call(on<v1::VerifyCase>(id), staff("verifier", {v1::Role::verifier}));
    call(on<v1::FileCase>(id), dispatcher_);
    auto assign = on<v1::AssignCase>(id);
    assign.set_lead_unit(unit);
    call(assign, dispatcher_);
    env_.advance_us(1'000'000);
  }

  template <typename Answer, typename Request>
  Result<Answer> read(Request request, const Principal& who) {
    request.set_city("example");
    const auto snapshot = city_->wait_for(seq_, 5'000'000);
    EXPECT_TRUE(snapshot.has_value());
    const ReadContext context{**snapshot,         city_->door(), who,
                              {"city", "example"}, founding_,     *log_};
    auto answered = answer_read(request, context);
    if (!answered) return fail(answered.error());
    const auto& answer = static_cast<const Answer&>(**answered);
    EXPECT_EQ(answer.ledger(), "city/example");
    EXPECT_EQ(answer.seq(), (*snapshot)->meta().position.seq);
    return answer;
  }

  template <typename Answer, typename Request>
  Answer must(const Request& request) {
    auto answer = read<Answer>(request, dispatcher_);
    EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().detail);
    return answer ? *answer : Answer();
  }

  template <typename Answer, typename Request>
  Error refused(const Request& request) {
    auto answer = read<Answer>(request, dispatcher_);
    EXPECT_FALSE(answer.has_value());
    return answer ? Error{Errc::kInternal, "was answered"} : answer.error();
  }

  template <typename Request>
  std::vector<std::string> ids_of(Request request, uint32_t page_size) {
    std::vector<std::string> ids;
    request.set_page_size(page_size);
    for (int pages = 0; pages < 20; ++pages) {
      const auto answer = must<v1::CasesAnswer>(request);
      for (const auto& row : answer.cases()) ids.push_back(row.case_());
      EXPECT_LE(static_cast<uint32_t>(answer.cases_size()), page_size);
      if (answer.next_page_token().empty()) return ids;
      request.set_page_token(answer.next_page_token());
    }
    ADD_FAILURE() << "the pages have no end";
    return ids;
  }

  static std::vector<std::string> reversed(std::vector<std::string> ids) {
    std::reverse(ids.begin(), ids.end());
    return ids;
  }

  const Principal hotline_ = staff("hotline-1", {v1::Role::hotline});
  const Principal dispatcher_ = staff("dispatcher-1", {v1::Role::dispatcher});
  const FoundingId founding_ = *FoundingId::from(std::string(16, 'f'));
  ScratchFolder folder_;
  SeededEnv env_;
  std::unique_ptr<streams::EmbeddedLog> log_;
  std::unique_ptr<City> city_;
  std::vector<std::string> ids_;
  Seq seq_ = 0;
};

TEST_F(ReadsTest, AllCasesComeNewestFirstOnPagesOfEverySize) {
  for (uint32_t size = 1; size <= 9; ++size) {
    EXPECT_EQ(ids_of(v1::ListCases(), size), reversed(ids_)) << "page size " << size;
  }
}

TEST_F(ReadsTest, EachFilterChoosesItsCasesNewestFirst) {
  v1::ListCases by_state;
  by_state.set_state(v1::State::reported);
  EXPECT_EQ(ids_of(by_state, 2), reversed({ids_[4], ids_[5], ids_[6]}));
  v1::ListCases by_unit;
  by_unit.set_unit("roads");
  EXPECT_EQ(ids_of(by_unit, 1), reversed({ids_[0], ids_[2]}));
  v1::ListCases by_service;
  by_service.set_service("rubbish");
  EXPECT_EQ(ids_of(by_service, 3), reversed(ids_));
  v1::ListCases by_community;
  by_community.set_community("north/river-street/old-mill");
  EXPECT_EQ(ids_of(by_community, 3), reversed(ids_));
}

TEST_F(ReadsTest, WorkListsAndDeadlinesComeEarliestFirstAndEndBeforeTheirTime) {
  v1::GetWorkList work;
  work.set_unit("sanitation");
  EXPECT_EQ(ids_of(work, 1), (std::vector{ids_[1], ids_[3]}));
  v1::ListCases due;
  due.set_deadline_before_time_us(kStartUs + 1000 * 24 * kHourUs);
  EXPECT_EQ(ids_of(due, 3), (std::vector{ids_[0], ids_[1], ids_[2], ids_[3]}));
  due.set_unit("roads");
  EXPECT_EQ(ids_of(due, 3), (std::vector{ids_[0], ids_[2]}));
  const auto answer = must<v1::CaseAnswer>(on<v1::GetCase>(ids_[2]));
  due.set_deadline_before_time_us(answer.case_().deadline_time_us());
  EXPECT_EQ(ids_of(due, 3), (std::vector{ids_[0]})) << "the time itself is not before it";
}

TEST_F(ReadsTest, CaseThatEndedLeavesTheListsOfOpenOnes) {
  call(on<v1::WithdrawCase>(ids_[1]), hotline_);
  v1::GetWorkList work;
  work.set_unit("sanitation");
  EXPECT_EQ(ids_of(work, 5), (std::vector{ids_[3]}));
  v1::ListCases due;
  due.set_deadline_before_time_us(kStartUs + 1000 * 24 * kHourUs);
  EXPECT_EQ(ids_of(due, 5), (std::vector{ids_[0], ids_[2], ids_[3]}));
  v1::ListCases by_unit;
  by_unit.set_unit("sanitation");
  EXPECT_EQ(ids_of(by_unit, 5), reversed({ids_[1], ids_[3]}));
}

TEST_F(ReadsTest, ReporterFindsTheirOwnCasesAndNoOthers) {
  v1::ReportCase mine = report();
  mine.mutable_contact()->set_phone("+86 512 1234");
  const std::string first = call(mine, hotline_).subject_id();
  const std::string second = call(mine, hotline_).subject_id();
  const std::string person = must<v1::CaseAnswer>(on<v1::GetCase>(first)).case_().reporter();
  ASSERT_EQ(person.size(), 32u);
  v1::ListCases request;
  request.set_reporter(person);
  EXPECT_EQ(ids_of(request, 5), (std::vector{second, first}));
  Principal citizen = staff("citizen-1", {v1::Role::citizen});
  EXPECT_FALSE(read<v1::CasesAnswer>(request, citizen).has_value());
  citizen.person = person;
  EXPECT_EQ(read<v1::CasesAnswer>(request, citizen)->cases_size(), 2);
  v1::FindPersons find;
  find.set_phone("+86 512 1234");
  const auto persons = must<v1::PersonsAnswer>(find);
  ASSERT_EQ(persons.persons_size(), 1);
  EXPECT_EQ(persons.persons(0), person);
}

TEST_F(ReadsTest, PageBehindTheEndIsEmpty) {
  v1::ListCases none;
  none.set_state(v1::State::withdrawn);
  const auto answer = must<v1::CasesAnswer>(none);
  EXPECT_EQ(answer.cases_size(), 0);
  EXPECT_EQ(answer.next_page_token(), "");
}

TEST_F(ReadsTest, PageSizesEndAtOneThousandAndBeginAtFifty) {
  for (int i = 0; i < 50; ++i) call(report(), hotline_);
  v1::ListCases request;
  EXPECT_EQ(must<v1::CasesAnswer>(request).cases_size(), 50);
  request.set_page_size(1000);
  EXPECT_EQ(must<v1::CasesAnswer>(request).cases_size(), 57);
  request.set_page_size(1001);
  const Error error = refused<v1::CasesAnswer>(request);
  EXPECT_EQ(error.code, Errc::kBadRequest);
  EXPECT_EQ(error.pointer, "/page_size");
}

TEST_F(ReadsTest, TokenOfAnotherListAndNonsenseAreRefused) {
  v1::ListCases request;
  request.set_unit("roads");
  request.set_page_size(1);
  const std::string token = must<v1::CasesAnswer>(request).next_page_token();
  ASSERT_FALSE(token.empty());
  request.set_unit("sanitation");
  v1::ListCases cut = request;
  cut.set_unit("roads");
  cut.set_page_token(token.substr(0, 18));  // bound to the list, but leading nowhere
  EXPECT_EQ(refused<v1::CasesAnswer>(cut).pointer, "/page_token");
  for (const std::string& foreign : {token, std::string("zz"), token.substr(0, 10)}) {
    request.set_page_token(foreign);
    const Error error = refused<v1::CasesAnswer>(request);
    EXPECT_EQ(error.code, Errc::kBadRequest) << foreign;
    EXPECT_EQ(error.pointer, "/page_token");
    EXPECT_EQ(error.seq, seq_);
  }
}

TEST_F(ReadsTest, TwoFiltersAtOnceAreRefused) {
  v1::ListCases request;
  request.set_unit("roads");
  request.set_service("rubbish");
  EXPECT_EQ(refused<v1::CasesAnswer>(request).pointer, "/service");
  v1::ListCases with_time;
  with_time.set_service("rubbish");
  with_time.set_deadline_before_time_us(1);
  EXPECT_EQ(refused<v1::CasesAnswer>(with_time).pointer, "/deadline_before_time_us");
}

TEST_F(ReadsTest, UnknownThingsHaveTheirCodes) {
  EXPECT_EQ(refused<v1::CaseAnswer>(on<v1::GetCase>("c999")).code, Errc::kUnknownCase);
  EXPECT_EQ(refused<v1::CaseAnswer>(on<v1::GetCase>(ids_[0] + "x")).code, Errc::kUnknownCase);
  v1::ListCases request;
  request.set_unit("nobody");
  EXPECT_EQ(refused<v1::CasesAnswer>(request).code, Errc::kUnknownUnit);
  v1::GetWorkList work;
  work.set_unit("nobody");
  EXPECT_EQ(refused<v1::CasesAnswer>(work).code, Errc::kUnknownUnit);
  request.Clear();
  request.set_service("nothing");
  EXPECT_EQ(refused<v1::CasesAnswer>(request).code, Errc::kUnknownService);
  request.Clear();
  request.set_community("north/river-street/nowhere");
  EXPECT_EQ(refused<v1::CasesAnswer>(request).code, Errc::kUnknownPlace);
}

TEST_F(ReadsTest, StrangerSeesNeitherAnotherPersonsListNorInnerFields) {
  const Principal stranger = staff("stranger", {v1::Role::public_});
  v1::ListCases request;
  request.set_reporter(std::string(32, 'a'));
  const auto listed = read<v1::CasesAnswer>(request, stranger);
  ASSERT_FALSE(listed.has_value());
  EXPECT_EQ(listed.error().code, Errc::kForbidden);
  const auto shown = read<v1::CaseAnswer>(on<v1::GetCase>(ids_[0]), stranger);
  ASSERT_TRUE(shown.has_value());
  EXPECT_EQ(shown->case_().description(), "");
  EXPECT_EQ(must<v1::CaseAnswer>(on<v1::GetCase>(ids_[0])).case_().description(),
            report().description());
}

TEST_F(ReadsTest, CityShowsItsCasesByState) {
  const auto answer = must<v1::CityAnswer>(v1::GetCity());
  ASSERT_EQ(answer.cases_size(), 2);
  EXPECT_EQ(answer.cases(0).state(), v1::State::reported);
  EXPECT_EQ(answer.cases(0).cases(), 3u);
  EXPECT_EQ(answer.cases(1).state(), v1::State::assigned);
  EXPECT_EQ(answer.cases(1).cases(), 4u);
}

TEST_F(ReadsTest, SmallTablesArePagedInTheOrderOfTheirNames) {
  v1::ListUnits request;
  request.set_page_size(1);
  const auto first = must<v1::UnitsAnswer>(request);
  ASSERT_EQ(first.units_size(), 1);
  EXPECT_EQ(first.units(0).unit(), "roads");
  request.set_page_token(first.next_page_token());
  const auto second = must<v1::UnitsAnswer>(request);
  ASSERT_EQ(second.units_size(), 1);
  EXPECT_EQ(second.units(0).unit(), "sanitation");
  EXPECT_EQ(second.next_page_token(), "");
  EXPECT_EQ(must<v1::DistrictsAnswer>(v1::ListDistricts()).districts_size(), 1);
  EXPECT_EQ(must<v1::ServicesAnswer>(v1::ListServices()).services_size(), 1);
  EXPECT_GT(must<v1::PoliciesAnswer>(v1::ListPolicies()).policies_size(), 0);
}

TEST_F(ReadsTest, CountersComeByDayWithinTheirBounds) {
  const int32_t today = static_cast<int32_t>(kStartUs / kDayUs);
  v1::ListCounters request;
  request.set_scope("unit");
  request.set_id("roads");
  const auto answer = must<v1::CountersAnswer>(request);
  ASSERT_EQ(answer.counters_size(), 1);
  EXPECT_EQ(answer.counters(0).day(), today);
  EXPECT_EQ(answer.counters(0).assigned(), 2u);
  request.set_from_day(today);
  request.set_to_day(today);
  EXPECT_EQ(must<v1::CountersAnswer>(request).counters_size(), 1);
  request.set_from_day(today + 1);
  request.clear_to_day();
  EXPECT_EQ(must<v1::CountersAnswer>(request).counters_size(), 0);
  request.clear_from_day();
  request.set_to_day(today - 1);
  EXPECT_EQ(must<v1::CountersAnswer>(request).counters_size(), 0);
  request.set_scope("planet");
  EXPECT_EQ(refused<v1::CountersAnswer>(request).pointer, "/scope");
  request.set_scope("city");
  EXPECT_EQ(refused<v1::CountersAnswer>(request).pointer, "/id");
}

TEST_F(ReadsTest, EntriesLeadFromOneOffsetToTheNextUpToTheEnd) {
  v1::ListEntries request;
  request.set_page_size(4);
  std::vector<uint64_t> offsets;
  uint64_t end = 0;
  do {
    const auto answer = must<v1::EntriesAnswer>(request);
    for (const auto& record : answer.records()) offsets.push_back(record.offset());
    ASSERT_GT(answer.next_offset(), request.from_offset());
    EXPECT_EQ(answer.founding_id(), founding_.view());
    request.set_from_offset(answer.next_offset());
    end = answer.end_offset();
  } while (request.from_offset() < end);
  EXPECT_EQ(offsets.size(), end);
  EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
  EXPECT_EQ(must<v1::EntriesAnswer>(request).records_size(), 0);
}

TEST_F(ReadsTest, DigestIsTheOneOfARecount) {
  const auto answer = must<v1::DigestAnswer>(v1::GetDigest());
  EXPECT_EQ(answer.digest(), city_->keeper().store()->scan_digest()->hex());
  EXPECT_EQ(answer.row_schema_version(), kRowSchemaVersion);
}

}  // namespace
}  // namespace hansa::projections
