// Goal: what a city or the alliance publishes is reckoned anew from what was shared, and the
// alliance's ledger says what came of it: proved, attested, or a finding with both derivations.
// Method: cities that share what a figure is made of; a member whose share ledger the test writes,
// with a figure nudged in its last digit; a crash between publication and judgement.
#include "federation/figure_judge.h"

#include <set>

#include "core/alliance/finding.h"
#include "core/base/day.h"
#include "core/base/durations.h"
#include "core/city/figures.h"
#include "core/metrics/published.h"
#include "streams/ledger_reader.h"
#include "tests/federation/links_fixture.h"
#include "tests/federation/vouched_tree.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation {
namespace {

using Standing = v1::FigureStanding;
using testing::kStartUs;

// Handling times and verified reports, with all that they are made of.
v1::Agreement on_cases() {
  v1::Agreement terms;
  terms.set_purpose("How fast, and how many.");
  terms.set_smallest_cell(2);
  std::map<std::string, std::set<std::string>> fields;
  for (const char* id : {"handling_time", "verification_rate"}) {
    auto& named = *terms.add_metrics();
    named.set_metric(std::string(id) + "@1");
    named.add_scopes("city");
    for (const auto& input : figure_inputs(**find_metric(id), Scope::kCity)) {
      const auto dot = input.find('.');
      fields[input.substr(0, dot)].insert(input.substr(dot + 1));
    }
  }
  for (const auto& [event, names] : fields) {
    auto& grant = *terms.add_grants();
    grant.set_event(event);
    for (const auto& name : names) grant.add_fields(name);
  }
  return terms;
}

class FigureJudgeTest : public LinksTest {
 protected:
  // Wuxi and Suzhou share by it.
  void bring_sharing(const v1::Agreement& terms) {
    bring(kWuxi);
    bring(kSuzhou);
    v1::ProposeAgreement proposal;
    proposal.set_alliance("delta");
    *proposal.mutable_agreement() = terms;
    league_.must(kDelta, proposal);
    league_.settle();
    for (const auto& city : {kWuxi, kSuzhou}) ratify(city);
    league_.settle();
    league_.env().advance_us(1'000'000);
  }

  // Cases of Wuxi that were closed after an hour.
  void close_some(int cases) {
    v1::DefineGridPart grid;
    grid.set_city("wuxi");
    grid.set_district("north");
    grid.add_streets()->set_id("river-street");
    grid.mutable_streets(0)->add_communities()->set_id("old-mill");
    league_.must(kWuxi, grid);
    v1::DefineService service;
    service.set_city("wuxi");
    service.set_service("rubbish");
    league_.must(kWuxi, service);
    v1::ImportCase row;
    row.set_city("wuxi");
    row.set_source_name("old-system");
    row.set_service("rubbish");
    row.mutable_place()->set_district("north");
    row.mutable_place()->set_street("river-street");
    row.mutable_place()->set_community("old-mill");
    row.set_state(v1::State::closed);
    row.set_reported_time_us(kStartUs - kHourUs);
    row.set_closed_time_us(kStartUs);
    for (int i = 0; i < cases; ++i) {
      row.set_source_id(std::to_string(i));
      league_.must(kWuxi, row);
    }
  }

  static v1::PublishMetric first_day() {
    v1::PublishMetric command;
    command.set_city("wuxi");
    command.set_alliance("delta");
    command.set_metric("handling_time@1");
    command.set_scope("city");
    command.set_from_day(day_text(static_cast<int32_t>(kStartUs / kDayUs)));
    command.set_to_day(command.from_day());
    return command;
  }

  std::string publish(const LedgerId& ledger, const google::protobuf::Message& command) {
    const auto receipt = league_.call(ledger, command);
    EXPECT_TRUE(receipt.has_value()) << receipt.error().detail;
    return receipt ? receipt->subject_id() : "";
  }

  // Rows are read once they show all that landed: then the judge sees them, too.
  v1::FigureRecord judged(const std::string& city, const std::string& publication) {
    for (int i = 0; i < 20; ++i) {
      league_.settle();
      const auto record =
          league_.row(kDelta, kFigureRecordTable, figure_key(city, publication));
      if (record && record->standing() != Standing::unspecified) return *record;
    }
    ADD_FAILURE() << "nobody judged " << publication << " of " << city;
    return {};
  }

