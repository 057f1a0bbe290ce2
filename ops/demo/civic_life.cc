#include "ops/demo/civic_life.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/base/durations.h"

namespace hansa::ops {
namespace {

// How many of 100 reports come in each hour of the day.
constexpr std::array<uint64_t, 24> kReportsByHour = {1, 1, 0, 0, 0, 1, 3, 6, 8, 9, 8, 6,
                                                     4, 5, 7, 7, 7, 6, 6, 5, 4, 3, 2, 1};

}  // namespace

CivicLife::CivicLife(Stage& stage, const DeltaCity& city, const LifeOptions& options)
    : stage_(stage),
      city_(city),
      options_(options),
      chance_(options.seed, "hansa demo life of " + city.id),
      start_us_(stage.now_us()),
      next_hour_us_(start_us_ + kHourUs) {
  for (uint32_t day = 0; day < options_.days; ++day) plan_day(day);
}

uint64_t CivicLife::draw(uint64_t below) {
  uint64_t value = 0;
  chance_.random(reinterpret_cast<uint8_t*>(&value), sizeof(value));
  return value % below;
}

int64_t CivicLife::minutes(int64_t low, int64_t high) {
  return (low + static_cast<int64_t>(draw(static_cast<uint64_t>(high - low + 1)))) * kMinuteUs;
}

// Offices work from 8 to 18: what would happen at night waits for the morning.
int64_t CivicLife::at_work(int64_t time_us) {
  const int64_t local_us = time_us + kLocalOffsetUs;
  const int64_t day_us = local_us / kDayUs * kDayUs;
  const int64_t hour = (local_us - day_us) / kHourUs;
  if (hour >= 8 && hour < 18) return time_us;
  const int64_t morning_us = day_us + 8 * kHourUs + (hour >= 18 ? kDayUs : 0);
  return morning_us - kLocalOffsetUs + minutes(0, 90);
}

CivicLife::Course CivicLife::draw_course() {
  // The first reports take every course once.
  if (reports_ <= static_cast<size_t>(Course::kPlain)) return static_cast<Course>(reports_ - 1);
  constexpr std::pair<Course, uint64_t> kShares[] = {
      {Course::kRefuted, 6},   {Course::kWithdrawn, 2},  {Course::kReferredOut, 2},
      {Course::kDuplicate, 5}, {Course::kDisputed, 5},   {Course::kTransferred, 3},
      {Course::kPostponed, 3}, {Course::kExtended, 3},   {Course::kCheckFails, 8},
      {Course::kReopened, 3},  {Course::kBackAgain, 3},  {Course::kLate, 8},
  };
  auto number = draw(100);
  for (const auto& [course, share] : kShares) {
    if (number < share) return course;
    number -= share;
  }
  return Course::kPlain;
}

void CivicLife::later(int64_t time_us, std::function<void()> action) {
  steps_.push({std::max(time_us, stage_.now_us()), order_++, std::move(action)});
}

void CivicLife::after(int64_t minutes_low, int64_t minutes_high, std::function<void()> action) {
  later(at_work(stage_.now_us() + minutes(minutes_low, minutes_high)), std::move(action));
}

Principal CivicLife::someone(v1::Role::Value role, const std::string& unit, size_t community) {
  auto principal = demo_principal(city_.id, role,
                                  v1::Role::Value_Name(role) + "-" +
                                      (unit.empty() ? "" : unit + "-") +
                                      std::to_string(1 + draw(3)),
                                  unit);
  if (role == v1::Role::verifier) principal.grid_prefix = city_.communities[community].district;
  return principal;
}

Principal CivicLife::reporter_of(const Report& report) {
  auto principal = demo_principal(city_.id, v1::Role::citizen, "citizen-" + report.person);
  principal.person = report.person;
  return principal;
}

// False: the city refused, and this case goes no further.
template <typename Request>
bool CivicLife::act(const Shared& report, v1::Role::Value role, const std::string& unit,
                    Request request) {
  request.set_city(city_.id);
  request.set_case_(report->case_id);
  const auto principal = role == v1::Role::citizen ? reporter_of(*report)
                                                   : someone(role, unit, report->community);
  const auto receipt = stage_.enter(std::make_unique<Request>(std::move(request)), principal);
  if (receipt) return true;
  ++refused_;
  const auto code = receipt.error().code;
  if (code == Errc::kLedgerStopped || code == Errc::kInternal || code == Errc::kUnavailable) {
    failure_ = receipt.error();
  }
  return false;
}

// Most reports come by telephone; whoever takes a special course has a reporter to speak for it.
v1::Role::Value CivicLife::draw_channel(Report& report, v1::ReportCase& request) {
  const auto way = report.course == Course::kPlain ? draw(100) : 0;
  if (way < 60) {
    char phone[24];
    std::snprintf(phone, sizeof(phone), "+86 139 %04u %04u", static_cast<unsigned>(draw(10'000)),
                  static_cast<unsigned>(draw(10'000)));
    report.phone = phone;
    request.set_source(v1::Source::hotline);
    request.mutable_contact()->set_phone(report.phone);
    request.mutable_contact()->set_name("Resident " + std::to_string(1 + draw(9'999)));
    return v1::Role::hotline;
  }
  if (way < 85) {
    request.set_source(v1::Source::inspector);
    return v1::Role::inspector;
  }
  request.set_source(way < 95 ? v1::Source::camera : v1::Source::iot);
  return v1::Role::device;
}

void CivicLife::report_new(Course course, const Report* like) {
  const auto& services = demo_services();
  auto report = std::make_shared<Report>();
  report->course = course;
  report->service = like == nullptr ? draw(services.size()) : like->service;
  report->community = like == nullptr ? draw(city_.communities.size()) : like->community;
  report->unit = services[report->service].unit;
  const auto& service = services[report->service];
  const auto& place = city_.communities[report->community];
  v1::ReportCase request;
  request.set_city(city_.id);
  request.set_kind(static_cast<v1::Kind::Value>(service.kind));
  request.set_service(service.id);
  auto& where = *request.mutable_place();
  where.set_district(place.district);
  where.set_street(place.street);
  where.set_community(place.community);
  where.set_latitude(place.latitude + static_cast<double>(draw(1000)) * 1e-6);
  where.set_longitude(place.longitude + static_cast<double>(draw(1000)) * 1e-6);
  request.set_description(service.description);
  request.set_observed_time_us(stage_.now_us() - minutes(5, 600));
  const auto role = draw_channel(*report, request);
  const auto receipt = stage_.enter(std::make_unique<v1::ReportCase>(std::move(request)),
                                    someone(role, "", report->community));
  if (!receipt) {
    ++refused_;
    failure_ = receipt.error();
    return;
  }
  report->case_id = receipt->subject_id();
  if (!report->phone.empty()) {
    report->person = stage_.person_of(report->phone);
    persons_.push_back(report->person);
  }
  if (like != nullptr && course == Course::kDuplicate) {
    // The duplicate itself: it is merged into the case it repeats.
    const auto parent = like->case_id;
    after(20, 90, [this, report, parent] {
      v1::MergeCase merge;
      merge.set_into_case(parent);
      act(report, v1::Role::dispatcher, "", merge);
    });
    return;
  }
  if (course == Course::kWithdrawn) {
    return after(30, 120, [this, report] {
      v1::WithdrawCase withdraw;
      withdraw.set_reason("solved itself");
      act(report, v1::Role::citizen, "", withdraw);
    });
  }
  // Half of the late ones get no first answer in time either.
  after(course == Course::kLate ? 200 : 10, course == Course::kLate ? 900 : 110,
        [this, report] { verify(report); });
}

void CivicLife::verify(const Shared& report) {
  if (!report->phone.empty() && chance(80)) {
    v1::RecordFirstResponse respond;
    respond.set_note("called back");
    act(report, v1::Role::hotline, "", respond);
  }
  if (report->course == Course::kRefuted) {
    v1::RefuteCase refute;
    refute.set_reason("nothing to be found there");
    act(report, v1::Role::verifier, "", refute);
    return;
  }
  v1::VerifyCase verify;
  verify.set_note("seen on the spot");
  if (!act(report, v1::Role::verifier, "", verify)) return;
  if (report->course == Course::kDuplicate) {
    const auto like = report;
    after(5, 30, [this, like] { report_new(Course::kDuplicate, like.get()); });
  }
  after(5, 60, [this, report] { file(report); });
}

void CivicLife::file(const Shared& report) {
  if (!act(report, v1::Role::dispatcher, "", v1::FileCase())) return;
  if (report->course == Course::kReferredOut) {
    v1::ReferCaseOut refer;
    refer.set_to("railway company");
    refer.set_reason("on the railway's ground");
    act(report, v1::Role::dispatcher, "", refer);
    return;
  }
  after(5, 120, [this, report] { assign(report); });
}

void CivicLife::assign(const Shared& report) {
  const auto right_unit = report->unit;
  const bool goes_wrong =
      report->course == Course::kDisputed || report->course == Course::kTransferred;
  if (goes_wrong) report->unit = right_unit == "roads" ? "sanitation" : "roads";
  v1::AssignCase assign;
  assign.set_lead_unit(report->unit);
  if (chance(15) && report->unit != "city-management") {
    assign.add_cooperating_units("city-management");
  }
  if (!act(report, v1::Role::dispatcher, "", assign)) return;
  if (goes_wrong) {
    return after(20, 200, [this, report, right_unit] { settle_lead(report, right_unit); });
  }
  after(15, 200, [this, report] { accept(report); });
}

void CivicLife::settle_lead(const Shared& report, const std::string& right_unit) {
  if (report->course == Course::kDisputed) {
    v1::DisputeAssignment dispute;
    dispute.set_reason("not our ground");
    if (!act(report, v1::Role::unit_worker, report->unit, dispute)) return;
    return after(30, 300, [this, report, right_unit] {
      v1::DetermineLead determine;
      determine.set_lead_unit(right_unit);
      determine.set_reason("by the list of responsibilities");
      if (!act(report, v1::Role::dispatcher, "", determine)) return;
      report->unit = right_unit;
      after(15, 200, [this, report] { accept(report); });
    });
  }
  v1::TransferCase transfer;
  transfer.set_to_unit(right_unit);
  transfer.set_reason("sent to the wrong unit");
  if (!act(report, v1::Role::dispatcher, "", transfer)) return;
  report->unit = right_unit;
  after(15, 200, [this, report] { accept(report); });
}

void CivicLife::accept(const Shared& report) {
  if (!act(report, v1::Role::unit_worker, report->unit, v1::AcceptAssignment())) return;
  if (report->course == Course::kPostponed && !report->second_round) {
    v1::PostponeCase postpone;
    const int64_t until_us = stage_.now_us() + minutes(2 * 1440, 6 * 1440);
    postpone.set_until_time_us(until_us);
    postpone.set_reason("waits for spare parts");
    if (!act(report, v1::Role::dispatcher, "", postpone)) return;
    return later(at_work(until_us + kHourUs), [this, report] { work(report); });
  }
  const bool late = report->course == Course::kLate || report->course == Course::kExtended;
  after(late ? 3 * 1440 : 30, late ? 7 * 1440 : 900, [this, report] { work(report); });
  if (report->course == Course::kExtended) {
    v1::ExtendDeadline extend;
    extend.set_deadline_time_us(stage_.now_us() + 12 * kDayUs);
    extend.set_reason("needs a permit");
    act(report, v1::Role::dispatcher, "", extend);
  }
}

void CivicLife::work(const Shared& report) {
  if (!act(report, v1::Role::unit_worker, report->unit, v1::StartRectification())) return;
  const bool passes = report->course != Course::kCheckFails || report->second_round;
  after(20, 400, [this, report, passes] { rectify(report, passes); });
}

void CivicLife::rectify(const Shared& report, bool check_passes) {
  v1::ReportRectification rectified;
  rectified.set_note("done");
  if (!act(report, v1::Role::unit_worker, report->unit, rectified)) return;
  after(30, 300, [this, report, check_passes] { check(report, check_passes); });
}

void CivicLife::check(const Shared& report, bool passes) {
  v1::CheckCase check;
  check.set_passed(passes);
  check.set_note(passes ? "clean" : "half of it is still there");
  if (!act(report, v1::Role::checker, kCheckingUnit, check)) return;
  if (passes) return closed(report);
  after(60, 600, [this, report] { rectify(report, true); });
}

void CivicLife::closed(const Shared& report) {
  if (report->course == Course::kBackAgain && !report->second_round) {
    const auto like = report;
    after(1440, 4 * 1440, [this, like] { report_new(Course::kPlain, like.get()); });
  }
  if (report->person.empty()) return;
  v1::SendFeedback feedback;
  feedback.set_text("Your report has been dealt with.");
  act(report, v1::Role::hotline, "", feedback);
  if (report->course == Course::kReopened && !report->second_round) {
    return after(600, 2 * 1440, [this, report] { reopen(report); });
  }
  if (!chance(55)) return;
  after(30, 2 * 1440, [this, report] {
    v1::RateCase rate;
    rate.set_stars(chance(75) ? 5 : static_cast<uint32_t>(1 + draw(4)));
    act(report, v1::Role::citizen, "", rate);
  });
}

void CivicLife::reopen(const Shared& report) {
  v1::ReopenCase reopen;
  reopen.set_reason("it is back");
  report->second_round = true;
  if (!act(report, v1::Role::citizen, "", reopen)) return;
  after(15, 200, [this, report] { accept(report); });
}

void CivicLife::erase_somebody() {
  if (persons_.empty()) return;
  v1::ErasePerson erase;
  erase.set_city(city_.id);
  erase.set_person(persons_[draw(persons_.size())]);
  const auto receipt = stage_.enter(std::make_unique<v1::ErasePerson>(std::move(erase)),
                                    demo_principal(city_.id, v1::Role::city_admin, "admin"));
  if (!receipt) ++refused_;
}

void CivicLife::plan_day(uint32_t day) {
  uint64_t whole = 0;
  for (const auto share : kReportsByHour) whole += share;
  for (uint32_t i = 0; i < options_.reports_a_day; ++i) {
    auto number = draw(whole);
    int64_t hour = 0;
    while (number >= kReportsByHour[static_cast<size_t>(hour)]) {
      number -= kReportsByHour[static_cast<size_t>(hour++)];
    }
    const int64_t local_us = (start_us_ + kLocalOffsetUs) / kDayUs * kDayUs +
                             static_cast<int64_t>(day) * kDayUs + hour * kHourUs;
    later(local_us - kLocalOffsetUs + minutes(0, 59), [this] {
      ++reports_;
      report_new(draw_course(), nullptr);
    });
  }
  if (day % 7 == 6) {
    later(start_us_ + day * kDayUs + 3 * kHourUs, [this] { erase_somebody(); });
  }
}

Result<void> CivicLife::run_to(int64_t time_us) {
  for (; next_hour_us_ <= time_us; next_hour_us_ += kHourUs) {
    while (!steps_.empty() && steps_.top().time_us < next_hour_us_) {
      const auto step = steps_.top();
      steps_.pop();
      stage_.set_now_us(step.time_us);
      step.action();
      if (failure_) return fail(*failure_);
    }
    stage_.pass_time(next_hour_us_);
  }
  return {};
}

}  // namespace hansa::ops
