// FoldedCity: a city in memory whose entries are decided by core and folded with all read models.
//
// Shape:   send() decides and folds as one entry; fold() takes events as they are. live_randomly()
//          sends commands that rapidcheck chooses. Calendar: UTC.
// Threads: one.
#pragma once

#include <rapidcheck.h>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "core/city/city_fold.h"
#include "projections/fold.h"
#include "projections/row_cache.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections::testing {

class FoldedCity {
 public:
  FoldedCity() {
    v1::FoundCity founding;
    must(founding);
    v1::DefineGridPart part;
    part.set_district("north");
    auto* street = part.add_streets();
    street->set_id("river-street");
    for (const char* community : {"old-mill", "new-mill"}) {
      street->add_communities()->set_id(community);
    }
    must(part);
    for (const char* name : {"roads", "sanitation", "inspection"}) {
      v1::DefineUnit unit;
      unit.set_unit(name);
      must(unit);
    }
    for (const char* name : {"rubbish", "noise"}) {
      v1::DefineService service;
      service.set_service(name);
      must(service);
    }
    v1::ConnectSource connect;
    connect.set_source(v1::Source::hotline);
    must(connect);
  }

  MapRows& rows() { return rows_; }
  int64_t now_us = kStartUs;

  Result<Decision> send(const google::protobuf::Message& command, const Principal& who) {
    const auto actor = *ActorId::from(sha256(who.subject).view().substr(0, 16));
    HANSA_TRY(auto decision, decide(rows_, command, {who, actor, now_us, seq_ + 1}));
    if (!decision.events.empty()) HANSA_CHECK(fold(decision.events));
    return decision;
  }

  Result<void> fold(const std::vector<v1::Event>& events) {
    v1::Payload payload;
    payload.set_time_us(now_us);
    payload.mutable_cause()->set_kind(v1::CauseKind::command);
    payload.mutable_cause()->set_actor(std::string(16, 'a'));
    payload.mutable_cause()->set_command_id(
        std::string(make_uuid_v7(now_us / 1000, random_of(seq_)).view()));
    for (const auto& event : events) *payload.add_events() = event;
    entries_.push_back(payload);
    return fold_entry(rows_, payload, {++seq_, Hash{}});
  }

  std::vector<v1::Case> cases() {
    std::vector<v1::Case> all;
    rows_.scan(kCaseTable.id, "", "\xff",
               [&](std::string_view, const google::protobuf::Message& row) {
                 all.push_back(static_cast<const v1::Case&>(row));
                 return true;
               });
    return all;
  }

  void live_randomly(int steps) {
    for (int step = 0; step < steps; ++step) {
      now_us += *rc::gen::inRange<int64_t>(0, 30) * kHourUs;
      if (*rc::gen::inRange(0, 4) == 0) fire_timer();
      report_somewhere();
      for (int attempt = 0; attempt < 4; ++attempt) touch_some_case();
    }
  }

  // The same entries through a cache that keeps nothing clean, some of them undone once.
  std::map<std::string, std::string> rows_through_cache() {
    ScratchFolder folder;
    auto store = Store::open(folder.path("rows"), make_store_budget(8, 8));
    HANSA_ASSERT(store.has_value(), "a store can be made");
    RowCache cache(**store, 0);
    ChainPosition position;
    for (const auto& payload : entries_) {
      ++position.seq;
      ++position.next_offset;
      const int attempts = *rc::gen::inRange(1, 3);
      for (int attempt = 1; attempt <= attempts; ++attempt) {
        cache.begin_entry();
        HANSA_ASSERT(fold_entry(cache, payload, {position.seq, Hash{}}).has_value(), "folded once");
        if (attempt < attempts) cache.undo_entries(1);
      }
      cache.land_entries(1);
      if (*rc::gen::inRange(0, 4) == 0) {
        HANSA_ASSERT(cache.commit(position, payload.time_us()).has_value(), "commits work");
      }
    }
    HANSA_ASSERT(cache.commit(position, now_us).has_value(), "commits work");
    std::map<std::string, std::string> all;
    const std::string from(1, '\1');
    const std::string to(1, static_cast<char>(TableId::kIndex));
    HANSA_ASSERT((*store)->snapshot()->scan(from, to, [&](auto key, auto value) {
      all[std::string(key)] = value;
      return true;
    }).has_value(), "rows can be read");
    return all;
  }

 private:
  static std::array<uint8_t, 10> random_of(Seq seq) {
    std::array<uint8_t, 10> random{};
    const Hash hash = sha256(big_endian(seq));
    std::copy_n(hash.bytes.begin(), random.size(), random.begin());
    return random;
  }

