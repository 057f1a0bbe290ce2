// Goal: the table command × state in core/city/README.md is what the code does, in every cell.
// Method: parse the table, bring a case into each state by real commands, send each command and
// compare the events or the code.
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "core/base/schema.h"
#include "core/city/affiliation.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

using google::protobuf::Message;
using State = v1::State;

struct Table {
  std::vector<std::string> states;
  std::map<std::string, std::vector<std::string>> rows;
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream stream(line.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) {
    const size_t first = cell.find_first_not_of(' ');
    cells.push_back(first == std::string::npos
                        ? ""
                        : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
  }
  return cells;
}

Table read_table() {
  const char* source = std::getenv("HANSA_SOURCE");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/core/city/README.md");
  Table table;
  for (std::string line; std::getline(file, line);) {
    if (table.states.empty()) {
      if (!line.starts_with("| Command |")) continue;
      table.states = cells_of(line);
      table.states.erase(table.states.begin());
      std::getline(file, line);
      continue;
    }
    if (!line.starts_with("|")) break;
    auto cells = cells_of(line);
    const std::string command = cells.front();
    cells.erase(cells.begin());
    table.rows[command] = cells;
  }
  return table;
}

struct Sent {
  std::unique_ptr<Message> command;
  Principal by;
};

template <typename Command>
std::unique_ptr<Command> command_on(const std::string& id) {
  return std::make_unique<Command>(on<Command>(id));
}

Sent work_command(TestCity& city, const std::string& name, const std::string& id) {
  if (name == "AssignCase") {
    auto command = command_on<v1::AssignCase>(id);
    command->set_lead_unit("sanitation");
    return {std::move(command), kDispatcher};
  }
  if (name == "DetermineLead") {
    auto command = command_on<v1::DetermineLead>(id);
    command->set_lead_unit("roads");
    return {std::move(command), kDispatcher};
  }
  if (name == "TransferCase") {
    auto command = command_on<v1::TransferCase>(id);
    command->set_to_unit("roads");
    return {std::move(command), kDispatcher};
  }
  if (name == "CheckCase passed" || name == "CheckCase failed") {
    auto command = command_on<v1::CheckCase>(id);
    command->set_passed(name == "CheckCase passed");
    command->set_note("seen");
    return {std::move(command), kChecker};
  }
  if (name == "MergeCase") {
    auto command = command_on<v1::MergeCase>(id);
    command->set_into_case(city.report_case());
    return {std::move(command), kDispatcher};
  }
  if (name == "DisputeAssignment") return {command_on<v1::DisputeAssignment>(id), kWorker};
  if (name == "AcceptAssignment") return {command_on<v1::AcceptAssignment>(id), kWorker};
  if (name == "StartRectification") return {command_on<v1::StartRectification>(id), kWorker};
  if (name == "ReportRectification") return {command_on<v1::ReportRectification>(id), kWorker};
  return {};
}

Sent date_command(TestCity& city, const std::string& name, const std::string& id) {
  if (name == "PostponeCase") {
    auto command = command_on<v1::PostponeCase>(id);
    command->set_until_time_us(city.now_us + kDay);
    return {std::move(command), kDispatcher};
  }
  if (name == "ExtendDeadline") {
    auto command = command_on<v1::ExtendDeadline>(id);
    command->set_deadline_time_us(city.now_us + 60 * kDay);
    return {std::move(command), kDispatcher};
  }
  if (!name.starts_with("TimerDue ")) return {};
  auto command = std::make_unique<v1::TimerDue>();
  v1::Clock::Value clock = v1::Clock::unspecified;
  EXPECT_TRUE(v1::Clock::Value_Parse(name.substr(9), &clock));
  const auto& row = city.row(id);
  command->set_case_(id);
  command->set_clock(clock);
  command->set_due_time_us(clock == v1::Clock::first_response ? row.first_response_due_time_us()
                                                              : row.deadline_time_us());
  return {std::move(command), person("timer", {})};
}

Sent make_command(TestCity& city, const std::string& name, const std::string& id) {
  if (auto sent = work_command(city, name, id); sent.command != nullptr) return sent;
  if (auto sent = date_command(city, name, id); sent.command != nullptr) return sent;
  if (name == "RateCase") {
    auto command = command_on<v1::RateCase>(id);
    command->set_stars(4);
    return {std::move(command), kCitizen};
  }
  if (name == "VerifyCase") return {command_on<v1::VerifyCase>(id), kVerifier};
  if (name == "RefuteCase") return {command_on<v1::RefuteCase>(id), kVerifier};
  if (name == "FileCase") return {command_on<v1::FileCase>(id), kDispatcher};
  if (name == "RecordFirstResponse") return {command_on<v1::RecordFirstResponse>(id), kHotline};
  if (name == "SendFeedback") return {command_on<v1::SendFeedback>(id), kHotline};
  if (name == "ReopenCase") return {command_on<v1::ReopenCase>(id), kCitizen};
  if (name == "WithdrawCase") return {command_on<v1::WithdrawCase>(id), kCitizen};
  if (name == "ReferCaseOut") return {command_on<v1::ReferCaseOut>(id), kDispatcher};
  if (name == "OfferCase") {
    auto command = command_on<v1::OfferCase>(id);
    command->set_alliance("delta");
    command->set_to_city("wuxi");
    return {std::move(command), kDispatcher};
  }
  ADD_FAILURE() << "the test does not know how to send " << name;
  return {};
}

void join_delta(TestCity& city) {
  v1::JoinAlliance join;
  join.set_alliance("delta");
  join.set_founding_id(std::string(32, 'a'));
  join.set_public_key(std::string(63, 'a') + "1");
  join.set_recovery_key(std::string(63, 'a') + "2");
  city.accept(join, kAdmin);
  v1::TakeHeard heard;
  heard.set_alliance("delta");
  heard.set_city("test");
  heard.add_heard()->mutable_event()->mutable_city_joined()->set_city("test");
  city.accept(heard, person("input", {}));
}

TEST(CaseTable, EveryCellIsWhatTheCodeDoes) {
  const Table table = read_table();
  ASSERT_EQ(table.states.size(), 13U) << "the table in core/city/README.md was not found";
  size_t walked = 0;
  for (const auto& [command, cells] : table.rows) {
    ASSERT_EQ(cells.size(), table.states.size()) << command;
    for (size_t i = 0; i < cells.size(); ++i) {
      State::Value state = State::unspecified;
      ASSERT_TRUE(State::Value_Parse(table.states[i], &state)) << table.states[i];
      TestCity city;
      join_delta(city);
      const std::string id = city.case_in(state);
      ASSERT_EQ(city.row(id).state(), state);
      const auto before = city.rows.dump();
      Sent sent = make_command(city, command, id);
      ASSERT_NE(sent.command, nullptr);
      const auto rows_before_sending = city.rows.dump();
      const auto decision = city.send(*sent.command, sent.by);
      EXPECT_EQ(outcome(decision), cells[i]) << command << " on a case that is " << state;
      if (!decision || decision->events.empty()) {
        EXPECT_EQ(city.rows.dump(), rows_before_sending) << "a refusal changes nothing";
      } else {
        EXPECT_NE(city.rows.dump(), before);
        EXPECT_EQ(decision->state, State::Value_Name(city.row(id).state()));
        EXPECT_EQ(decision->subject_id, id);
      }
      ++walked;
    }
  }
  EXPECT_EQ(walked, 25U * 13U);
}

TEST(CaseTable, HasEveryCommandThatNamesACase) {
  const Table table = read_table();
  for (const auto& method : methods()) {
    if (!method.is_command || method.input->FindFieldByName("case") == nullptr) continue;
    bool found = false;
    for (const auto& [command, cells] : table.rows) found |= command.starts_with(method.name);
    EXPECT_TRUE(found) << method.name << " is missing in core/city/README.md";
  }
}

TEST(CaseTable, UnknownCaseIsNamedAsSuchByEveryCommand) {
  TestCity city;
  const std::string known = city.report_case();
  for (const std::string& id : {std::string("c999999"), known + "x", std::string("x1")}) {
    for (const auto& [name, cells] : read_table().rows) {
      if (name == "TimerDue handling") continue;  // reads the case's own due time
      if (name.starts_with("TimerDue")) continue;
      const auto decision = city.decide_only(*make_command(city, name, id).command, kHotline);
      EXPECT_EQ(outcome(decision), "unknown_case") << name << " on " << id;
    }
  }
}

}  // namespace
}  // namespace hansa
