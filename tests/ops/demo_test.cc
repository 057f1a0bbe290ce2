// Goal: the demo is the same for the same seed and shows the whole loop, of a city and of an
// alliance. Method: small demos in fresh folders: two with one seed are compared record by record,
// share and alliance ledgers too, one with another seed must differ; then the ledgers are read and
// every branch of the loop must stand in them.
#include "ops/demo/demo.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/alliance/agreement.h"
#include "core/alliance/identity.h"
#include "core/base/day.h"
#include "core/base/ratio.h"
#include "hansa/v1/options.pb.h"
#include "ops/cli/offline.h"
#include "ops/demo/delta_city.h"
#include "ops/files.h"
#include "ops/key_file.h"

namespace hansa::ops {
namespace {

const LedgerId kDelta{"alliance", "delta"};

class Demo : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "hansa-demo-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  DemoOutcome make(const std::string& name, DemoOptions options) {
    options.data_dir = folder_ + "/" + name;
    auto outcome = make_demo(options, {});
    EXPECT_TRUE(outcome) << outcome.error().detail;
    return outcome ? *outcome : DemoOutcome{};
  }

  // Of a share ledger the founding id is that of its alliance and its city together.
  void visit(const std::string& name, const LedgerId& ledger, const VisitRecord& visit) {
    const std::string folder = folder_ + "/" + name;
    const bool is_share = ledger.kind == kShareKind;
    auto stopped = StoppedNode::open(folder, is_share ? kDelta : ledger);
    ASSERT_TRUE(stopped) << stopped.error().detail;
    auto founding_id = stopped->founding_id();
    if (is_share) {
      const LedgerId city{"city", ledger.id.substr(ledger.id.find('/') + 1)};
      const auto keys = read_key_file(key_file_name(folder, city));
      ASSERT_TRUE(keys) << keys.error().detail;
      founding_id = share_founding_id(founding_id, keys->founding_id);
    }
    LogRecords records(stopped->log(), ledger);
    const auto check = check_ledger(records, ledger, founding_id, visit);
    ASSERT_TRUE(check) << check.error().detail;
  }

  std::vector<std::string> records_of(const std::string& name, const LedgerId& ledger) {
    std::vector<std::string> values;
    visit(name, ledger, [&](const SeenRecord& record) { values.emplace_back(record.value); });
    return values;
  }

  std::vector<v1::Event> events_of(const std::string& name, const LedgerId& ledger) {
    std::vector<v1::Event> events;
    visit(name, ledger, [&](const SeenRecord& record) {
      v1::Payload payload;
      ASSERT_TRUE(payload.ParseFromArray(record.payload.data(),
                                         static_cast<int>(record.payload.size())));
      for (const auto& event : payload.events()) events.push_back(event);
    });
    return events;
  }

  static std::string name_of(const v1::Event& event) {
    return v1::Event::descriptor()->FindFieldByNumber(event.event_case())->name();
  }

  std::set<std::string> event_names_of(const std::string& name, const std::string& city) {
    std::set<std::string> names;
    for (const auto& event : events_of(name, {"city", city})) names.insert(name_of(event));
    return names;
  }

  std::string folder_;
};

TEST_F(Demo, OneSeedMakesOneLedgerToTheByte) {
  DemoOptions options;
  options.cities = 2;
  options.days = 5;  // with figures
  const auto one = make("one", options);
  const auto two = make("two", options);
  ASSERT_EQ(one.cities.size(), 2u);
  ASSERT_EQ(two.cities.size(), 2u);
  EXPECT_EQ(demo_json(options, one), demo_json(options, two));
  for (const auto& ledger :
       {LedgerId{"city", "suzhou-js"}, LedgerId{"city", "wuxi"}, LedgerId{"share", "delta/wuxi"},
        LedgerId{"share", "delta/suzhou-js"}, kDelta}) {
    const auto records = records_of("one", ledger);
    EXPECT_GT(records.size(), ledger.kind == "city" ? 300u : 10u) << ledger.text();
    EXPECT_EQ(records, records_of("two", ledger)) << ledger.text();
  }
  options.seed = 2;
  const auto other = make("other", options);
  EXPECT_NE(other.cities[0].tip, one.cities[0].tip);
  EXPECT_NE(other.alliance->tip, one.alliance->tip);
}

