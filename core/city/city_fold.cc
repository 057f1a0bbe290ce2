#include "core/city/city_fold.h"

#include <array>

#include "core/alliance/ledger_keys.h"
#include "core/base/assert.h"
#include "core/base/schema.h"
#include "core/city/access.h"
#include "core/city/affiliation.h"
#include "core/city/air.h"
#include "core/city/campaign_acts.h"
#include "core/city/case.h"
#include "core/city/city.h"
#include "core/city/figures.h"
#include "core/city/handover.h"
#include "core/city/witness.h"

namespace hansa {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using State = v1::State;

constexpr size_t kEventsBytesMax = 48 * 1024;
constexpr std::string_view kSealedPrefix = "sealed1:";

struct Handler;

struct Call {
  RowsView& view;
  const Message& command;
  const DecideContext& context;
  const Handler& handler;
};

struct Handler {
  const Descriptor* command;
  Result<Decision> (*decide)(const Call& call);
  const v1::MethodRule* rule;  // nullptr for the keeper's own commands
  uint32_t states = 0;         // bit per state in which a case takes the command
  bool past_history_limit = false;
  bool while_offered = false;  // to another city
};

template <typename... States>
constexpr uint32_t in(States... states) {
  return ((1U << static_cast<uint32_t>(states)) | ...);
}

constexpr uint32_t kOpen = in(State::reported, State::verified, State::filed, State::assigned,
                              State::disputed, State::accepted, State::rectifying,
                              State::rectified);
constexpr uint32_t kWithDeadline = kOpen & ~in(State::reported, State::verified);
constexpr uint32_t kAny = ~0U;

const v1::MethodRule* rule_of(const Descriptor* command) {
  const auto* method = find_method(command->name());
  HANSA_ASSERT(method != nullptr, "every command that callers send is a method of a service");
  return &method->rule;
}

Result<const v1::City*> founded_city(RowsView& view) {
  if (const auto* city = view.find(kCityTable, "")) return city;
  return fail(Errc::kUnknownCity, "the city is not founded yet; found it first");
}

std::string states_text(uint32_t states) {
  std::string text;
  for (uint32_t state = 1; state <= State::merged; ++state) {
    if ((states & (1U << state)) == 0) continue;
    if (!text.empty()) text += ", ";
    text += state_name(static_cast<State::Value>(state));
  }
  return text;
}

Error wrong_state(const Call& call, const v1::Case& row) {
  std::string detail = "case " + row.case_() + " is " + state_name(row.state());
  if (row.state() == State::merged) {
    detail += " into " + row.merged_into() + "; act on that case, or";
  } else {
    detail += ";";
  }
  detail += " " + call.command.GetDescriptor()->name() + " needs one that is " +
            states_text(call.handler.states);
  return {Errc::kWrongState, std::move(detail)};
}

Result<void> check_case(const Call& call, const v1::Case& row) {
  // States are PUBLIC, and before a case is assigned it has no lead to compare a unit with.
  if ((call.handler.states & (1U << static_cast<uint32_t>(row.state()))) == 0) {
    return fail(wrong_state(call, row));
  }
  HANSA_CHECK(permit_case(*call.handler.rule, call.context.principal, row));
  if (!row.offered_to().empty() && !call.handler.while_offered) {
    return fail(Errc::kWrongState, "case " + row.case_() + " rests: it is offered to " +
                                       row.offered_to() +
                                       ", and goes on once that city has answered");
  }
  if (row.history_size() >= kHistoryItemsMax && !call.handler.past_history_limit) {
    return fail(Errc::kLimitReached,
                "case " + row.case_() + " has " + std::to_string(kHistoryItemsMax) +
                    " steps; only checking, merging, withdrawing or referring it out is left");
  }
  return {};
}

template <typename Command>
Handler on_city() {
  return {Command::descriptor(),
          [](const Call& call) -> Result<Decision> {
            HANSA_TRY(const v1::City* city, founded_city(call.view));
            return decide_city(CityScope{call.view, call.context, *city},
                               static_cast<const Command&>(call.command));
          },
          rule_of(Command::descriptor())};
}

template <typename Command>
Handler on_case(uint32_t states, bool past_history_limit = false) {
  return {Command::descriptor(),
          [](const Call& call) -> Result<Decision> {
            const auto& command = static_cast<const Command&>(call.command);
            HANSA_TRY(const v1::City* city, founded_city(call.view));
            const auto* row = find_case(call.view, command.case_());
            if (row == nullptr) {
              return fail(Errc::kUnknownCase, "the city has no case " + command.case_(), "/case");
            }
            HANSA_CHECK(check_case(call, *row));
            return decide_case(CaseScope{call.view, call.context, *city, *row}, command);
          },
          rule_of(Command::descriptor()), states, past_history_limit};
}

Handler while_offered(Handler handler) {
  handler.while_offered = true;
  return handler;
}

Handler on_founding() {
  return {v1::FoundCity::descriptor(),
          [](const Call& call) {
            return decide_founding(call.view, static_cast<const v1::FoundCity&>(call.command));
          },
          rule_of(v1::FoundCity::descriptor())};
}

Handler on_timer() {
  return {v1::TimerDue::descriptor(),
          [](const Call& call) {
            return decide_timer(call.view, static_cast<const v1::TimerDue&>(call.command));
          },
          nullptr};
}

// The system's own: no caller can send it.
template <typename Command>
Handler on_system() {
  return {Command::descriptor(),
          [](const Call& call) -> Result<Decision> {
            HANSA_TRY(const v1::City* city, founded_city(call.view));
            return decide_city(CityScope{call.view, call.context, *city},
                               static_cast<const Command&>(call.command));
          },
          nullptr};
}

Handler on_heard() {
  return {v1::TakeHeard::descriptor(),
          [](const Call& call) {
            return decide_heard(call.view, static_cast<const v1::TakeHeard&>(call.command));
          },
          nullptr};
}

const auto& handlers() {
  static const std::array kHandlers = {
      on_city<v1::ReportCase>(),
      on_city<v1::ImportCase>(),
      on_case<v1::VerifyCase>(in(State::reported)),
      on_case<v1::RefuteCase>(in(State::reported), true),
      on_case<v1::FileCase>(in(State::verified)),
      on_case<v1::AssignCase>(in(State::filed)),
      on_case<v1::DisputeAssignment>(in(State::assigned)),
      on_case<v1::DetermineLead>(in(State::disputed)),
      on_case<v1::TransferCase>(in(State::assigned, State::accepted, State::rectifying)),
      on_case<v1::AcceptAssignment>(in(State::assigned)),
      on_case<v1::StartRectification>(in(State::accepted)),
      on_case<v1::ReportRectification>(in(State::rectifying)),
      on_case<v1::CheckCase>(in(State::rectified), true),
      while_offered(on_case<v1::RecordFirstResponse>(kOpen)),
      while_offered(on_case<v1::SendFeedback>(kAny)),
      on_case<v1::RateCase>(in(State::closed)),
      on_case<v1::ReopenCase>(in(State::closed)),
      on_case<v1::WithdrawCase>(kOpen, true),
      on_case<v1::ReferCaseOut>(kOpen, true),
      on_case<v1::MergeCase>(kOpen, true),
      on_case<v1::PostponeCase>(kWithDeadline & ~in(State::rectified)),
      on_case<v1::ExtendDeadline>(kWithDeadline),
      on_case<v1::OfferCase>(kOpen),
      on_city<v1::TakeOffer>(),
      on_city<v1::DeclineOffer>(),
      on_timer(),
      on_founding(),
      on_city<v1::DefineGridPart>(),
      on_city<v1::DefineUnit>(),
      on_city<v1::DefineService>(),
      on_city<v1::AdoptCalendar>(),
      on_city<v1::AdoptPolicy>(),
      on_city<v1::ConnectSource>(),
      on_city<v1::DisconnectSource>(),
      on_city<v1::ErasePerson>(),
      on_city<v1::RaiseSchemaLevel>(),
      on_city<v1::JoinAlliance>(),
      on_city<v1::LeaveAlliance>(),
      on_city<v1::RatifyAgreement>(),
      on_city<v1::RevokeRatification>(),
      on_city<v1::ReleaseAlliance>(),
      on_city<v1::ChangeAllianceKey>(),
      on_city<v1::RevokeAllianceKey>(),
      on_city<v1::CommitToCampaign>(),
      on_city<v1::DeclineCampaign>(),
      on_city<v1::RecordCampaignAction>(),
      on_city<v1::AcknowledgeFinding>(),
      on_city<v1::ExplainFinding>(),
      on_heard(),
      on_system<v1::CosignCheckpoint>(),
      on_system<v1::ReportFork>(),
      on_system<v1::ReportForgotten>(),
      on_city<v1::RecordAirQuality>(),
      on_city<v1::RecordPopulation>(),
      on_city<v1::PublishMetric>(),
  };
  return kHandlers;
}

// The field of the oneof `event` that is set, and the message in it.
const Message& event_of(const v1::Event& event) {
  const auto* reflection = event.GetReflection();
  static const auto* const kOneof = v1::Event::descriptor()->oneof_decl(0);
  return reflection->GetMessage(event, reflection->GetOneofFieldDescriptor(event, kOneof));
}

// Result of evolving a case event; nullopt when it is an event of the city itself.
std::optional<Result<void>> evolve_case(Rows& rows, const v1::Event& event,
                                        const EntryContext& entry) {
  switch (event.event_case()) {
    case v1::Event::kCaseReported: return evolve_event(rows, event.case_reported(), entry);
    case v1::Event::kCaseImported: return evolve_event(rows, event.case_imported(), entry);
    case v1::Event::kCaseVerified: return evolve_event(rows, event.case_verified(), entry);
    case v1::Event::kCaseRefuted: return evolve_event(rows, event.case_refuted(), entry);
    case v1::Event::kCaseFiled: return evolve_event(rows, event.case_filed(), entry);
    case v1::Event::kProblemRebounded: return evolve_event(rows, event.problem_rebounded(), entry);
    case v1::Event::kCaseAssigned: return evolve_event(rows, event.case_assigned(), entry);
    case v1::Event::kAssignmentDisputed:
      return evolve_event(rows, event.assignment_disputed(), entry);
    case v1::Event::kLeadDetermined: return evolve_event(rows, event.lead_determined(), entry);
    case v1::Event::kCaseTransferred: return evolve_event(rows, event.case_transferred(), entry);
    case v1::Event::kAssignmentAccepted:
      return evolve_event(rows, event.assignment_accepted(), entry);
    case v1::Event::kRectificationStarted:
      return evolve_event(rows, event.rectification_started(), entry);
    case v1::Event::kRectificationReported:
      return evolve_event(rows, event.rectification_reported(), entry);
    case v1::Event::kCheckPassed: return evolve_event(rows, event.check_passed(), entry);
    case v1::Event::kCheckFailed: return evolve_event(rows, event.check_failed(), entry);
    case v1::Event::kCaseClosed: return evolve_event(rows, event.case_closed(), entry);
    case v1::Event::kFeedbackSent: return evolve_event(rows, event.feedback_sent(), entry);
    case v1::Event::kCitizenRated: return evolve_event(rows, event.citizen_rated(), entry);
    case v1::Event::kCaseReopened: return evolve_event(rows, event.case_reopened(), entry);
    case v1::Event::kCaseWithdrawn: return evolve_event(rows, event.case_withdrawn(), entry);
    case v1::Event::kCaseReferredOut: return evolve_event(rows, event.case_referred_out(), entry);
    case v1::Event::kCaseMerged: return evolve_event(rows, event.case_merged(), entry);
    case v1::Event::kCasePostponed: return evolve_event(rows, event.case_postponed(), entry);
    case v1::Event::kPostponementEnded:
      return evolve_event(rows, event.postponement_ended(), entry);
    case v1::Event::kDeadlineExtended: return evolve_event(rows, event.deadline_extended(), entry);
    case v1::Event::kFirstResponseRecorded:
      return evolve_event(rows, event.first_response_recorded(), entry);
    case v1::Event::kDeadlineBreached: return evolve_event(rows, event.deadline_breached(), entry);
    default: return std::nullopt;
  }
}

// By the class of each field, at any depth; only for the few events that have such fields.
Result<void> check_sealed(const Message& message) {
  const auto* reflection = message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->is_repeated()) continue;
    if (field->message_type() != nullptr) {
      if (reflection->HasField(message, field)) {
        HANSA_CHECK(check_sealed(reflection->GetMessage(message, field)));
      }
      continue;
    }
    if (data_class(*field) != v1::PERSONAL) continue;
    std::string scratch;
    const std::string& text = reflection->GetStringReference(message, field, &scratch);
    if (!text.empty() && !text.starts_with(kSealedPrefix)) {
      return fail(Errc::kInternal,
                  field->full_name() + " must be sealed before it reaches a ledger; nothing was "
                                       "recorded");
    }
  }
  return {};
}

}  // namespace

