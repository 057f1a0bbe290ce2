// TestLeague: an alliance and its cities in memory, with the way between their ledgers.
//
// Shape:   TestLeague({"suzhou", "wuxi"}) founds the alliance delta, admits the cities and lets
//          them join. send() decides for the alliance, act() for a city; nothing moves between
//          ledgers until say() carries a city's new words to the alliance, hear() the alliance's to
//          a city, and carry() both ways until all is said. advance_to() moves the clock and fires
//          the alliance's timers. After every entry of the alliance, Timer rows must stand exactly
//          while clocks run. Outcomes are the names of events, or the code of the refusal.
// Threads: one.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "core/alliance/campaign.h"
#include "core/alliance/finding.h"
#include "core/alliance/joint_action.h"
#include "core/alliance/share.h"
#include "core/base/schema.h"
#include "core/city/campaign_acts.h"
#include "core/rules.h"
#include "tests/core/test_city.h"

namespace hansa {

struct TestLedger {
  struct Landed {
    EntryContext entry;
    std::vector<v1::Event> events;
  };
  std::string kind;
  MapRows rows;
  std::vector<Landed> landed;
  // Of `landed`, what has been carried on; of a city, to the alliance.
  size_t carried = 0;
  // Of a city: what it heard of the alliance's `landed`.
  size_t heard = 0;
};

class TestLeague {
 public:
  explicit TestLeague(const std::vector<std::string>& cities) {
    alliance.kind = kAllianceKind;
    v1::FoundAlliance found;
    found.set_alliance("delta");
    EXPECT_EQ(send(found), "AllianceFounded");
    for (const auto& city : cities) add_city(city);
    carry();
  }

  void add_city(const std::string& city) {
    const std::string digits = to_hex(sha256(city));
    v1::AdmitCity admit;
    admit.set_alliance("delta");
    admit.set_city(city);
    admit.set_founding_id(digits.substr(0, 32));
    admit.set_public_key(digits);
    admit.set_recovery_key(to_hex(sha256(digits)));
    EXPECT_EQ(send(admit), "CityAdmitted");
    cities[city].kind = kCityKind;
    v1::FoundCity found;
    found.set_city(city);
    EXPECT_TRUE(act(city, found).starts_with("CityFounded"));
    EXPECT_EQ(act(city, joining()), "AllianceJoined");
  }

  static v1::JoinAlliance joining() {
    v1::JoinAlliance join;
    join.set_founding_id(std::string(32, 'a'));
    join.set_public_key(std::string(63, 'a') + "1");
    join.set_recovery_key(std::string(63, 'a') + "2");
    return join;
  }

  std::string send(const google::protobuf::Message& command) {
    static const Principal kSecretary = person("secretary", {v1::Role::secretariat});
    const std::string names = record(alliance, command, kSecretary);
    check_timers();
    return names;
  }

  // `command` may leave out city and alliance.
  template <typename Command>
  std::string act(const std::string& city, Command command, const Principal& who = kAdmin) {
    command.set_city(city);
    if constexpr (requires { command.set_alliance(""); }) command.set_alliance("delta");
    return record(cities.at(city), command, who);
  }

  // One word as a city's ledger would carry it, whatever that city's own rules say; a disregarded
  // one answers its code.
  std::string say_event(const std::string& city, const v1::Event& event) {
    v1::TakeShared words;
    words.set_city(city);
    auto& act = *words.add_acts();
    *act.mutable_event() = event;
    act.set_time_us(now_us);
    const std::string names = send(words);
    if (names != "ActDisregarded") return names;
    return last->events.at(0).act_disregarded().code();
  }

  bool say(const std::string& city) {
    auto& ledger = cities.at(city);
    v1::TakeShared words;
    words.set_city(city);
    for (; ledger.carried < ledger.landed.size(); ++ledger.carried) {
      const auto& landed = ledger.landed[ledger.carried];
      for (const auto& event : landed.events) {
        if (!is_to_alliance(event)) continue;
        auto& act = *words.add_acts();
        act.set_seq(landed.entry.seq);
        act.set_time_us(landed.entry.time_us);
        *act.mutable_event() = event;
        remove_above(*act.mutable_event(), v1::PUBLIC);
      }
    }
    if (words.acts().empty()) return false;
    send(words);
    return true;
  }