TEST_F(Demo, ShowsTheWholeLoopWithEveryBranch) {
  DemoOptions options;
  options.cities = 1;
  options.days = 14;
  const auto outcome = make("loop", options);
  ASSERT_EQ(outcome.cities.size(), 1u);
  EXPECT_TRUE(outcome.cities[0].simulated);
  const auto events = event_names_of("loop", "suzhou-js");
  const auto* all = v1::Event::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    const auto& name = all->field(i)->name();
    if (find_city_event(all->field(i)->message_type()->name()) == nullptr) continue;
    // It belongs to no alliance.
    if (all->field(i)->options().GetExtension(v1::to_alliance)) continue;
    // A demo city adopts the default policies at its founding and keeps its sources.
    if (name == "source_disconnected" || name == "case_imported") continue;
    // Its people and its air are no part of the life of cases.
    if (name == "population_recorded" || name == "air_quality_recorded") continue;
    // A city alone has nobody to disagree with, and no reason to leave (see ShowsAnAlliance…).
    if (all->field(i)->options().GetExtension(v1::to_alliance)) continue;
    EXPECT_TRUE(events.contains(name)) << "no event " << name;
  }
}

uint64_t count(const AllianceOutcome& alliance, const std::string& kind) {
  uint64_t all = 0;
  const auto found = alliance.findings.find(kind);
  if (found == alliance.findings.end()) return 0;
  for (const auto& [state, findings] : found->second) all += findings;
  return all;
}

void check_members(const AllianceOutcome& alliance, int64_t end_us) {
  for (const auto& member : alliance.members) {
    EXPECT_EQ(member.membership, "admitted") << member.city;
    EXPECT_GT(member.joined_time_us, 0) << member.city;
    EXPECT_EQ(member.ratified, alliance.version_in_force) << member.city;
    EXPECT_EQ(member.disregarded, 0u) << member.city;
    EXPECT_GT(member.shared_events, 0u) << member.city;
    EXPECT_GE(member.heard_time_us, end_us - 86'400'000'000) << member.city;
  }
}

// What was planted is found, and nothing else; who declined did nothing.
TEST_F(Demo, ShowsAnAllianceWithEveryBranch) {
  DemoOptions options;
  options.cities = 6;
  options.days = 20;
  options.reports_a_day = 4;
  const auto outcome = make("league", options);
  ASSERT_TRUE(outcome.alliance);
  const auto& alliance = *outcome.alliance;
  EXPECT_EQ(alliance.version_in_force, 2u);
  ASSERT_EQ(alliance.members.size(), 6u);
  check_members(alliance, outcome.end_us);
  ASSERT_EQ(alliance.campaigns.size(), 2u);
  const auto& week = alliance.campaigns[0];
  EXPECT_EQ(week.state(), v1::CampaignState::closed);
  EXPECT_EQ(week.numbers().cities_committed(), 5u);
  EXPECT_EQ(week.numbers().cities_declined(), 1u);
  EXPECT_EQ(alliance.campaigns[1].state(), v1::CampaignState::lapsed);
  EXPECT_EQ(alliance.campaigns[1].numbers().actions(), 0u);
  EXPECT_GT(alliance.planted_differing, 0u);
  EXPECT_EQ(alliance.planted_one_sided, 1u);
  EXPECT_EQ(count(alliance, "differing"), alliance.planted_differing);
  EXPECT_EQ(count(alliance, "orphan"), alliance.planted_one_sided);
  EXPECT_EQ(week.numbers().differing(), alliance.planted_differing);
  EXPECT_EQ(week.numbers().orphans(), alliance.planted_one_sided);
  EXPECT_EQ(alliance.findings.at("differing").at("settled"), 1u);
  EXPECT_EQ(alliance.handovers, (std::map<std::string, uint64_t>{{"declined", 1}, {"taken", 2}}));
  // Each city publishes one figure on its word, and one that anyone reckons.
  EXPECT_EQ(alliance.figures,
            (std::map<std::string, uint64_t>{{"attested", 6}, {"proved", 6}}));
  std::set<std::string> names;
  std::string decliner;
  for (const auto& city : outcome.cities) {
    for (const auto& event : events_of("league", {"city", city.city})) {
      names.insert(name_of(event));
      if (event.has_campaign_declined()) decliner = city.city;
    }
  }
  EXPECT_FALSE(event_names_of("league", decliner).contains("campaign_action_recorded"));
  const auto* all = v1::Event::descriptor();
  for (int i = 0; i < all->field_count(); ++i) {
    const auto& name = all->field(i)->name();
    // A ratification is taken back here by leaving only; the air is no part of the demo.
    if (name == "ratification_revoked" || name.starts_with("alliance_key_")) continue;
    // Nobody signs two histories or forgets what it has cosigned.
    if (name == "fork_found" || name == "witness_forgot") continue;
    if (!all->field(i)->options().GetExtension(v1::to_alliance)) continue;
    EXPECT_TRUE(names.contains(name)) << "no event " << name;
  }
}

// The fields of an event that are set, `place.district`.
void add_fields(const google::protobuf::Message& message, const std::string& prefix,
                std::set<std::string>& fields) {
  std::vector<const google::protobuf::FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const auto* field : set) {
    if (field->message_type() == nullptr) {
      fields.insert(prefix + field->name());
    } else {
      ASSERT_FALSE(field->is_repeated()) << field->full_name();
      add_fields(message.GetReflection()->GetMessage(message, field),
                 prefix + field->name() + ".", fields);
    }
  }
}

