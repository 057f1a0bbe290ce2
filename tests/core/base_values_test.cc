// Goal: fractions, policy values and error codes are exact, complete and closed lists; bytes have
// one base64. Method: properties for fractions and base64; every row of the two tables is seen.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "core/base/base64.h"
#include "core/base/policy.h"
#include "core/base/ratio.h"

namespace hansa {
namespace {

v1::Fraction fraction(const std::string& numerator, const std::string& denominator) {
  v1::Fraction value;
  value.set_numerator(numerator);
  value.set_denominator(denominator);
  return value;
}

RC_GTEST_PROP(RatioText, ComesBackReduced, ()) {
  const auto numerator = *rc::gen::arbitrary<int64_t>();
  const auto denominator = *rc::gen::inRange<int64_t>(1, 1'000'000'000);
  const auto ratio = to_ratio(fraction(std::to_string(numerator), std::to_string(denominator)));
  RC_ASSERT(ratio.has_value());
  const auto again = to_ratio(to_fraction(*ratio));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == *ratio);
  RC_ASSERT(*ratio * denominator == numerator);
}

TEST(RatioText, RefusesWhatIsNoFraction) {
  for (const auto& [numerator, denominator] :
       std::vector<std::pair<std::string, std::string>>{{"", "1"}, {"1", ""}, {"1", "0"},
                                                        {"1", "-2"}, {"1.5", "1"}, {"x", "1"},
                                                        {"0x10", "1"}, {"-", "1"}, {"+1", "1"},
                                                        {std::string(101, '1'), "1"}}) {
    const auto ratio = to_ratio(fraction(numerator, denominator));
    ASSERT_FALSE(ratio.has_value()) << numerator << "/" << denominator;
    EXPECT_EQ(ratio.error().code, Errc::kBadRequest);
  }
  EXPECT_EQ(*to_ratio(fraction("010", "1")), Ratio(10)) << "never read as octal";
}

TEST(RatioText, RoundsHalfAwayFromZeroForDisplay) {
  EXPECT_EQ(rounded_text(Ratio(1, 3), 4), "0.3333");
  EXPECT_EQ(rounded_text(Ratio(2, 3), 4), "0.6667");
  EXPECT_EQ(rounded_text(Ratio(-1, 8), 2), "-0.13");
  EXPECT_EQ(rounded_text(Ratio(1, 8), 2), "0.13");
  EXPECT_EQ(rounded_text(Ratio(5, 2), 0), "3");
  EXPECT_EQ(rounded_text(Ratio(-1, 1000), 2), "0.00");
  EXPECT_EQ(rounded_text(Ratio(1234), 2), "1234.00");
  const auto exact =
      to_ratio(fraction("-37564458351978918204180539", "364521765716853728682364691"));
  EXPECT_EQ(rounded_text(*exact * 100, 4), "-10.3051");
}

RC_GTEST_PROP(Base64, ComesBack, (const std::string& bytes)) {
  RC_ASSERT(parse_base64(to_base64(bytes)) == bytes);
}

TEST(Base64, IsTheOneTextOfItsBytes) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(to_base64("\xFB\xFF"), "+/8=");
  EXPECT_EQ(parse_base64(""), "");
  for (const auto* text : {"Zm9vYg", "Zm9vYg=", "Zm9vYg===", "Zm9vYh==", "Zm9v Yg==", "Zm9vYg==\n",
                           "Zm9vYg==Zm9v", "-_8=", "=", "====", "Z", "Zm9vY"}) {
    EXPECT_EQ(parse_base64(text), std::nullopt) << text;
  }
}

TEST(PolicyCatalogue, NamesEndInTheirUnitAndAreUnique) {
  std::set<std::string_view> names;
  for (const auto& info : policies()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.name.ends_with(std::string("_") + std::string(policy_unit_name(info.unit))))
        << info.name;
    EXPECT_FALSE(info.title.empty());
    EXPECT_TRUE(info.section.starts_with("S§") || info.section.starts_with("SPEC §") ||
                info.section == "cfg")
        << info.section;
    const auto own = check_policy_value(
        info.name, fraction(std::to_string(info.numerator), std::to_string(info.denominator)));
    EXPECT_TRUE(own.has_value()) << info.name;
  }
}

TEST(PolicyCatalogue, HasTheNumbersOfTheStudy) {
  MapRows rows;
  const std::vector<std::pair<std::string_view, Ratio>> expected = {
      {"discovery_time_manual_days", 3},
      {"discovery_time_digital_days", Ratio(1, 2)},
      {"discovery_speedup_times", 6},
      {"source_classes_times", 12},
      {"overlap_resolution_first_target_percent", 60},
      {"overlap_resolution_target_percent", 90},
      {"overlap_resolution_reached_percent", 85},
      {"handling_time_before_days", 3},
      {"handling_time_target_days", Ratio(1, 2)},
      {"efficiency_gain_target_percent", 50},
      {"satisfaction_target_percent", 95},
      {"satisfaction_min_stars", 4},
      {"first_response_community_hours", 2},
      {"first_response_cut_percent", 70},
      {"first_response_complaint_hours", 24},
      {"rebound_window_days", 30},
      {"rebound_window_campaign_days", 90},
      {"rebound_rate_before_percent", 45},
      {"rebound_rate_target_percent", 15},
      {"reopening_window_days", 15},
      {"near_duplicate_radius_metres", 200},
      {"near_duplicate_window_hours", 72},
      {"handling_default_working_hours", 40},
      {"publish_to_verified_working_hours", 24},
      {"enforcement_effort_decay_percent", 75},
  };
  for (const auto& [name, value] : expected) EXPECT_EQ(policy_value(rows, name), value) << name;
}

TEST(PolicyCatalogue, ReadsTheAdoptedValueInItsUnit) {
  MapRows rows;
  EXPECT_EQ(policy_us(rows, kReboundWindow), 30LL * 86'400 * 1'000'000);
  auto& row = rows.put(kPolicyTable, kReboundWindow);
  *row.mutable_value() = fraction("1", "3");
  EXPECT_EQ(policy_us(rows, kReboundWindow), 8LL * 3600 * 1'000'000);
  EXPECT_EQ(policy_count(rows, kReboundWindow), 0);
}

TEST(PolicyCatalogue, RefusesForeignNamesAndValuesOutOfRange) {
  EXPECT_EQ(check_policy_value("no_such_policy", fraction("1", "1")).error().code,
            Errc::kUnknownPolicy);
  for (const auto& value : {fraction("-1", "1"), fraction("101", "1"), fraction("1", "0"),
                            fraction("1", "9999999999999999999")}) {
    const auto checked = check_policy_value("satisfaction_target_percent", value);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, Errc::kBadRequest);
    EXPECT_TRUE(checked.error().pointer.starts_with("/value"));
  }
  EXPECT_EQ(check_policy_value("satisfaction_target_percent", fraction("190", "2"))->numerator(),
            "95");
}

TEST(ErrorTable, HasEveryCodeOnceWithUniqueNames) {
  std::set<std::string_view> names;
  std::set<Errc> codes;
  for (const auto& row : error_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(codes.insert(row.code).second) << row.name;
    EXPECT_EQ(find_errc(row.name), row.code);
    EXPECT_EQ(&error_info(row.code), &row);
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.name;
    EXPECT_FALSE(retry_name(row.retry).empty());
  }
  EXPECT_EQ(codes.size(), static_cast<size_t>(Errc::kTooFew) + 1)
      << "every code of the enumeration has a row";
  EXPECT_EQ(find_errc("no_such_code"), std::nullopt);
}

}  // namespace
}  // namespace hansa