Result<void> check_events(const std::vector<v1::Event>& events) {
  size_t bytes = 0;
  for (const auto& event : events) {
    bytes += event.ByteSizeLong();
    // A test holds that no other event can carry PERSONAL fields.
    if (event.has_case_reported()) HANSA_CHECK(check_sealed(event_of(event)));
  }
  if (bytes <= kEventsBytesMax) return {};
  return fail(Errc::kTooLarge, "what this would record has " + std::to_string(bytes) +
                                   " bytes; at most 49152 go into one entry, split the request");
}

Result<Decision> decide(RowsView& view, const Message& command, const DecideContext& context) {
  const auto* type = command.GetDescriptor();
  for (const auto& handler : handlers()) {
    if (handler.command != type) continue;
    HANSA_TRY(Decision decision, handler.decide(Call{view, command, context, handler}));
    tell_of_taken(view, decision);
    HANSA_CHECK(check_events(decision.events));
    return decision;
  }
  return fail(Errc::kBadRequest, type->name() + " is not a command of a city");
}

Result<void> evolve(Rows& rows, const v1::Event& event, const EntryContext& entry) {
  if (auto evolved = evolve_case(rows, event, entry)) return *std::move(evolved);
  HANSA_CHECK(evolve_offered_case(rows, event, entry));
  if (auto evolved = evolve_affiliation(rows, event, entry)) return *std::move(evolved);
  if (auto evolved = evolve_witness(rows, event, entry)) return *std::move(evolved);
  switch (event.event_case()) {
    case v1::Event::kCityFounded: return evolve_event(rows, event.city_founded(), entry);
    case v1::Event::kGridPartDefined: return evolve_event(rows, event.grid_part_defined(), entry);
    case v1::Event::kUnitDefined: return evolve_event(rows, event.unit_defined(), entry);
    case v1::Event::kServiceDefined: return evolve_event(rows, event.service_defined(), entry);
    case v1::Event::kCalendarAdopted:
      note_calendar(rows, event.calendar_adopted(), entry);
      return evolve_event(rows, event.calendar_adopted(), entry);
    case v1::Event::kPolicyAdopted: return evolve_event(rows, event.policy_adopted(), entry);
    case v1::Event::kSourceConnected: return evolve_event(rows, event.source_connected(), entry);
    case v1::Event::kSourceDisconnected:
      return evolve_event(rows, event.source_disconnected(), entry);
    case v1::Event::kPersonErased: return evolve_event(rows, event.person_erased(), entry);
    case v1::Event::kAirQualityRecorded:
      return evolve_event(rows, event.air_quality_recorded(), entry);
    case v1::Event::kPopulationRecorded:
      return evolve_event(rows, event.population_recorded(), entry);
    case v1::Event::kMetricPublished: return evolve_event(rows, event.metric_published(), entry);
    default: break;
  }
  return fail(Errc::kInternal, "entry " + std::to_string(entry.seq) +
                                   " holds an event that this binary does not know");
}

}  // namespace hansa
