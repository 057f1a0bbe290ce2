// Goal: every method of the schema is reached at its own address and nowhere else.
// Method: addresses are made from the schema's own templates, then spoilt in one place each.
#include "ops/http/router.h"

#include <gtest/gtest.h>

namespace hansa::ops {
namespace {

std::string address_of(const MethodInfo& method) {
  std::string path = method.path;
  for (const auto& field : method.path_fields) {
    const auto open = path.find('{');
    path.replace(open, path.find('}') - open + 1, "the-" + field);
  }
  return path;
}

TEST(Router, FindsEveryMethodOfTheSchema) {
  const Router router;
  ASSERT_FALSE(methods().empty());
  for (const auto& method : methods()) {
    Route route;
    const auto found = router.find(method.http_verb, address_of(method), route);
    ASSERT_TRUE(found) << method.name << ": " << found.error().detail;
    EXPECT_EQ(route.method, &method);
    ASSERT_EQ(route.values.size(), method.path_fields.size());
    for (size_t i = 0; i < route.values.size(); ++i) {
      EXPECT_EQ(route.values[i].first, method.path_fields[i]);
      EXPECT_EQ(route.values[i].second, "the-" + method.path_fields[i]);
    }
  }
}

TEST(Router, OtherVerbsHearWhatIsAllowed) {
  const Router router;
  for (const auto& method : methods()) {
    Route route;
    const auto found = router.find("DELETE", address_of(method), route);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::kMethodNotAllowed);
    EXPECT_NE(route.allow.find(method.http_verb), std::string::npos) << route.allow;
    EXPECT_NE(route.allow.find("OPTIONS"), std::string::npos) << route.allow;
  }
}

TEST(Router, HeadFindsWhatGetFinds) {
  const Router router;
  Route route;
  ASSERT_TRUE(router.find("HEAD", "/v1/cities/wuxi/cases/c7", route));
  EXPECT_EQ(route.method->name, "GetCase");
}

TEST(Router, AddressesThatAreNoneAreUnknown) {
  const Router router;
  for (const char* path :
       {"", "/v1", "/v1/cities", "/v1/cities/", "/v1/cities/wuxi/", "/v1/cities/wuxi/cases/c7/",
        "/v1/cities/wuxi/cases/c7:dance", "/v1/cities/wuxi:verify", "/v1/cities/wuxi/cases/c7/x",
        "//", "/v1/cities/wuxi/cases/%zz", "/v2/cities/wuxi"}) {
    Route route;
    const auto found = router.find("GET", path, route);
    ASSERT_FALSE(found) << path;
    EXPECT_EQ(found.error().code, Errc::kUnknownRoute) << path;
  }
}

TEST(Router, ValuesAreDecodedAndStayInTheirSegment) {
  const Router router;
  Route route;
  ASSERT_TRUE(router.find("GET", "/v1/cities/wu%2Fxi/cases/c%37", route));
  EXPECT_EQ(route.values[0].second, "wu/xi");
  EXPECT_EQ(route.values[1].second, "c7");
}

TEST(Query, PartsAreDecodedAndBrokenEscapesRefused) {
  const auto query = parse_query("state=filed&community=a%2fb+c&page_token=&flag");
  ASSERT_TRUE(query);
  ASSERT_EQ(query->size(), 4u);
  EXPECT_EQ((*query)[1], std::make_pair(std::string("community"), std::string("a/b c")));
  EXPECT_EQ((*query)[2].second, "");
  EXPECT_EQ((*query)[3].first, "flag");
  EXPECT_FALSE(parse_query("a=%4"));
  EXPECT_FALSE(parse_query("a=%gg"));
}

}  // namespace
}  // namespace hansa::ops