  int judgements() {
    const SignedReader::Source source{kDelta, league_.founding_id(kDelta),
                                      only_key(league_.public_key(kDelta))};
    int count = 0;
    for (Seq from = 1;;) {
      const auto page = read_share(league_.log(), source, from, 100);
      EXPECT_TRUE(page.has_value()) << page.error().detail;
      if (!page || page->empty()) return count;
      for (const auto& record : *page) {
        from = record.seq + 1;
        for (const auto& event : record.payload.events()) count += event.has_figure_judged();
      }
    }
  }
};

TEST_F(FigureJudgeTest, WhatFollowsFromWhatIsSharedIsProved) {
  bring_sharing(on_cases());
  close_some(3);
  league_.env().advance_us(2 * kDayUs);
  league_.settle();
  const auto publication = publish(kWuxi, first_day());
  const auto record = judged("wuxi", publication);
  EXPECT_EQ(record.figure().claim(), Standing::proved);
  EXPECT_EQ(record.standing(), Standing::proved) << record.difference();
  EXPECT_EQ(record.figure().total().sample(), 3U);
  ASSERT_EQ(record.sources_size(), 1);
  const auto& source = record.sources(0);
  EXPECT_EQ(source.ledger(), "share/delta/wuxi");
  EXPECT_EQ(source.city_seq() + 1, std::stoull(publication.substr(1)));
  VouchedTree tree(share_ledger("delta", "wuxi"), share_of(kWuxi).founding_id);
  Hash tip;
  ChainPosition from;
  from.tip = founding_hash(share_of(kWuxi).founding_id);
  ASSERT_TRUE(streams::read_ledger(
      league_.log(), share_ledger("delta", "wuxi"), share_of(kWuxi).founding_id, from,
      {[&](Seq seq, Offset, const Hash& hash, std::string_view value) -> Result<void> {
        if (seq > source.size()) return {};
        tree.add(value);
        tip = hash;
        return {};
      }}));
  EXPECT_EQ(source.root_sha256(), to_hex(tree.head().root));
  EXPECT_EQ(source.tip_sha256(), to_hex(tip));
}

TEST_F(FigureJudgeTest, WhatNobodyCanReckonIsAttested) {
  auto terms = on_cases();
  terms.mutable_grants()->DeleteSubrange(0, 1);
  bring_sharing(terms);
  close_some(3);
  league_.env().advance_us(2 * kDayUs);
  league_.settle();
  const auto record = judged("wuxi", publish(kWuxi, first_day()));
  EXPECT_EQ(record.standing(), Standing::attested);
  EXPECT_EQ(record.difference(), "");
  ASSERT_EQ(record.sources_size(), 1);
  EXPECT_EQ(record.sources(0).root_sha256().size(), 64U);
}

TEST_F(FigureJudgeTest, ACrashBeforeTheJudgementLosesAndDoublesNothing) {
  bring_sharing(on_cases());
  close_some(3);
  league_.env().advance_us(2 * kDayUs);
  league_.settle();
  const auto publication = publish(kWuxi, first_day());
  const std::string key = figure_key("wuxi", publication);
  for (int i = 0; i < 20'000 && !league_.row(kDelta, kFigureRecordTable, key); ++i) {
    league_.links().poke();
  }
  for (int crash = 0; crash < 3; ++crash) {
    league_.links().poke();
    league_.abandon();
    league_.open();
    league_.links().look_around();
  }
  EXPECT_EQ(judged("wuxi", publication).standing(), Standing::proved);
  league_.settle();
  EXPECT_EQ(judgements(), 1);
}

TEST_F(FigureJudgeTest, TheChangeOfTheAirOfTwoCitiesIsProved) {
  v1::Agreement terms;
  terms.set_purpose("Our air.");
  auto& named = *terms.add_metrics();
  named.set_metric("air_change@1");
  named.add_scopes("city");
  auto& days = *terms.add_grants();
  days.set_event("AirQualityRecorded");
  days.add_fields("date");
  days.add_fields("pm25");
  auto& people = *terms.add_grants();
  people.set_event("PopulationRecorded");
  people.add_fields("people");
  people.add_fields("year");
  bring_sharing(terms);
  for (const auto& city : {kWuxi, kSuzhou}) {
    v1::RecordPopulation population;
    population.set_city(city.id);
    population.set_people(city == kWuxi ? 1'000'000 : 3'000'000);
    population.set_year(2010);
    league_.must(city, population);
    for (int year = 2014; year <= 2015; ++year) {
      v1::RecordAirQuality air;
      air.set_city(city.id);
      for (int32_t day = *parse_day(std::to_string(year) + "-01-01", "");
           day < *parse_day(std::to_string(year + 1) + "-01-01", ""); ++day) {
        auto& one = *air.add_days();
        one.set_date(day_text(day));
        one.set_pm25(year == 2014 ? "40.5" : city == kWuxi ? "30" : "20.25");
      }
      league_.must(city, air);
    }
  }
  league_.settle();
  v1::PublishAllianceMetric command;
  command.set_alliance("delta");
  command.set_metric("air_change@1");
  command.set_year(2015);
  const auto record = judged("", publish(kDelta, command));
  EXPECT_EQ(record.standing(), Standing::proved) << record.difference();
  ASSERT_EQ(record.sources_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(record.sources(i).size(), record.figure().sources(i).size());
    EXPECT_EQ(record.sources(i).tip_sha256(), record.figure().sources(i).tip_sha256());
    EXPECT_EQ(record.sources(i).root_sha256().size(), 64U);
  }
}

// A member whose share ledger is written by the test.
class NudgedFigureTest : public FigureJudgeTest {
 protected:
  NudgedFigureTest() : writer_(share_of(kForged).founding_id, 9) {
    league_.must(kDelta, admission(league_, kForged));
    bring_sharing(on_cases());
    v1::Event joined;
    joined.mutable_alliance_joined()->set_alliance("delta");
    share({joined});
    const auto heard = league_.row(kWuxi, kHeardAgreementTable, heard_key("delta", 1));
    v1::Event ratified;
    auto& terms = *ratified.mutable_agreement_ratified();
    terms.set_alliance("delta");
    terms.set_version(1);
    *terms.mutable_agreement() = heard->agreement();
    terms.set_sha256(heard->sha256());
    share({ratified});
    std::vector<v1::Event> cases(4);
    for (size_t i = 0; i < 3; ++i) {
      cases[i].mutable_case_reported()->set_case_("c" + std::to_string(i + 1));
    }
    cases[3].mutable_case_verified()->set_case_("c1");
    for (const auto& event : cases) share({event});
  }

