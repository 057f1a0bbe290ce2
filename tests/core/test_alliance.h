// TestAlliance: an alliance in memory for tests of its rules; the tables of its README.
//
// Shape:   founded as delta. send() decides and, if accepted, evolves; it answers the names of the
//          events or the code of the refusal. bring() leads a new city to a standing.
// Threads: one.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/alliance/acts.h"
#include "core/alliance/agreement.h"
#include "core/rules.h"
#include "tests/core/readme_table.h"
#include "tests/core/test_city.h"

namespace hansa {

inline Principal secretary() {
  Principal principal = person("secretary", {v1::Role::secretariat});
  principal.alliance = "delta";
  return principal;
}

inline std::string hex_of(char digit, size_t digits) { return std::string(digits, digit); }

inline v1::AdmitCity admission(const std::string& city, char digit) {
  v1::AdmitCity command;
  command.set_alliance("delta");
  command.set_city(city);
  command.set_founding_id(hex_of(digit, 32));
  command.set_public_key(hex_of(digit, 63) + "1");
  command.set_recovery_key(hex_of(digit, 63) + "2");
  return command;
}

template <typename Command>
Command on_city(const std::string& city) {
  Command command;
  command.set_alliance("delta");
  command.set_city(city);
  return command;
}

class TestAlliance {
 public:
  TestAlliance() {
    v1::FoundAlliance found;
    found.set_alliance("delta");
    EXPECT_EQ(send(found), "AllianceFounded");
  }

  // The events of the entry, or the code of the refusal.
  std::string send(const google::protobuf::Message& command) {
    const Principal who = secretary();
    const DecideContext context{who, {}, kStart + static_cast<int64_t>(seq) * kSecond, seq + 1};
    last = decide_command(kAllianceKind, rows, command, context);
    if (!last) return std::string(error_info(last.error().code).name);
    ++seq;
    for (const auto& event : last->events) {
      const auto evolved = evolve_event_of_ledger(rows, event, {seq, context.time_us, {}});
      EXPECT_TRUE(evolved) << evolved.error().detail;
    }
    return outcome(last);
  }

  void bring(const std::string& city, v1::Membership::Value standing) {
    if (standing == v1::Membership::unspecified) return;
    ASSERT_EQ(send(admission(city, 'a')), "CityAdmitted");
    if (standing == v1::Membership::suspended) {
      ASSERT_EQ(send(on_city<v1::SuspendCity>(city)), "CitySuspended");
    }
    if (standing == v1::Membership::withdrawn) {
      v1::TakeShared words;
      words.set_city(city);
      words.add_acts()->mutable_event()->mutable_alliance_joined()->set_alliance("delta");
      words.add_acts()->mutable_event()->mutable_alliance_left()->set_alliance("delta");
      ASSERT_EQ(send(words), "CityJoined + CityWithdrew");
    }
    if (standing == v1::Membership::expelled) {
      ASSERT_EQ(send(on_city<v1::ExpelCity>(city)), "CityExpelled");
    }
  }

  MapRows rows;
  Seq seq = 0;
  Result<Decision> last = fail(Errc::kInternal, "nothing sent yet");
};

}  // namespace hansa