// In both versions of the agreement: the second one grants the street too.
TEST_F(Demo, SharesGrantedFieldsOnly) {
  DemoOptions options;
  options.cities = 4;
  options.days = 4;
  const auto outcome = make("shares", options);
  std::set<std::string> fields;
  std::set<uint32_t> versions;
  for (const auto& city : outcome.cities) {
    std::set<std::string> before;
    for (const auto& event : events_of("shares", {"share", "delta/" + city.city})) {
      if (!event.has_entries_shared()) continue;
      const auto& shared = event.entries_shared();
      versions.insert(shared.agreement_version());
      for (const auto& one : shared.events()) {
        const auto* field =
            v1::Event::descriptor()->FindFieldByNumber(one.event().event_case());
        if (field->options().GetExtension(v1::to_alliance)) continue;
        const auto& content = one.event().GetReflection()->GetMessage(one.event(), field);
        add_fields(content, field->message_type()->name() + ".", fields);
        if (shared.agreement_version() < 2) add_fields(content, "", before);
      }
    }
    EXPECT_FALSE(before.contains("place.street")) << city.city;
  }
  EXPECT_EQ(fields, (std::set<std::string>{
                        "CaseReported.case", "CaseReported.kind", "CaseReported.service",
                        "CaseReported.place.district", "CaseReported.place.street",
                        "CaseVerified.case", "CaseRefuted.case", "CaseWithdrawn.case",
                        "CaseReferredOut.case", "CaseMerged.case",
                        "CaseClosed.case", "CaseClosed.closure", "CitizenRated.case",
                        "CitizenRated.closure", "CitizenRated.stars"}));
  EXPECT_EQ(versions, (std::set<uint32_t>{0, 1, 2}));
}