  // The city's next entry, and the checkpoint over it.
  void share(const std::vector<v1::Event>& events) {
    v1::Event event;
    auto& shared = *event.mutable_entries_shared();
    shared.set_alliance("delta");
    shared.set_city(kForged.id);
    shared.set_from_seq(++city_seq_);
    shared.set_to_seq(city_seq_);
    for (const auto& word : events) {
      auto& one = *shared.add_events();
      one.set_seq(city_seq_);
      one.set_time_us(kStartUs);
      *one.mutable_event() = word;
    }
    write(event);
    v1::Event checkpoint;
    *checkpoint.mutable_checkpoint_signed() =
        sign_checkpoint(league_.seed(kForged), tree_.head());
    write(checkpoint);
  }
  void write(const v1::Event& event) {
    v1::Payload payload;
    *payload.add_events() = event;
    const std::string value = writer_.next(payload.SerializeAsString());
    tree_.add(value);
    const auto ledger = share_ledger("delta", kForged.id);
    streams::append_now(league_.log(), ledger, {value}, *league_.log().end(ledger));
  }

  // Of three reports `met` are said to be verified; one is.
  v1::FigureRecord publish_forged(uint64_t met, Seq city_seq) {
    v1::Event event;
    auto& published = *event.mutable_metric_published();
    published.set_alliance("delta");
    published.set_publication("m" + std::to_string(city_seq_ + 1));
    auto& figure = *published.mutable_figure();
    figure.set_metric("verification_rate@1");
    figure.set_scope("city");
    figure.set_from_day(first_day().from_day());
    figure.set_to_day(first_day().to_day());
    figure.mutable_total()->set_sample(3);
    figure.mutable_total()->set_met(met);
    figure.mutable_total()->mutable_value()->set_numerator(std::to_string(met));
    figure.mutable_total()->mutable_value()->set_denominator("3");
    figure.set_claim(Standing::proved);
    auto& source = *figure.add_sources();
    source.set_ledger(share_ledger("delta", kForged.id).text());
    source.set_city_seq(city_seq);
    share({event});
    return judged(kForged.id, published.publication());
  }

