// Goal: campaigns and findings are read as they stand, page by page, from the alliance's ledger and
// from a city's; the alliance's timers fire in its keeper.
// Method: an alliance and a city, each behind a keeper of its own; what one says is fed to the
// other by hand; every read goes through answer_read on a committed snapshot.
#include <gtest/gtest.h>

#include "core/base/durations.h"
#include "core/base/hash.h"
#include "hansa/v1/federation.pb.h"
#include "projections/reads.h"
#include "streams/embedded_log.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::City;
using testing::kStartUs;
using testing::ScratchFolder;
using testing::staff;

class CampaignReadsTest : public ::testing::Test {
 protected:
  CampaignReadsTest() : env_(1, "campaign_reads_test", kStartUs) {
    log_ = std::move(*streams::EmbeddedLog::open({.folder = folder_.path("log"), .fsync = false}));
    secretary_.alliance = "*";
    node_ = std::make_unique<City>(*log_, folder_, env_);
  }

  void found_alliance() {
    node_->ledger = {"alliance", "delta"};
    ASSERT_TRUE(node_->open().has_value());
    call(v1::FoundAlliance(), secretary_);
    for (const char* city : {"shanghai", "suzhou", "wuxi"}) {
      v1::AdmitCity admit;
      admit.set_city(city);
      const std::string digits = to_hex(sha256(city));
      admit.set_founding_id(digits.substr(0, 32));
      admit.set_public_key(digits);
      admit.set_recovery_key(to_hex(sha256(digits)));
      call(admit, secretary_);
      say(city, [](v1::Event& event) { event.mutable_alliance_joined()->set_alliance("delta"); });
    }
  }

  void propose(uint32_t quorum) {
    v1::ProposeCampaign propose;
    propose.set_title("Clean river banks");
    propose.set_purpose("The banks between us.");
    propose.set_commit_by_time_us(env_.now_us() + 10 * kDayUs);
    propose.set_starts_time_us(env_.now_us() + 12 * kDayUs);
    propose.set_ends_time_us(env_.now_us() + 60 * kDayUs);
    propose.set_quorum(quorum);
    call(propose, secretary_);
  }

  void say(const std::string& city, const std::function<void(v1::Event&)>& word) {
    v1::TakeShared words;
    words.set_city(city);
    auto& act = *words.add_acts();
    act.set_time_us(env_.now_us());
    word(*act.mutable_event());
    keep(node_->feed(words));
  }

  void commit(const std::string& city, const std::string& campaign) {
    say(city, [&](v1::Event& event) {
      event.mutable_campaign_committed()->set_campaign(campaign);
      event.mutable_campaign_committed()->set_contribution("forty people");
    });
  }

  void record(const std::string& city, const std::string& partner, uint64_t quantity,
              const std::string& campaign = "k1") {
    say(city, [&](v1::Event& event) {
      auto& recorded = *event.mutable_campaign_action_recorded();
      recorded.set_campaign(campaign);
      auto& action = *recorded.mutable_recorded();
      action.set_action("lake-" + partner);
      action.set_title("The lake's mouth");
      action.set_day("2025-01-20");
      action.set_partner(partner);
      action.set_joint_id("lake");
      action.set_quantity(quantity);
      action.set_unit("tonnes");
    });
  }

  template <typename Request>
  void call(const Request& request, const Principal& who) {
    keep(node_->call(request, who));
  }

  void keep(const Result<v1::Receipt>& receipt) {
    ASSERT_TRUE(receipt.has_value()) << receipt.error().detail;
    seq_ = receipt->seq();
  }

  template <typename Answer, typename Request>
  Result<Answer> read(const Request& request) {
    const auto snapshot = node_->wait_for(seq_, 5'000'000);
    EXPECT_TRUE(snapshot.has_value());
    const ReadContext context{**snapshot,    node_->door(), secretary_,
                              node_->ledger, founding_,     *log_};
    auto answered = answer_read(request, context);
    if (!answered) return fail(answered.error());
    const auto& answer = static_cast<const Answer&>(**answered);
    EXPECT_EQ(answer.ledger(), node_->ledger.text());
    return answer;
  }

  Principal secretary_ = staff("secretary", {v1::Role::secretariat});
  const Principal admin_ = staff("admin", {v1::Role::city_admin});
  const FoundingId founding_ = *FoundingId::from(std::string(16, 'f'));
  ScratchFolder folder_;
  SeededEnv env_;
  std::unique_ptr<streams::EmbeddedLog> log_;
  std::unique_ptr<City> node_;
  Seq seq_ = 0;
};

TEST_F(CampaignReadsTest, TheAllianceShowsCampaignsInTheOrderOfTheirNumbers) {
  found_alliance();
  for (int i = 0; i < 11; ++i) propose(2);
  v1::ListCampaigns list;
  list.set_page_size(4);
  std::string ids;
  for (int pages = 0; pages < 3; ++pages) {
    const auto answer = read<v1::CampaignsAnswer>(list);
    ASSERT_TRUE(answer.has_value());
    for (const auto& row : answer->campaigns()) ids += row.campaign() + " ";
    list.set_page_token(answer->next_page_token());
  }
  EXPECT_EQ(ids, "k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 ");
  EXPECT_EQ(list.page_token(), "");
}

