// LinksTest: a league with the alliance delta, and the steps by which cities come to share with it.
//
// Shape:   bring(city) has it founded, admitted and joined; propose() and ratify() make the
//          agreement; bring_two() brings Wuxi and Suzhou to share the ids of their units.
//          units_shared() reads a share ledger as its subscribers do.
// Threads: the test's.
#pragma once

#include <gtest/gtest.h>

#include "core/city/affiliation.h"
#include "federation/share_reader.h"
#include "tests/federation/league.h"

namespace hansa::federation {

using testing::League;

inline const LedgerId kDelta{"alliance", "delta"};
inline const LedgerId kWuxi{"city", "wuxi"};
inline const LedgerId kSuzhou{"city", "suzhou"};

inline v1::AdmitCity admission(const League& league, const LedgerId& city) {
  v1::AdmitCity command;
  command.set_alliance("delta");
  command.set_city(city.id);
  command.set_founding_id(to_hex(league.founding_id(city)));
  command.set_public_key(league.public_key(city));
  command.set_recovery_key(league.recovery_key(city));
  command.set_witness_key(league.witness_key(city));
  return command;
}

inline v1::JoinAlliance joining(const League& league, const LedgerId& city) {
  v1::JoinAlliance command;
  command.set_city(city.id);
  command.set_alliance("delta");
  command.set_founding_id(to_hex(league.founding_id(kDelta)));
  command.set_public_key(league.public_key(kDelta));
  command.set_recovery_key(league.recovery_key(kDelta));
  return command;
}

inline v1::DefineUnit unit(const LedgerId& city, int number) {
  v1::DefineUnit command;
  command.set_city(city.id);
  command.set_unit("unit-" + std::to_string(number));
  command.mutable_title()->set_en("not granted");
  return command;
}

class LinksTest : public ::testing::Test {
 protected:
  LinksTest() {
    league_.add("alliance", "delta");
    v1::FoundAlliance found;
    found.set_alliance("delta");
    league_.must(kDelta, found);
  }

  void bring(const LedgerId& city) {
    league_.add("city", city.id);
    v1::FoundCity found;
    found.set_city(city.id);
    league_.must(city, found);
    league_.must(kDelta, admission(league_, city));
    league_.must(city, joining(league_, city));
  }

  void propose() { propose({{"UnitDefined", {"unit"}}}); }
  void propose(const std::map<std::string, std::vector<std::string>>& grants) {
    v1::ProposeAgreement proposal;
    proposal.set_alliance("delta");
    proposal.mutable_agreement()->set_purpose("Who works where.");
    for (const auto& [event, fields] : grants) {
      auto& grant = *proposal.mutable_agreement()->add_grants();
      grant.set_event(event);
      for (const auto& field : fields) grant.add_fields(field);
    }
    league_.must(kDelta, proposal);
  }

  void ratify(const LedgerId& city, uint32_t version = 1) {
    const auto heard = league_.row(city, kHeardAgreementTable, heard_key("delta", version));
    ASSERT_TRUE(heard) << city.text() << " has not heard of version " << version;
    v1::RatifyAgreement command;
    command.set_city(city.id);
    command.set_alliance("delta");
    command.set_version(version);
    command.set_sha256(heard->sha256());
    league_.must(city, command);
  }

  // Wuxi and Suzhou share the ids of their units.
  void bring_two() {
    bring(kWuxi);
    bring(kSuzhou);
    propose();
    league_.settle();
    ratify(kWuxi);
    ratify(kSuzhou);
    league_.settle();
  }

  SignedReader::Source share_of(const LedgerId& city) {
    const auto member = league_.row(kDelta, kMemberTable, city.id);
    return {share_ledger("delta", city.id),
            share_founding_id(league_.founding_id(kDelta), league_.founding_id(city)),
            member ? keys_of(*member) : only_key(league_.public_key(city))};
  }

  // The units that the city shares, in order; every range must follow the one before.
  std::vector<std::string> units_shared(const LedgerId& city) {
    std::vector<std::string> units;
    uint64_t told = 0;
    for (Seq from = 1;;) {
      const auto page = read_share(league_.log(), share_of(city), from, 100);
      EXPECT_TRUE(page.has_value()) << page.error().detail;
      if (!page || page->empty()) return units;
      for (const auto& record : *page) {
        from = record.seq + 1;
        for (const auto& event : record.payload.events()) {
          if (!event.has_entries_shared()) continue;
          const auto& shared = event.entries_shared();
          EXPECT_EQ(shared.from_seq(), told + 1);
          told = shared.to_seq();
          for (const auto& one : shared.events()) {
            if (!one.event().has_unit_defined()) continue;
            EXPECT_FALSE(one.event().unit_defined().has_title());
            units.push_back(one.event().unit_defined().unit());
          }
        }
      }
    }
  }

  std::vector<std::string> units(int from, int to) {
    std::vector<std::string> names;
    for (int i = from; i < to; ++i) names.push_back("unit-" + std::to_string(i));
    return names;
  }

  std::optional<v1::InputQuarantined> quarantined(const LedgerId& ledger,
                                                  const LedgerId& input) {
    const auto row = league_.row(ledger, kInputTable, input.text());
    if (!row || !row->has_quarantined()) return std::nullopt;
    return row->quarantined();
  }

  League league_;
};

}  // namespace hansa::federation