  const LedgerId kForged{"city", "forged"};
  streams::EntryWriter writer_;
  VouchedTree tree_{share_ledger("delta", kForged.id), share_of(kForged).founding_id};
  Seq city_seq_ = 0;
};

TEST_F(NudgedFigureTest, AnHonestOneIsProved) {
  EXPECT_EQ(publish_forged(1, 6).standing(), Standing::proved);
}

TEST_F(NudgedFigureTest, OneNudgedInItsLastDigitIsAFindingWithBothDerivations) {
  const auto record = publish_forged(2, 6);
  EXPECT_EQ(record.standing(), Standing::does_not_follow);
  EXPECT_NE(record.difference().find("2/3"), std::string::npos) << record.difference();
  EXPECT_NE(record.difference().find("1/3"), std::string::npos) << record.difference();
  std::optional<v1::Finding> finding;
  for (Seq seq = 1; seq <= league_.landed_seq(kDelta) && !finding; ++seq) {
    finding = league_.row(kDelta, kFindingTable, finding_key(finding_id(seq, 0)));
  }
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->raised().kind(), v1::FindingKind::figure);
  EXPECT_EQ(finding->raised().cities(0), "forged");
  ASSERT_EQ(finding->raised().evidence_size(), 2);
  EXPECT_NE(finding->raised().evidence(0).text().find("2/3"), std::string::npos);
  EXPECT_NE(finding->raised().evidence(1).text().find(record.sources(0).root_sha256()),
            std::string::npos);
  EXPECT_EQ(finding->raised().evidence(1).sha256(), record.sources(0).tip_sha256());
}

TEST_F(NudgedFigureTest, OneThatCountsOtherEntriesThanThoseBeforeItDoesNotFollow) {
  const auto record = publish_forged(1, 7);
  EXPECT_EQ(record.standing(), Standing::does_not_follow);
  EXPECT_NE(record.difference().find("published with entry 7"), std::string::npos)
      << record.difference();
}

// An alliance that records another figure than the city's, and one that counts what came later.
TEST(ToldFigure, MustBeTheOneThatTheAllianceHas) {
  v1::FigureRecord record;
  record.set_city("wuxi");
  record.set_publication("m7");
  auto& figure = *record.mutable_figure();
  figure.mutable_total()->mutable_value()->set_numerator("1");
  figure.mutable_total()->mutable_value()->set_denominator("3");
  figure.add_sources()->set_city_seq(6);
  v1::Payload payload;
  auto& shared = *payload.add_events()->mutable_entries_shared()->add_events();
  shared.set_seq(7);
  auto& published = *shared.mutable_event()->mutable_metric_published();
  published.set_publication("m7");
  *published.mutable_figure() = figure;
  EXPECT_EQ(told_in(payload, "m8").seq, 0U);
  EXPECT_TRUE(check_told(told_in(payload, "m7"), record));
  const auto why = [&] {
    const auto checked = check_told(told_in(payload, "m7"), record);
    return checked ? "" : checked.error().detail;
  };
  shared.set_seq(8);
  EXPECT_EQ(why(), "it counts the city's entries up to 6, and is published with entry 8");
  figure.mutable_total()->mutable_value()->set_numerator("2");
  EXPECT_NE(why().find("wuxi published it otherwise with entry 8: the whole"), std::string::npos);
  *published.mutable_figure() = figure;
  figure.set_to_day("2025-01-31");
  EXPECT_NE(why().find("scope, period or sources differ"), std::string::npos);
}

}  // namespace
}  // namespace hansa::federation
