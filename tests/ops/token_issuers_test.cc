// Goal: a token makes of its caller what the configuration says, and never more; an issuer may
// change its keys at any time. Method: an issuer of the test's own, whose keys are in a file or
// behind a server of ours; tokens that say less, other things or too much.
#include "ops/access/token_issuers.h"

#include <algorithm>
#include <future>
#include <map>

#include "ops/files.h"
#include "ops/http/server.h"
#include "ops/system_env.h"
#include "tests/ops/certificate_maker.h"
#include "tests/ops/token_maker.h"
#include "tests/streams/log_helpers.h"

namespace hansa::ops {
namespace {

using namespace testing;  // NOLINT: the makers of keys and tokens

constexpr int64_t kNowUs = 1'750'000'000'000'000;

class FixedClock : public SystemEnv {
 public:
  int64_t now_us() override { return kNowUs; }
};

std::string claims_with(const std::string& more) {
  return R"({"iss":"https://id.example","aud":"hansa","sub":"ann","exp":1750000600)" + more + "}";
}

class TokenIssuersTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    first_ = ec_key("P-256").release();
    second_ = ec_key("P-256").release();
  }
  static void TearDownTestSuite() {
    for (auto* key : {first_, second_}) EVP_PKEY_free(key);
  }

  TokenIssuersTest() {
    settings_.issuer = "https://id.example";
    settings_.audience = "hansa";
    settings_.roles_claim = "realm.roles";
    settings_.roles = {{"case-worker", v1::Role::dispatcher}, {"desk", v1::Role::hotline}};
    settings_.cities = {"wuxi", "suzhou"};
    settings_.keys_file = folder_.path() + "/keys.json";
    publish({ec_jwk(first_, "1")});
  }

  void publish(const std::vector<std::string>& keys) {
    ASSERT_TRUE(write_file(folder_.path() + "/keys.json", set_of(keys)));
  }
  void open() {
    Config config;
    config.issuers = {settings_};
    config.http.trusted_authorities = trusted_authorities_;
    auto opened = TokenIssuers::open(config, clock_, [this](const std::string&, bool is_stale) {
      const std::lock_guard lock(mutex_);
      stale_ = is_stale;
    });
    ASSERT_TRUE(opened) << opened.error().detail;
    issuers_ = *std::move(opened);
  }
  Result<Principal> ask(const std::string& more, EVP_PKEY* key = first_, const char* id = "1") {
    if (issuers_ == nullptr) open();
    return issuers_->principal_of(
        make_token(key, std::string(R"({"alg":"ES256","kid":")") + id + "\"}", claims_with(more)));
  }

  static inline EVP_PKEY* first_ = nullptr;
  static inline EVP_PKEY* second_ = nullptr;
  streams::TempFolder folder_;
  FixedClock clock_;
  IssuerSettings settings_;
  std::string trusted_authorities_;
  std::mutex mutex_;
  bool stale_ = false;  // guarded by mutex_
  std::unique_ptr<TokenIssuers> issuers_;
};

const std::string kRoles = R"(,"realm":{"roles":["case-worker","gardener"]})";

TEST_F(TokenIssuersTest, ClaimsBecomeWhatTheConfigurationSays) {
  settings_.unit_claim = "unit";
  settings_.grid_prefix_claim = "where.grid";
  const auto who = ask(kRoles + R"(,"unit":"roads","where":{"grid":"north/3"})");
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->issuer, "https://id.example");
  EXPECT_EQ(who->subject, "ann");
  EXPECT_EQ(who->roles, std::vector{v1::Role::dispatcher});
  EXPECT_EQ(who->cities, (std::vector<std::string>{"wuxi", "suzhou"}));
  EXPECT_EQ(who->unit, "roads");
  EXPECT_EQ(who->grid_prefix, "north/3");
}

TEST_F(TokenIssuersTest, WordsInOneTextAreWordsToo) {
  settings_.roles_claim = "scope";
  const auto who = ask(R"(,"scope":"openid  desk case-worker desk")");
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->roles, (std::vector{v1::Role::hotline, v1::Role::dispatcher}));
}

TEST_F(TokenIssuersTest, ATokenWithoutWordsHasNoRoles) {
  const auto who = ask("");
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_TRUE(who->roles.empty());
}

TEST_F(TokenIssuersTest, AMissingClaimThatLimitsIsNotNoLimit) {
  settings_.grid_prefix_claim = "grid";
  for (const auto* more : {"", R"(,"grid":"")", R"(,"grid":7)", R"(,"grid":null)"}) {
    const auto who = ask(kRoles + more);
    ASSERT_FALSE(who) << more;
    EXPECT_EQ(who.error().code, Errc::kUnauthenticated);
    EXPECT_NE(who.error().detail.find("`grid`"), std::string::npos) << who.error().detail;
  }
}

TEST_F(TokenIssuersTest, ATokenNamesNoCityThatItsIssuerHasNot) {
  settings_.cities_claim = "cities";
  const auto who = ask(kRoles + R"(,"cities":["wuxi","shanghai","*"])");
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->cities, std::vector<std::string>{"wuxi"});
}