  bool hear(const std::string& city) {
    auto& ledger = cities.at(city);
    v1::TakeHeard news;
    news.set_alliance("delta");
    news.set_city(city);
    for (; ledger.heard < alliance.landed.size(); ++ledger.heard) {
      const auto& landed = alliance.landed[ledger.heard];
      for (const auto& event : landed.events) {
        auto& one = *news.add_heard();
        one.set_seq(landed.entry.seq);
        *one.mutable_event() = event;
      }
    }
    if (news.heard().empty()) return false;
    record(ledger, news, kAdmin);
    return true;
  }

  // One piece of news as an alliance's ledger would carry it, whatever its own rules say.
  std::string hear_event(const std::string& city, const v1::Event& event) {
    v1::TakeHeard news;
    news.set_alliance("delta");
    news.set_city(city);
    auto& one = *news.add_heard();
    one.set_seq(alliance.landed.size());
    *one.mutable_event() = event;
    return record(cities.at(city), news, kAdmin);
  }

  void carry() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& [city, ledger] : cities) moved = say(city) || moved;
      for (const auto& [city, ledger] : cities) moved = hear(city) || moved;
    }
  }

  std::vector<v1::Timer> timers() { return timers(alliance); }

  static std::vector<v1::Timer> timers(TestLedger& ledger) {
    std::vector<v1::Timer> found;
    ledger.rows.scan(kTimerTable.id, "", "\xff", [&](std::string_view, const auto& timer) {
      found.push_back(static_cast<const v1::Timer&>(timer));
      return true;
    });
    return found;
  }

  // The names of what fired, in order.
  std::string advance_to(int64_t time_us) {
    return fire(alliance, time_us, [&](const v1::TimerDue& command) { return send(command); });
  }

  // The same of a city's timers.
  std::string advance_city(const std::string& city, int64_t time_us) {
    auto& ledger = cities.at(city);
    return fire(ledger, time_us,
                [&](const v1::TimerDue& command) { return record(ledger, command, kAdmin); });
  }

  std::string fire(TestLedger& ledger, int64_t time_us,
                   const std::function<std::string(const v1::TimerDue&)>& send_due) {
    std::string fired;
    for (auto due = timers(ledger); !due.empty() && due[0].due_time_us() <= time_us;
         due = timers(ledger)) {
      now_us = std::max(now_us, due[0].due_time_us());
      v1::TimerDue command;
      command.set_case_(due[0].case_());
      command.set_subject(due[0].subject());
      command.set_clock(due[0].clock());
      command.set_due_time_us(due[0].due_time_us());
      const std::string names = send_due(command);
      EXPECT_NE(names, "nothing") << "a timer runs for nothing";
      fired += (fired.empty() ? "" : " ") + names;
      if (names == "nothing") break;
    }
    now_us = std::max(now_us, time_us);
    return fired;
  }

  // Every ledger folded once more from its entries gives the same rows.
  void check_replay() {
    check_replay(alliance);
    for (auto& [city, ledger] : cities) check_replay(ledger);
  }

  const v1::Campaign& campaign(const std::string& id = "k1") {
    const auto* row = find_campaign(alliance.rows, id);
    EXPECT_NE(row, nullptr) << id;
    return row == nullptr ? v1::Campaign::default_instance() : *row;
  }

  std::vector<v1::Finding> findings() {
    std::vector<v1::Finding> found;
    alliance.rows.scan(kFindingTable.id, "", "\xff", [&](std::string_view, const auto& row) {
      found.push_back(static_cast<const v1::Finding&>(row));
      return true;
    });
    return found;
  }

  TestLedger alliance;
  std::map<std::string, TestLedger> cities;
  Result<Decision> last = fail(Errc::kInternal, "nothing sent yet");
  int64_t now_us = kStart;

 private:
  std::string record(TestLedger& ledger, const google::protobuf::Message& command,
                     const Principal& who) {
    const Seq seq = ledger.landed.size() + 1;
    last = decide_command(ledger.kind, ledger.rows, command, {who, {}, now_us, seq});
    if (!last || last->events.empty()) return outcome(last);
    const EntryContext entry{seq, now_us, {}};
    for (const auto& event : last->events) {
      const auto evolved = evolve_event_of_ledger(ledger.rows, event, entry);
      EXPECT_TRUE(evolved) << evolved.error().detail;
    }
    ledger.landed.push_back({entry, last->events});
    return outcome(last);
  }

  static void check_replay(const TestLedger& ledger) {
    MapRows again;
    for (const auto& landed : ledger.landed) {
      for (const auto& event : landed.events) {
        EXPECT_TRUE(evolve_event_of_ledger(again, event, landed.entry));
      }
    }
    EXPECT_EQ(again.dump(), ledger.rows.dump());
  }

  void check_timers();
};

