// Goal: who may call what, and touch which case: roles count only where they were given.
// Method: every method against every role; the rules on cases one by one.
#include "core/city/access.h"

#include "core/base/schema.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

const LedgerId kSuzhou{"city", "suzhou"};

Principal in_city(v1::Role::Value role, const std::string& city) {
  Principal principal = person("p", {role});
  principal.cities = {city};
  return principal;
}

TEST(Access, OnlyTheRolesOfTheMethodPass) {
  for (const auto& method : methods()) {
    bool is_public = false;
    for (const int role : method.rule.roles()) is_public |= role == v1::Role::public_;
    for (int number = 1; number <= v1::Role::operator_; ++number) {
      const auto role = static_cast<v1::Role::Value>(number);
      bool listed = is_public;
      for (const int wanted : method.rule.roles()) listed |= wanted == number;
      const auto permitted = permit(method.rule, in_city(role, "suzhou"), kSuzhou);
      EXPECT_EQ(permitted.has_value(), listed) << method.name << " by " << role_name(role);
      if (permitted) continue;
      EXPECT_EQ(permitted.error().code, Errc::kForbidden);
    }
    EXPECT_EQ(permit(method.rule, person("nobody", {}), kSuzhou).has_value(), is_public)
        << method.name;
  }
}

TEST(Access, RolesDoNotCountInAnotherCity) {
  const auto& rule = find_method("FileCase")->rule;
  EXPECT_TRUE(permit(rule, in_city(v1::Role::dispatcher, "suzhou"), kSuzhou).has_value());
  EXPECT_TRUE(permit(rule, in_city(v1::Role::dispatcher, "*"), kSuzhou).has_value());
  const auto refused = permit(rule, in_city(v1::Role::dispatcher, "wuxi"), kSuzhou);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kForbidden);
  EXPECT_NE(refused.error().detail.find("suzhou"), std::string::npos);
}

TEST(Access, RolesInAnAllianceCountInThatOneAndNotByACityOfItsName) {
  const LedgerId delta{std::string(kAllianceKind), "delta"};
  const auto& rule = find_method("AdmitCity")->rule;
  Principal secretary = in_city(v1::Role::secretariat, "delta");
  const std::map<std::string, bool> permitted = {
      {"", false}, {"bay", false}, {"delta", true}, {"*", true}};
  for (const auto& [alliance, is_permitted] : permitted) {
    secretary.alliance = alliance;
    EXPECT_EQ(permit(rule, secretary, delta).has_value(), is_permitted) << alliance;
  }
}

TEST(Access, PublicMethodsNeedNoCity) {
  Principal stranger;
  EXPECT_TRUE(permit(find_method("GetCase")->rule, stranger, kSuzhou).has_value());
}

TEST(Access, AVerifierStaysInTheirPartOfTheGrid) {
  const auto& rule = find_method("VerifyCase")->rule;
  v1::Case row;
  row.set_case_("c1");
  row.mutable_place()->set_district("north");
  row.mutable_place()->set_street("river-street-2");
  row.mutable_place()->set_community("old-mill");
  Principal verifier = kVerifier;
  for (const char* prefix :
       {"", "north", "north/river-street-2", "north/river-street-2/old-mill"}) {
    verifier.grid_prefix = prefix;
    EXPECT_TRUE(permit_case(rule, verifier, row).has_value()) << prefix;
  }
  for (const char* prefix : {"south", "north/river-street", "nor"}) {
    verifier.grid_prefix = prefix;
    EXPECT_EQ(permit_case(rule, verifier, row).error().code, Errc::kWrongGrid) << prefix;
  }
}

TEST(Access, OnlyTheLeadUnitWorks) {
  const auto& rule = find_method("AcceptAssignment")->rule;
  v1::Case row;
  row.set_case_("c1");
  row.set_lead_unit("sanitation");
  EXPECT_TRUE(permit_case(rule, kWorker, row).has_value());
  row.set_lead_unit("roads");
  EXPECT_EQ(permit_case(rule, kWorker, row).error().code, Errc::kWrongUnit);
  row.clear_lead_unit();
  EXPECT_EQ(permit_case(rule, person("w", {v1::Role::unit_worker}), row).error().code,
            Errc::kWrongUnit)
      << "no unit is not the lead of a case without one";
}

TEST(Access, OnlyTheReporterOrTheHotlineForThem) {
  const auto& rule = find_method("RateCase")->rule;
  v1::Case row;
  row.set_case_("c1");
  row.set_reporter(kAnn);
  EXPECT_TRUE(permit_case(rule, kCitizen, row).has_value());
  EXPECT_TRUE(permit_case(rule, kHotline, row).has_value());
  const auto other = person("bob", {v1::Role::citizen}, "", kBob);
  EXPECT_EQ(permit_case(rule, other, row).error().code, Errc::kNotReporter);
  row.clear_reporter();
  EXPECT_EQ(permit_case(rule, person("x", {v1::Role::citizen}), row).error().code,
            Errc::kNotReporter)
      << "nobody is the reporter of a case without one";
}

}  // namespace
}  // namespace hansa