TEST_F(TokenIssuersTest, APersonIsAPersonIdOrNobody) {
  settings_.person_claim = "person";
  const std::string id(32, 'a');
  EXPECT_EQ(ask(R"(,"person":")" + id + "\"")->person, id);
  EXPECT_FALSE(ask(R"(,"person":"ann")"));
}

TEST_F(TokenIssuersTest, AnotherIssuersTokenIsRefused) {
  open();
  const auto who = issuers_->principal_of(make_token(
      first_, R"({"alg":"ES256","kid":"1"})",
      R"({"iss":"https://other.example","aud":"hansa","sub":"ann","exp":1750000600})"));
  ASSERT_FALSE(who);
  EXPECT_EQ(who.error().code, Errc::kUnauthenticated);
}

TEST_F(TokenIssuersTest, AFileOfKeysThatChangesIsReadAgain) {
  ASSERT_TRUE(ask(kRoles));
  EXPECT_EQ(ask(kRoles, second_, "2").error().code, Errc::kUnauthenticated);
  publish({ec_jwk(second_, "2")});
  while (!ask(kRoles, second_, "2")) std::this_thread::yield();
  EXPECT_EQ(ask(kRoles).error().code, Errc::kUnauthenticated) << "the first key is gone";
}

TEST_F(TokenIssuersTest, AFileOfKeysThatIsSpoiltLeavesTheOldOnes) {
  ASSERT_TRUE(ask(kRoles));
  ASSERT_TRUE(write_file(settings_.keys_file, "{"));
  const auto is_stale = [&] {
    const std::lock_guard lock(mutex_);
    return stale_;
  };
  while (!is_stale()) ASSERT_TRUE(ask(kRoles));
  EXPECT_TRUE(ask(kRoles));
}

TEST_F(TokenIssuersTest, AFileOfKeysThatIsNoneStopsTheStart) {
  ASSERT_TRUE(write_file(settings_.keys_file, R"({"keys":[]})"));
  Config config;
  config.issuers = {settings_};
  const auto opened = TokenIssuers::open(config, clock_, [](const std::string&, bool) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kBadFile);
  EXPECT_NE(opened.error().detail.find("keys.json"), std::string::npos);
}

TEST_F(TokenIssuersTest, KeysAtAnAddressAreAskedForAgainForAnUnknownOne) {
  std::string keys = set_of({ec_jwk(first_, "1")});
  std::mutex mutex;
  Metrics metrics;
  ServerOptions options;
  options.listen = {"127.0.0.1", 0};
  auto server = Server::start(
      options,
      [&](const Call& call) -> boost::asio::awaitable<Reply> {
        const std::lock_guard lock(mutex);
        Reply reply;
        reply.status = call.path == "/keys" && call.query == "set=staff" ? 200 : 404;
        reply.body = keys;
        co_return reply;
      },
      metrics);
  ASSERT_TRUE(server);
  settings_.keys_file.clear();
  settings_.keys_url = "http://" + (*server)->listening().text() + "/keys?set=staff";
  // Until the first answer of the issuer, nobody is refused for good.
  for (auto who = ask(kRoles); !who; who = ask(kRoles)) {
    ASSERT_EQ(who.error().code, Errc::kUnavailable) << who.error().detail;
  }
  {
    const std::lock_guard lock(mutex);
    keys = set_of({ec_jwk(second_, "2")});
  }
  for (auto who = ask(kRoles, second_, "2"); !who; who = ask(kRoles, second_, "2")) {
    if (who.error().code != Errc::kUnavailable) std::this_thread::yield();
  }
  EXPECT_FALSE(ask(kRoles)) << "the first key is gone";
  issuers_.reset();
  (*server)->stop(1'000);
}

TEST_F(TokenIssuersTest, KeysByHttpsAreTakenOfWhoIsTrustedAlone) {
  Authority town("Town");
  Authority other("Other");
  town.write(folder_.path(), "issuer", {});
  town.write_own(folder_.path() + "/town.pem");
  other.write_own(folder_.path() + "/other.pem");
  Metrics metrics;
  ServerOptions options;
  options.listen = {"127.0.0.1", 0};
  auto tls = ServerTls::open({folder_.path() + "/issuer.crt", folder_.path() + "/issuer.key", ""});
  ASSERT_TRUE(tls) << tls.error().detail;
  options.tls = *tls;
  auto server = Server::start(
      options,
      [](const Call&) -> boost::asio::awaitable<Reply> {
        Reply reply;
        reply.body = set_of({ec_jwk(first_, "1")});
        co_return reply;
      },
      metrics);
  ASSERT_TRUE(server);
  settings_.keys_file.clear();
  settings_.keys_url = "https://" + (*server)->listening().text() + "/keys";
  trusted_authorities_ = folder_.path() + "/other.pem";
  open();
  while (metrics.text({}).find("hansa_ops_tls_refused_total 1") == std::string::npos) {
    std::this_thread::yield();
  }
  EXPECT_EQ(ask(kRoles).error().code, Errc::kUnavailable);
  trusted_authorities_ = folder_.path() + "/town.pem";
  open();
  for (auto who = ask(kRoles); !who; who = ask(kRoles)) {
    ASSERT_EQ(who.error().code, Errc::kUnavailable) << who.error().detail;
  }
  issuers_.reset();
  (*server)->stop(1'000);
}

}  // namespace
}  // namespace hansa::ops