inline void TestLeague::check_timers() {
  std::set<std::tuple<int, std::string, int64_t>> expected;
  alliance.rows.scan(kCampaignTable.id, "", "\xff", [&](std::string_view, const auto& message) {
    const auto& row = static_cast<const v1::Campaign&>(message);
    if (row.state() == v1::CampaignState::proposed) {
      expected.insert({v1::Clock::campaign_commitment, row.campaign(), row.commit_by_time_us()});
    }
    return true;
  });
  alliance.rows.scan(kJointActionTable.id, "", "\xff", [&](std::string_view, const auto& message) {
    const auto& row = static_cast<const v1::JointAction&>(message);
    EXPECT_EQ(row.state() == v1::JointState::waiting, row.pair_by_time_us() != 0);
    if (row.pair_by_time_us() != 0) {
      expected.insert({v1::Clock::joint_orphan,
                       row.campaign() + "/" + row.joint_id() + "/" + row.cities(0) + "/" +
                           row.cities(1),
                       row.pair_by_time_us()});
    }
    return true;
  });
  const auto* delta = alliance.rows.find(kAllianceTable, "");
  const uint32_t version = delta == nullptr ? 0 : delta->version_in_force();
  const auto* agreement = alliance.rows.find(kAgreementTable, big_endian(version));
  if (agreement != nullptr && agreement->agreement().valid_until_time_us() != 0) {
    expected.insert({v1::Clock::agreement_expiry, std::to_string(version),
                     agreement->agreement().valid_until_time_us()});
  }
  std::set<std::tuple<int, std::string, int64_t>> standing;
  for (const auto& timer : timers()) {
    standing.insert({timer.clock(), timer.subject(), timer.due_time_us()});
  }
  EXPECT_EQ(standing, expected) << "timers stand exactly while their clocks run";
}

// ---- commands, with what tests seldom change

inline v1::ProposeCampaign campaign_proposal(uint32_t quorum = 0) {
  v1::ProposeCampaign command;
  command.set_alliance("delta");
  command.set_title("Clean river banks");
  command.set_purpose("The banks between us.");
  command.set_commit_by_time_us(kStart + 10 * kDay);
  command.set_starts_time_us(kStart + 12 * kDay);
  command.set_ends_time_us(kStart + 60 * kDay);
  command.set_quorum(quorum);
  return command;
}

inline v1::CommitToCampaign commitment(const std::string& campaign = "k1") {
  v1::CommitToCampaign command;
  command.set_campaign(campaign);
  command.set_contribution("forty people");
  return command;
}

inline v1::DeclineCampaign refusal(const std::string& campaign = "k1") {
  v1::DeclineCampaign command;
  command.set_campaign(campaign);
  command.set_reason("our boats are under repair");
  return command;
}

inline v1::RecordCampaignAction action(const std::string& name, const std::string& partner = "",
                                       const std::string& joint_id = "", uint64_t quantity = 12) {
  v1::RecordCampaignAction command;
  command.set_campaign("k1");
  command.set_action(name);
  command.set_title("North bank");
  command.set_day("2025-01-20");
  command.set_partner(partner);
  command.set_joint_id(joint_id);
  command.set_quantity(quantity);
  command.set_unit("tonnes");
  return command;
}

inline v1::CloseCampaign closing(const std::string& campaign = "k1") {
  v1::CloseCampaign command;
  command.set_alliance("delta");
  command.set_campaign(campaign);
  command.set_summary("done");
  return command;
}

inline v1::SettleFinding settlement(const std::string& finding) {
  v1::SettleFinding command;
  command.set_alliance("delta");
  command.set_finding(finding);
  command.set_reason("both sides agree on twelve tonnes");
  return command;
}

}  // namespace hansa