  void must(const google::protobuf::Message& command) {
    const auto sent = send(command, staff("admin", {v1::Role::city_admin}));
    HANSA_ASSERT(sent.has_value(), "a city can be founded");
  }

  void report_somewhere() {
    v1::ReportCase command;
    command.set_kind(v1::Kind::problem);
    command.set_source(v1::Source::hotline);
    command.set_service(*rc::gen::element<std::string>("rubbish", "noise"));
    command.mutable_place()->set_district("north");
    command.mutable_place()->set_street("river-street");
    command.mutable_place()->set_community(*rc::gen::element<std::string>("old-mill", "new-mill"));
    if (*rc::gen::inRange(0, 3) > 0) {
      command.mutable_place()->set_latitude(*rc::gen::inRange(-9, 9) * 0.0025);
      command.mutable_place()->set_longitude(*rc::gen::inRange(-9, 9) * 0.0025);
    }
    (void)send(command, staff("hotline", {v1::Role::hotline}));
  }

  template <typename Command>
  static Command on(const std::string& id) {
    Command command;
    command.set_case_(id);
    return command;
  }

  // What is tried next follows the state mostly, so that cases come to their ends.
  void touch_some_case() {
    const auto all = cases();
    if (all.empty()) return;
    const auto& row = all[static_cast<size_t>(*rc::gen::inRange<size_t>(0, all.size()))];
    if (*rc::gen::inRange(0, 8) == 0) return end_otherwise(row, all);
    const std::string& id = row.case_();
    const Principal verifier = staff("verifier", {v1::Role::verifier});
    const Principal dispatcher = staff("dispatcher", {v1::Role::dispatcher});
    const Principal worker = staff("worker", {v1::Role::unit_worker}, row.lead_unit());
    const Principal checker = staff("checker", {v1::Role::checker}, "inspection");
    const Principal hotline = staff("hotline", {v1::Role::hotline});
    switch (row.state()) {
      case v1::State::reported: (void)send(on<v1::VerifyCase>(id), verifier); break;
      case v1::State::verified: (void)send(on<v1::FileCase>(id), dispatcher); break;
      case v1::State::filed: {
        auto command = on<v1::AssignCase>(id);
        command.set_lead_unit(*rc::gen::element<std::string>("roads", "sanitation"));
        (void)send(command, dispatcher);
        break;
      }
      case v1::State::assigned: (void)send(on<v1::AcceptAssignment>(id), worker); break;
      case v1::State::accepted: (void)send(on<v1::StartRectification>(id), worker); break;
      case v1::State::rectifying: (void)send(on<v1::ReportRectification>(id), worker); break;
      case v1::State::rectified: {
        auto command = on<v1::CheckCase>(id);
        command.set_passed(*rc::gen::inRange(0, 4) > 0);
        command.set_note("seen");
        (void)send(command, checker);
        break;
      }
      default: {
        auto rate = on<v1::RateCase>(id);
        rate.set_stars(*rc::gen::inRange(1u, 6u));
        (void)send(rate, hotline);
        auto reopen = on<v1::ReopenCase>(id);
        reopen.set_reason("back again");
        (void)send(reopen, hotline);
      }
    }
  }

  void end_otherwise(const v1::Case& row, const std::vector<v1::Case>& all) {
    const std::string& id = row.case_();
    const Principal dispatcher = staff("dispatcher", {v1::Role::dispatcher});
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        auto command = on<v1::RefuteCase>(id);
        command.set_reason("nothing there");
        (void)send(command, staff("verifier", {v1::Role::verifier}));
        break;
      }
      case 1: (void)send(on<v1::WithdrawCase>(id), staff("hotline", {v1::Role::hotline})); break;
      case 2: {
        auto command = on<v1::ReferCaseOut>(id);
        command.set_to("railway");
        command.set_reason("their ground");
        (void)send(command, dispatcher);
        break;
      }
      default: {
        auto command = on<v1::MergeCase>(id);
        command.set_into_case(all[*rc::gen::inRange<size_t>(0, all.size())].case_());
        (void)send(command, dispatcher);
      }
    }
  }

  void fire_timer() {
    v1::TimerDue command;
    rows_.scan(kTimerTable.id, "", big_endian(static_cast<uint64_t>(now_us)),
               [&](std::string_view, const google::protobuf::Message& message) {
                 const auto& timer = static_cast<const v1::Timer&>(message);
                 command.set_case_(timer.case_());
                 command.set_clock(timer.clock());
                 command.set_due_time_us(timer.due_time_us());
                 return false;
               });
    if (!command.case_().empty()) (void)send(command, staff("timer", {}));
  }

  MapRows rows_;
  Seq seq_ = 0;
  std::vector<v1::Payload> entries_;
};

}  // namespace hansa::projections::testing