// Even where a day must do for everything, and where the one that leaves has little time to return.
TEST_F(Demo, AShortRunShowsItAllTheSame) {
  for (const auto& [cities, days] : std::vector<std::pair<uint32_t, uint32_t>>{
           {1, 1}, {2, 1}, {5, 1}, {5, 2}, {5, 3}, {4, 4}, {5, 5}}) {
    DemoOptions options;
    options.cities = cities;
    options.days = days;
    options.reports_a_day = 2;
    const auto outcome =
        make("short-" + std::to_string(cities) + "-" + std::to_string(days), options);
    ASSERT_TRUE(outcome.alliance);
    EXPECT_EQ(outcome.alliance->version_in_force, 2u);
    ASSERT_EQ(outcome.alliance->campaigns.size(), 2u);
    EXPECT_EQ(outcome.alliance->campaigns[0].state(), v1::CampaignState::closed);
    EXPECT_EQ(outcome.alliance->campaigns[1].state(), v1::CampaignState::lapsed);
    EXPECT_EQ(count(*outcome.alliance, "differing"), outcome.alliance->planted_differing);
  }
}

std::string days_of(const std::string& code, int year, const std::string& pm25) {
  std::string rows;
  for (int32_t day = *parse_day(std::to_string(year) + "-01-01", "date");; ++day) {
    const auto text = day_text(day);
    if (!text.starts_with(std::to_string(year))) return rows;
    rows += code + "," + text + "," + pm25 + "\n";
  }
}

// Suzhou, and Xuzhou, which ratifies late, have two full years; Wuxi lacks a day, the others all.
TEST_F(Demo, SaysHowTheAirThatItsMembersShareHasChanged) {
  DemoOptions options;
  options.cities = 5;
  options.days = 1;
  options.reports_a_day = 2;
  options.air = folder_ + "/air.csv";
  const auto wuxi = days_of("320200", 2014, "99") + days_of("320200", 2015, "1");
  ASSERT_TRUE(write_file(options.air, "city,date,pm25\n" + days_of("320500", 2014, "40") +
                                          days_of("320500", 2015, "30") +
                                          days_of("320300", 2014, "20") +
                                          days_of("320300", 2015, "20.0") +
                                          wuxi.substr(0, wuxi.rfind("320200"))));
  const auto outcome = make("air", options);
  ASSERT_TRUE(outcome.alliance && outcome.alliance->air);
  const auto& live = outcome.alliance->air->live;
  EXPECT_EQ(live.SerializeAsString(), outcome.alliance->air->anew.SerializeAsString());
  EXPECT_EQ(live.ledger(), "alliance/delta");
  EXPECT_EQ(live.seq(), outcome.alliance->entries);
  EXPECT_EQ(live.year(), 2015u);
  // From 30 to 25; and with a and b people from (40a + 20b) to (30a + 20b).
  EXPECT_EQ(live.simple().change().num() + "/" + live.simple().change().den(), "-1/6");
  const Ratio suzhou = 10'459'890;
  const Ratio xuzhou = 8'577'225;
  const auto weighted = to_fraction(-10 * suzhou / (40 * suzhou + 20 * xuzhou));
  EXPECT_EQ(live.weighted().change().num(), weighted.numerator());
  EXPECT_EQ(live.weighted().change().den(), weighted.denominator());
  for (const auto* figure : {&live.simple(), &live.weighted()}) {
    ASSERT_EQ(figure->counted_size(), 2);
    EXPECT_EQ(figure->counted(0), "suzhou-js");
    EXPECT_EQ(figure->counted(1), "xuzhou");
    ASSERT_EQ(figure->left_out_size(), 3);
    EXPECT_EQ(figure->left_out(2).city(), "wuxi");
    EXPECT_EQ(figure->left_out(2).days(), 364u);
  }
}

