#include "projections/door.h"

#include "core/base/assert.h"
#include "core/city/access.h"
#include "projections/forward.h"

namespace hansa::projections {
namespace {

using google::protobuf::Message;

// What the request names as its city or alliance.
LedgerId ledger_of(const MethodInfo& method, const Message& request) {
  const std::string kind(method.ledger_kind);
  const auto* field = request.GetDescriptor()->FindFieldByName(kind);
  return {kind, field == nullptr ? "" : request.GetReflection()->GetString(request, field)};
}

// Which caller may see PERSONAL texts (SPEC §4).
bool may_unseal(const Principal& principal, std::string_view city) {
  return principal.acts_in(city) && (principal.has_role(v1::Role::dispatcher) ||
                                     principal.has_role(v1::Role::hotline));
}

std::string_view tail_of(std::string_view full_name) {
  return full_name.substr(full_name.rfind('.') + 1);
}

}  // namespace

Door::Door(std::shared_ptr<Keeper> keeper, Keyring& keyring, Env& env, Unsealed unsealed)
    : keeper_(std::move(keeper)),
      keyring_(keyring),
      env_(env),
      unsealed_(std::move(unsealed)) {}

void Door::enter(const MethodInfo& method, std::unique_ptr<Message> request,
                 const Principal& principal, std::optional<CommandId> id, Answer answer) {
  Submission submission;
  std::array<uint8_t, 10> random{};
  if (!id) env_.random(random.data(), random.size());
  submission.id = id ? *id : make_uuid_v7(env_.now_us() / 1000, random);
  submission.kind = request->GetDescriptor() == v1::ImportCase::descriptor()
                        ? v1::CauseKind::import
                        : v1::CauseKind::command;
  submission.principal = principal;
  take_in(method, std::move(request), std::move(submission), std::move(answer));
}

void Door::enter_input(const MethodInfo& method, std::unique_ptr<Message> request,
                       const Principal& principal, std::optional<CommandId> id,
                       std::optional<InputStep> step, Answer answer) {
  Submission submission;
  submission.id = id.value_or(CommandId());
  submission.kind = v1::CauseKind::input;
  submission.principal = principal;
  submission.input = std::move(step);
  take_in(method, std::move(request), std::move(submission), std::move(answer));
}

void Door::advance_input(const Principal& principal, InputStep step, Answer answer) {
  auto command = std::make_unique<v1::AdvanceInput>();
  command->set_topic(step.topic);
  command->set_next_offset(step.next);
  Submission submission;
  submission.command = std::move(command);
  submission.kind = v1::CauseKind::input;
  submission.principal = principal;
  submission.input = std::move(step);
  keeper_->submit(std::move(submission), std::move(answer));
}

void Door::take_in(const MethodInfo& method, std::unique_ptr<Message> request,
                   Submission submission, Answer answer) {
  if (auto valid = validate(*request); !valid) return answer(fail(valid.error()));
  if (auto allowed = permit(method.rule, submission.principal, ledger_of(method, *request));
      !allowed) {
    return answer(fail(allowed.error()));
  }
  submission.request_mac =
      keeper_->request_mac(request->GetDescriptor()->name() + '\0' + request->SerializeAsString());
  const bool seals = !method.rule.seals_into().empty();
  if (seals) {
    if (auto sealed = seal(method, *request, submission.principal); !sealed) {
      return answer(fail(sealed.error()));
    }
  }
  submission.command = std::move(request);
  if (!seals) return keeper_->submit(std::move(submission), std::move(answer));
  auto waiting = std::make_shared<std::pair<Submission, Answer>>(std::move(submission),
                                                                 std::move(answer));
  keyring_.flush([keeper = keeper_, waiting](const Result<void>& durable) {
    if (!durable) return waiting->second(fail(durable.error()));
    keeper->submit(std::move(waiting->first), std::move(waiting->second));
  });
}

Result<void> Door::enter_forwarded(std::string_view bytes) {
  const auto& config = keeper_->config();
  HANSA_TRY(auto read, read_forward(bytes, config.ledger, config.secret, env_.now_us()));
  HANSA_CHECK(permit(read.method->rule, read.submission.principal,
                     ledger_of(*read.method, *read.submission.command)));
  // Whoever waits for the outcome reads it in the ledger.
  keeper_->submit(std::move(read.submission), [](const Result<v1::Receipt>&) {});
  return {};
}

// Finds or makes the person behind the contact, names them in the request, and seals its texts.
Result<void> Door::seal(const MethodInfo& method, Message& request, const Principal& principal) {
  std::string phone;
  std::string email;
  bool has_texts = false;
  bool forged = false;
  visit_personal(request, [&](const std::string& field, std::string& text) {
    if (text.empty()) return;
    has_texts = true;
    if (text.starts_with(kSealedPrefix)) forged = true;
    if (tail_of(field) == "phone") phone = text;
    if (tail_of(field) == "email") email = text;
  });
  if (forged) {
    return fail(Errc::kBadRequest,
                "personal texts come in clear and are sealed here; one begins with \"sealed1:\"",
                "/contact");
  }
  const auto* field = request.GetDescriptor()->FindFieldByName("reporter");
  HANSA_ASSERT(field != nullptr, "a method that seals has a reporter");
  std::string reporter = request.GetReflection()->GetString(request, field);
  const bool is_citizen = principal.has_role(v1::Role::citizen) &&
                          !principal.has_role(v1::Role::hotline);
  if (is_citizen && !reporter.empty() && reporter != principal.person) {
    return fail(Errc::kNotReporter, "a citizen reports for themselves; leave reporter out",
                "/reporter");
  }
  if (reporter.empty() && is_citizen) reporter = principal.person;
  if (reporter.empty() && has_texts) {
    const auto known = keyring_.find(phone, email);
    const bool may_match = principal.has_role(v1::Role::hotline);
    reporter = to_hex(may_match && !known.empty() ? known.front() : env_.random_id<PersonId>());
  }
  if (!reporter.empty()) request.GetReflection()->SetString(&request, field, reporter);
  if (!has_texts) return {};
  const auto person = parse_hex<PersonId>(reporter);
  HANSA_ASSERT(person.has_value(), "validate() let only person ids pass");
  HANSA_CHECK(keyring_.add(*person, phone, email));
  std::optional<Error> failure;
  visit_personal(request, [&](const std::string& name, std::string& text) {
    if (text.empty() || failure) return;
    auto sealed = keyring_.seal({*person, method.rule.seals_into(), name}, text);
    if (!sealed) {
      failure = sealed.error();
    } else {
      text = *std::move(sealed);
    }
  });
  if (failure) return fail(*failure);
  return {};
}

Result<void> Door::may_read(const MethodInfo& method, const Principal& principal) const {
  return permit(method.rule, principal, keeper_->config().ledger);
}

v1::DataClass Door::sees(const Principal& principal) const {
  if (!principal.acts_in(keeper_->config().ledger)) return v1::PUBLIC;
  v1::DataClass widest = v1::PUBLIC;
  for (const auto role : principal.roles) {
    switch (role) {
      case v1::Role::hotline:
      case v1::Role::dispatcher: return v1::PERSONAL;
      case v1::Role::inspector:
      case v1::Role::verifier:
      case v1::Role::unit_worker:
      case v1::Role::checker:
      case v1::Role::city_admin:
      case v1::Role::assessor:
      case v1::Role::auditor: widest = v1::SENSITIVE; break;
      case v1::Role::secretariat:
      case v1::Role::device:
      case v1::Role::operator_: widest = std::max(widest, v1::INTERNAL); break;
      default: break;
    }
  }
  return widest;
}

void Door::show(v1::Case& row, const Principal& principal) const {
  const std::string& city = keeper_->config().ledger.id;
  const bool own = !principal.person.empty() && row.reporter() == principal.person &&
                   principal.acts_in(city);
  const auto person = parse_hex<PersonId>(row.reporter());
  if (may_unseal(principal, city) && person && row.has_contact()) {
    bool opened = false;
    visit_personal(row, [&](const std::string& field, std::string& text) {
      if (text.empty()) return;
      auto clear = keyring_.unseal({*person, "CaseReported", field}, text);
      opened = opened || clear.has_value();
      text = clear ? *std::move(clear) : "";
    });
    if (opened && unsealed_) unsealed_(principal, row.reporter(), row.case_());
    return;
  }
  v1::DataClass highest = own ? std::max(sees(principal), v1::SENSITIVE) : sees(principal);
  remove_above(row, std::min(highest, v1::SENSITIVE));
}

Result<std::vector<PersonId>> Door::find_persons(std::string_view phone,
                                                 std::string_view email) const {
  if (phone.empty() && email.empty()) {
    return fail(Errc::kBadRequest, "give a phone number or an e-mail address to look for",
                "/phone");
  }
  return keyring_.find(phone, email);
}

}  // namespace hansa::projections
