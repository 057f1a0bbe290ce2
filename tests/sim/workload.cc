#include "tests/sim/workload.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/base/assert.h"
#include "core/base/durations.h"
#include "hansa/v1/case.pb.h"
#include "hansa/v1/city.pb.h"
#include "tests/sim/history.h"

namespace hansa::sim {
namespace {

using google::protobuf::Message;

// The step that leads a case on from a state.
const std::map<std::string, std::string, std::less<>> kRightStep = {
    {"reported", "VerifyCase"},          {"verified", "FileCase"},
    {"filed", "AssignCase"},             {"assigned", "AcceptAssignment"},
    {"disputed", "DetermineLead"},       {"accepted", "StartRectification"},
    {"rectifying", "ReportRectification"}, {"rectified", "CheckCase"},
    {"closed", "RateCase"}};

constexpr std::array kSteps = {
    "VerifyCase",          "RefuteCase",  "FileCase",           "AssignCase",
    "DisputeAssignment",   "DetermineLead", "TransferCase",     "AcceptAssignment",
    "StartRectification",  "ReportRectification", "CheckCase",  "SendFeedback",
    "RateCase",            "ReopenCase",  "WithdrawCase",       "ReferCaseOut",
    "MergeCase",           "PostponeCase", "ExtendDeadline",    "RecordFirstResponse"};

// Through which source somebody of a role reports.
const std::map<v1::Role::Value, v1::Source::Value> kSources = {
    {v1::Role::hotline, v1::Source::hotline},
    {v1::Role::citizen, v1::Source::web},
    {v1::Role::inspector, v1::Source::inspector},
    {v1::Role::device, v1::Source::iot}};

constexpr std::array kUnits = {"sanitation", "roads"};
constexpr std::array kPersons = {
    "00000000000000000000000000000a11", "00000000000000000000000000000b0b",
    "00000000000000000000000000000ca1", "00000000000000000000000000000da1",
    "00000000000000000000000000000ea1", "00000000000000000000000000000fa1"};

template <typename List>
std::string any_of(Dice& dice, const List& list) {
  return list[dice.pick(list.size())];
}

// Fields that the message does not have are left out.
void set_text(Message& message, const std::string& field, const std::string& text) {
  const auto* found = message.GetDescriptor()->FindFieldByName(field);
  if (found == nullptr) return;
  message.GetReflection()->SetString(&message, found, text);
}

void set_time(Message& message, const std::string& field, int64_t time_us) {
  const auto* found = message.GetDescriptor()->FindFieldByName(field);
  if (found == nullptr) return;
  message.GetReflection()->SetInt64(&message, found, time_us);
}

void set_place(v1::PlaceInput& place) {
  place.set_district("north");
  place.set_street("river-street");
  place.set_community("old-mill");
}

}  // namespace

CityWorkload::CityWorkload(Dice& dice, std::string city, int64_t now_us, bool erases)
    : dice_(dice), city_(std::move(city)), now_us_(now_us), erases_(erases) {}

Request make_request(Dice& dice, const std::string& method, std::unique_ptr<Message> message) {
  Request made;
  made.method = find_method(method);
  HANSA_ASSERT(made.method != nullptr, "the workload knows the methods of the schema");
  made.message = std::move(message);
  const auto& roles = made.method->rule.roles();
  auto role = static_cast<v1::Role::Value>(
      roles.Get(static_cast<int>(dice.pick(static_cast<uint64_t>(roles.size())))));
  // Citizens may touch only what is theirs.
  const bool may_hotline = std::find(roles.begin(), roles.end(), v1::Role::hotline) != roles.end();
  if (may_hotline && dice.chance(600)) role = v1::Role::hotline;
  made.who.issuer = "key";
  made.who.subject = role_name(role);
  made.who.roles = {role};
  made.who.cities = {"*"};
  made.who.alliance = "*";
  if (role == v1::Role::unit_worker) made.who.unit = "sanitation";
  if (role == v1::Role::checker) made.who.unit = "roads";
  if (role == v1::Role::citizen) made.who.person = any_of(dice, kPersons);
  return made;
}

Request raise_level(Dice& dice, const std::string& city, uint32_t level) {
  auto raise = std::make_unique<v1::RaiseSchemaLevel>();
  raise->set_city(city);
  raise->set_level(level);
  return make_request(dice, "RaiseSchemaLevel", std::move(raise));
}

Request CityWorkload::request(const std::string& method, std::unique_ptr<Message> message) {
  set_text(*message, "city", city_);
  return make_request(dice_, method, std::move(message));
}

std::vector<Request> CityWorkload::setup() {
  std::vector<Request> all;
  auto founding = std::make_unique<v1::FoundCity>();
  founding->mutable_title()->set_en("Example");
  all.push_back(request("FoundCity", std::move(founding)));
  auto part = std::make_unique<v1::DefineGridPart>();
  part->set_district("north");
  auto* street = part->add_streets();
  street->set_id("river-street");
  street->add_communities()->set_id("old-mill");
  all.push_back(request("DefineGridPart", std::move(part)));
  for (const char* name : kUnits) {
    auto unit = std::make_unique<v1::DefineUnit>();
    unit->set_unit(name);
    all.push_back(request("DefineUnit", std::move(unit)));
  }
  auto service = std::make_unique<v1::DefineService>();
  service->set_service("rubbish");
  all.push_back(request("DefineService", std::move(service)));
  for (const auto& [role, source] : kSources) {
    auto connect = std::make_unique<v1::ConnectSource>();
    connect->set_source(source);
    all.push_back(request("ConnectSource", std::move(connect)));
  }
  return all;
}

void CityWorkload::learn(const std::string& case_id, const std::string& state) {
  if (!case_id.starts_with('c') || state.empty()) return;
  for (auto& known : cases_) {
    if (known.id != case_id) continue;
    known.state = state;
    return;
  }
  cases_.push_back({case_id, state});
}

Request CityWorkload::next() {
  const uint64_t roll = dice_.pick(100);
  Request made;
  if (roll < 25 || cases_.empty()) {
    made = report();
  } else if (roll < 80) {
    made = step_on_case();
  } else if (roll < 86) {
    made = define_unit();
  } else if (roll < 98 || !erases_) {
    made = import();
  } else {
    made = erase();
  }
  if (dice_.chance(20)) made.who.roles = {v1::Role::auditor};
  return made;
}

Request CityWorkload::report() {
  auto report = std::make_unique<v1::ReportCase>();
  report->set_kind(v1::Kind::problem);
  report->set_service(dice_.chance(30) ? "noise" : "rubbish");
  set_place(*report->mutable_place());
  if (dice_.chance(30)) report->mutable_place()->set_community("nowhere");
  report->set_description("Bags beside the bin, number " + std::to_string(dice_.pick(1000)));
  const bool is_named = dice_.chance(250);
  if (is_named) {
    report->mutable_contact()->set_phone(std::string(kSecretText) +
                                         std::to_string(dice_.pick(5)));
  }
  Request made = request("ReportCase", std::move(report));
  auto& sent = static_cast<v1::ReportCase&>(*made.message);
  sent.set_source(dice_.chance(30) ? v1::Source::press : kSources.at(made.who.roles.front()));
  if (!is_named) return made;
  made.reporter = made.who.person.empty() ? any_of(dice_, kPersons) : made.who.person;
  sent.set_reporter(made.reporter);
  return made;
}

Request CityWorkload::step_on_case() {
  const auto& known = cases_[dice_.pick(cases_.size())];
  const auto right = kRightStep.find(known.state);
  if (right != kRightStep.end() && dice_.chance(650)) return on_case(right->second, known.id);
  const std::string id =
      dice_.chance(30) ? "c" + std::to_string(1 + dice_.pick(300)) : known.id;
  return on_case(any_of(dice_, kSteps), id);
}

Request CityWorkload::on_case(const std::string& method, const std::string& case_id) {
  const auto* info = find_method(method);
  HANSA_ASSERT(info != nullptr, "the workload knows the methods of the schema");
  std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(info->input)->New());
  set_text(*message, "case", case_id);
  set_text(*message, "reason", "because " + std::to_string(dice_.pick(1000)));
  set_text(*message, "note", "seen");
  set_text(*message, "text", "we are at it");
  set_text(*message, "to", "the water company");
  const std::string unit = dice_.chance(800) ? kUnits[0] : kUnits[1];
  set_text(*message, "lead_unit", unit);
  set_text(*message, "to_unit", unit);
  if (!cases_.empty()) set_text(*message, "into_case", cases_[dice_.pick(cases_.size())].id);
  const int64_t later_us = now_us_ + dice_.between(1, 24 * 30) * kHourUs;
  set_time(*message, "until_time_us", later_us);
  set_time(*message, "deadline_time_us", later_us);
  if (auto* check = dynamic_cast<v1::CheckCase*>(message.get())) {
    check->set_passed(dice_.chance(700));
  }
  if (auto* rate = dynamic_cast<v1::RateCase*>(message.get())) {
    rate->set_stars(static_cast<uint32_t>(dice_.between(1, 5)));
  }
  Request made = request(method, std::move(message));
  made.subject = case_id;
  return made;
}