TEST_F(CampaignReadsTest, OneCampaignShowsWhatEachCitySaidAndDid) {
  found_alliance();
  propose(2);
  commit("suzhou", "k1");
  commit("wuxi", "k1");
  say("shanghai", [](v1::Event& event) { event.mutable_campaign_declined()->set_campaign("k1"); });
  record("suzhou", "wuxi", 12);
  record("wuxi", "suzhou", 11);
  v1::GetCampaign get;
  get.set_campaign("k1");
  const auto answer = read<v1::CampaignAnswer>(get);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->campaign().state(), v1::CampaignState::launched);
  EXPECT_EQ(answer->campaign().numbers().differing(), 1U);
  ASSERT_EQ(answer->cities_size(), 3);
  EXPECT_EQ(answer->cities(0).city(), "shanghai");
  EXPECT_EQ(answer->cities(0).word(), v1::CampaignWord::declined);
  EXPECT_EQ(answer->cities(1).actions(0).quantity(), 12U);
  get.set_page_size(2);
  const auto page = read<v1::CampaignAnswer>(get);
  ASSERT_TRUE(page.has_value());
  get.set_page_token(page->next_page_token());
  EXPECT_EQ(read<v1::CampaignAnswer>(get)->cities(0).city(), "wuxi");

  const auto findings = read<v1::FindingsAnswer>(v1::ListFindings());
  ASSERT_TRUE(findings.has_value());
  ASSERT_EQ(findings->findings_size(), 1);
  EXPECT_EQ(findings->findings(0).raised().kind(), v1::FindingKind::differing);
  for (const char* other : {"k2", "k01", "c1"}) {
    v1::GetCampaign unknown;
    unknown.set_campaign(other);
    const auto refused = read<v1::CampaignAnswer>(unknown);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::kUnknownCampaign);
  }
}

TEST_F(CampaignReadsTest, TheKeeperFiresTheClocksOfAnAlliance) {
  found_alliance();
  propose(2);
  propose(1);
  commit("wuxi", "k2");
  record("wuxi", "suzhou", 12, "k2");
  ASSERT_TRUE(node_->wait_for(seq_, 5'000'000).has_value());
  node_->close();
  ASSERT_TRUE(node_->open().has_value()) << "timers that were committed are still known";
  env_.advance_us(15 * kDayUs);
  node_->fire_timers();
  seq_ += 2;
  const auto campaigns = read<v1::CampaignsAnswer>(v1::ListCampaigns());
  ASSERT_TRUE(campaigns.has_value());
  EXPECT_EQ(campaigns->campaigns(0).state(), v1::CampaignState::lapsed);
  EXPECT_EQ(campaigns->campaigns(1).state(), v1::CampaignState::launched);
  EXPECT_EQ(campaigns->campaigns(1).numbers().findings_open(), 1U);
  node_->fire_timers();
  propose(1);
  EXPECT_EQ(read<v1::CampaignsAnswer>(v1::ListCampaigns())->campaigns_size(), 3);
}

TEST_F(CampaignReadsTest, ACityShowsWhatItHeardOfEachAllianceAlone) {
  ASSERT_TRUE(node_->open().has_value());
  testing::found(*node_);
  for (const char* alliance : {"delta", "delta-2"}) {
    v1::JoinAlliance join;
    join.set_alliance(alliance);
    join.set_founding_id(std::string(32, 'a'));
    join.set_public_key(std::string(63, 'a') + "1");
    join.set_recovery_key(std::string(63, 'a') + "2");
    call(join, admin_);
    v1::TakeHeard news;
    news.set_alliance(alliance);
    news.set_city("example");
    news.add_heard()->mutable_event()->mutable_campaign_proposed()->set_campaign("k1");
    auto& raised = *news.add_heard()->mutable_event()->mutable_finding_raised();
    raised.set_finding("f9");
    raised.add_cities("example");
    keep(node_->feed(news));
  }
  v1::ListHeardCampaigns campaigns;
  campaigns.set_alliance("delta");
  const auto heard = read<v1::HeardCampaignsAnswer>(campaigns);
  ASSERT_TRUE(heard.has_value());
  ASSERT_EQ(heard->campaigns_size(), 1);
  EXPECT_EQ(heard->campaigns(0).alliance(), "delta");
  v1::ListHeardFindings findings;
  findings.set_alliance("delta-2");
  const auto concerned = read<v1::HeardFindingsAnswer>(findings);
  ASSERT_TRUE(concerned.has_value());
  ASSERT_EQ(concerned->findings_size(), 1);
  EXPECT_EQ(concerned->findings(0).alliance(), "delta-2");
  EXPECT_EQ(concerned->findings(0).raised().finding(), "f9");
}

}  // namespace
}  // namespace hansa::projections