// Refused before anything is made: in one sentence, with the line and what was expected there.
TEST_F(Demo, NamesTheLineOfAnAirFileThatIsWrong) {
  const std::string good = "city,date,pm25\n310000,2015-01-01,35.5\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ":1: expected a header line"},
      {"city,day,pm25\n310000,2015-01-01,35.5\n", ":1: expected the columns city, date and pm25"},
      {good + "310000,2015-01-02\n", ":3: expected 3 fields, got 2"},
      {good + "654321,2015-01-02,1\n",
       ":3: expected the code of one of the 41 cities of the Yangtze Delta, like 310000; got "
       "`654321`"},
      {good + "310000,2015-02-30,1\n", ":3: date must be"},
      {good + "310000,2015-01-02,1e3\n", ":3: pm25 must be a decimal number"},
      {good + "310000,2015-01-01,35.5\n",
       ":3: expected each day of a city once; line 2 gives 2015-01-01 of shanghai already"},
      {"city,date,pm25\n310000,1990-01-01,1\n", ": expected days of a year after 1990"},
  };
  DemoOptions options;
  options.cities = 1;
  options.days = 1;
  options.data_dir = folder_ + "/bad";
  options.air = folder_ + "/air.csv";
  for (const auto& [text, expected] : cases) {
    ASSERT_TRUE(write_file(options.air, text));
    const auto outcome = make_demo(options, {});
    ASSERT_FALSE(outcome) << expected;
    EXPECT_EQ(outcome.error().code, Errc::kBadFile);
    EXPECT_TRUE(outcome.error().detail.starts_with(options.air + expected))
        << outcome.error().detail;
    EXPECT_FALSE(std::filesystem::exists(options.data_dir));
  }
  ASSERT_TRUE(write_file(options.air, good));
  options.cities = 0;
  options.files = {{"any.csv", std::string(std::getenv("HANSA_SOURCE")) +
                                   "/examples/setup/cases-mapping.yaml"}};
  const auto nobody = make_demo(options, {});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::kBadConfig);
}

TEST_F(Demo, AGivenFileBecomesACityOfItsOwn) {
  DemoOptions options;
  options.cities = 0;
  options.days = 1;
  const std::string root = std::getenv("HANSA_SOURCE");
  options.files = {
      {root + "/examples/setup/cases.csv", root + "/examples/setup/cases-mapping.yaml"}};
  const auto outcome = make("file", options);
  ASSERT_EQ(outcome.cities.size(), 1u);
  EXPECT_FALSE(outcome.alliance);  // of simulated cities
  const auto& city = outcome.cities[0];
  EXPECT_EQ(city.city, "example");
  EXPECT_FALSE(city.simulated);
  ASSERT_TRUE(city.import);
  EXPECT_EQ(city.import->imported, 3u);
  EXPECT_EQ(city.cases, (std::map<std::string, uint64_t>{
                            {"closed", 1}, {"reported", 1}, {"withdrawn", 1}}));
}

#ifdef HANSA_REAL_REPORTS
TEST_F(Demo, LosAngeles2017GivesItsKnownNumbers) {
  DemoOptions options;
  options.cities = 0;
  options.days = 1;
  const std::string root = std::getenv("HANSA_SOURCE");
  options.files = {{HANSA_REAL_REPORTS, root + "/examples/mappings/la311-2017.yaml"}};
  const auto outcome = make("la", options);
  ASSERT_EQ(outcome.cities.size(), 1u);
  ASSERT_TRUE(outcome.cities[0].import);
  EXPECT_EQ(outcome.cities[0].import->json(),
            "{\"rows\":9999,\"imported\":9987,\"unchanged\":0,\"refused\":12,\"by_state\":{"
            "\"closed\":9727,\"open\":5,\"referred_out\":9,\"withdrawn\":246}}");
}
#endif

TEST_F(Demo, RefusesAFolderThatHoldsData) {
  DemoOptions options;
  options.cities = 1;
  options.days = 1;
  make("one", options);
  options.data_dir = folder_ + "/one";
  const auto again = make_demo(options, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::kAlreadyExists);
}

TEST_F(Demo, KnowsTheFortyOneCitiesOfTheDelta) {
  const auto ids = delta_city_ids();
  EXPECT_EQ(ids.size(), 41u);
  size_t districts = 0;
  size_t streets = 0;
  for (const auto& id : ids) {
    const auto city = delta_city(id);
    ASSERT_TRUE(city) << id;
    EXPECT_GT(city->population, 0u) << id;
    districts += city->districts.size();
    for (const auto& part : city->districts) {
      streets += static_cast<size_t>(part.streets_size());
    }
  }
  EXPECT_LE(districts, 329u);
  EXPECT_EQ(streets, 4'793u);
}

}  // namespace
}  // namespace hansa::ops