Request CityWorkload::define_unit() {
  auto unit = std::make_unique<v1::DefineUnit>();
  const std::string name = any_of(dice_, kUnits);
  unit->set_unit(name);
  unit->mutable_title()->set_en("Title " + std::to_string(dice_.pick(2)));
  Request made = request("DefineUnit", std::move(unit));
  made.subject = name;
  return made;
}

Request CityWorkload::import() {
  auto row = std::make_unique<v1::ImportCase>();
  row->set_source_name("old-system");
  row->set_source_id(std::to_string(dice_.pick(12)));
  row->set_kind(v1::Kind::problem);
  row->set_source(v1::Source::hotline);
  row->set_service("rubbish");
  set_place(*row->mutable_place());
  row->set_state(v1::State::closed);
  row->set_reported_time_us(now_us_ - 200 * kHourUs);
  row->set_closed_time_us(now_us_ - 100 * kHourUs);
  if (dice_.chance(100)) row->set_address("elsewhere");
  const std::string key = import_key(row->source_name(), row->source_id());
  const std::string address = row->address();
  Request made = request("ImportCase", std::move(row));
  made.import_key = key;
  made.address = address;
  return made;
}

Request CityWorkload::erase() {
  auto erase = std::make_unique<v1::ErasePerson>();
  const std::string person = any_of(dice_, kPersons);
  erase->set_person(person);
  Request made = request("ErasePerson", std::move(erase));
  made.subject = person;
  return made;
}

}  // namespace hansa::sim
