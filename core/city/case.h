// Case: from report to closure and feedback, with its clocks, its duplicates and its rebounds.
//
// Shape:   state: the row Case; beside it Timer rows (a timer stands exactly while its clock runs),
//          NearCases (where duplicates are looked for), RecentClosures (where rebounds are looked
//          for) and ImportedRow. decide_case, one per command on a case, is called by
//          core/city/city_fold.cc after the case was found, the caller may touch it and its state
//          is one of those the command needs; evolve_event, one per event.
//          A case merged into another is its child: it closes, reopens and ends with its parent.
// Errors:  kUnknownUnit, kUnknownService, kUnknownPlace, kUnknownSource, kUnknownCase,
//          kWrongState, kOwnWorkCheck, kAlreadyRated, kAlreadyReopened, kReopenWindowClosed,
//          kMergeCycle, kTimesBackwards, kBadPoint, kForbidden, kNotReporter, kPersonErased,
//          kSourceConflict, kLimitReached, kBadRequest.
//          evolve_event: kInternal for an event on a case that does not exist, or a second making.
// Threads: pure.
// Limits:  below; each is answered with kLimitReached.
// Source:  SPEC §3, DOMAIN §1.1; the table command × state is core/city/README.md.
#pragma once

#include "core/base/rows.h"
#include "core/city/city.h"
#include "core/city/context.h"

namespace hansa {

inline constexpr int kHistoryItemsMax = 2'000;
inline constexpr int kMergedCasesMax = 200;
inline constexpr int kReboundsMax = 200;
inline constexpr int kNearDuplicatesMax = 8;
inline constexpr int kNearItemsMax = 32;
inline constexpr int kRecentClosuresMax = 64;
inline constexpr int kNearItemHoursMax = 8'784;
inline constexpr int kPostponementDaysMax = 731;

struct CaseScope {
  RowsView& view;
  const DecideContext& context;
  const v1::City& city;
  const v1::Case& row;
};

// ---- making a case (case_intake.cc, case_import.cc)
Result<Decision> decide_city(const CityScope& scope, const v1::ReportCase& command);
Result<Decision> decide_city(const CityScope& scope, const v1::ImportCase& command);
// As ReportCase, from a source that no caller reports from.
Result<Decision> decide_report(const CityScope& scope, const v1::ReportCase& command);

// ---- from report to file (case_intake.cc)
Result<Decision> decide_case(const CaseScope& scope, const v1::VerifyCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::RefuteCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::FileCase& command);

// ---- work (case_work.cc)
Result<Decision> decide_case(const CaseScope& scope, const v1::AssignCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::DisputeAssignment& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::DetermineLead& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::TransferCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::AcceptAssignment& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::StartRectification& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::ReportRectification& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::CheckCase& command);

// ---- feedback (case_feedback.cc)
Result<Decision> decide_case(const CaseScope& scope, const v1::RecordFirstResponse& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::SendFeedback& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::RateCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::ReopenCase& command);

// ---- other ends and dates (case_course.cc)
Result<Decision> decide_case(const CaseScope& scope, const v1::WithdrawCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::ReferCaseOut& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::MergeCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::PostponeCase& command);
Result<Decision> decide_case(const CaseScope& scope, const v1::ExtendDeadline& command);
// Answers no events when the clock does not run any more.
Result<Decision> decide_timer(RowsView& view, const v1::TimerDue& command);

// ---- what the parts share (case.cc)
const v1::Case* find_case(RowsView& view, std::string_view id);
bool is_open(v1::State::Value state);
bool is_lead_state(v1::State::Value state);  // a unit leads: assigned … rectified
const std::string& state_name(v1::State::Value state);
// The deadline of a case whose handling starts at `from_us`, by its service's times.
Result<int64_t> handling_deadline(RowsView& view, const v1::City& city, std::string_view service,
                                  int64_t from_us);
Result<void> check_time(int64_t time_us, std::string_view field);
Result<void> check_unit(RowsView& view, const std::string& unit, std::string_view field);
Decision decision_about(const v1::Case& row, v1::State::Value state_after);
// Due time of a clock that runs on the case, or 0.
int64_t running_due(const v1::Case& row, v1::Clock::Value clock);
// The key under which kImportedTable remembers a row of a source.
std::string imported_key(std::string_view source_name, std::string_view source_id);

// ---- evolve (case_evolve.cc: making and work; case_evolve_course.cc: feedback, ends and dates)
Result<void> evolve_event(Rows& rows, const v1::CaseReported& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseImported& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseVerified& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseRefuted& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseFiled& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::ProblemRebounded& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseAssigned& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AssignmentDisputed& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::LeadDetermined& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseTransferred& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::AssignmentAccepted& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::RectificationStarted& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::RectificationReported& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CheckPassed& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CheckFailed& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseClosed& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::FeedbackSent& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CitizenRated& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseReopened& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseWithdrawn& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseReferredOut& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CaseMerged& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::CasePostponed& event, const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::PostponementEnded& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::DeadlineExtended& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::FirstResponseRecorded& event,
                          const EntryContext& entry);
Result<void> evolve_event(Rows& rows, const v1::DeadlineBreached& event,
                          const EntryContext& entry);

}  // namespace hansa
