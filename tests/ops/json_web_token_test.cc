// Goal: nobody is taken for somebody by a token that its issuer did not sign for us and for now.
// Method: keys and tokens are made here by OpenSSL, right ones and every way of being wrong.
#include "ops/access/json_web_token.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "tests/ops/token_maker.h"

namespace hansa::ops {
namespace {

using namespace testing;  // NOLINT: the makers of keys and tokens

constexpr int64_t kNowUs = 1'750'000'000'000'000;
const TokenRules kRules{"https://id.example", "hansa", 60};

const std::string kClaims = R"({"iss":"https://id.example","aud":"hansa","sub":"ann",)"
                            R"("exp":1750000600,"nbf":1749999000,"roles":["dispatcher"]})";

class JsonWebToken : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rsa_ = rsa_key(2048).release();
    ec_ = ec_key("P-256").release();
    other_ = rsa_key(2048).release();
  }
  static void TearDownTestSuite() {
    for (auto* key : {rsa_, ec_, other_}) EVP_PKEY_free(key);
  }

  JsonWebToken() : keys_(*TokenKeys::parse(set_of({rsa_jwk(rsa_, "r"), ec_jwk(ec_, "e")}))) {}

  Result<boost::json::object> verify(const std::string& token, const char* id = "r",
                                     int64_t now_us = kNowUs) const {
    HANSA_TRY(auto read, read_token(token));
    return verify_token(std::move(read), *keys_.find(id), kRules, now_us);
  }
  void expect_refused(const std::string& token, const std::string& because, const char* id = "r",
                      int64_t now_us = kNowUs) const {
    const auto claims = verify(token, id, now_us);
    ASSERT_FALSE(claims.has_value()) << because;
    EXPECT_EQ(claims.error().code, Errc::kUnauthenticated);
    EXPECT_NE(claims.error().detail.find(because), std::string::npos) << claims.error().detail;
  }

  static inline EVP_PKEY* rsa_ = nullptr;
  static inline EVP_PKEY* ec_ = nullptr;
  static inline EVP_PKEY* other_ = nullptr;
  TokenKeys keys_;
};

const std::string kRsaHead = R"({"alg":"RS256","kid":"r","typ":"JWT"})";
const std::string kEcHead = R"({"alg":"ES256","kid":"e"})";

TEST_F(JsonWebToken, OfBothAlgorithmsIsTaken) {
  const auto by_rsa = verify(make_token(rsa_, kRsaHead, kClaims));
  ASSERT_TRUE(by_rsa.has_value()) << by_rsa.error().detail;
  EXPECT_EQ(by_rsa->at("sub").as_string(), "ann");
  const auto by_ec = verify(make_token(ec_, kEcHead, kClaims), "e");
  ASSERT_TRUE(by_ec.has_value()) << by_ec.error().detail;
  EXPECT_EQ(read_token(make_token(ec_, kEcHead, kClaims))->issuer(), "https://id.example");
}

TEST_F(JsonWebToken, WithoutASignatureIsRefused) {
  const std::string none = R"({"alg":"none","kid":"r"})";
  expect_refused(base64url(none) + "." + base64url(kClaims) + ".", "RS256");
  expect_refused(base64url(kRsaHead) + "." + base64url(kClaims) + ".", "signature");
}

TEST_F(JsonWebToken, SignedWithThePublicKeyAsASecretIsRefused) {
  const std::string head = R"({"alg":"HS256","kid":"r"})";
  const std::string text = base64url(head) + "." + base64url(kClaims);
  const std::string secret = set_of({rsa_jwk(rsa_, "r")});
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const uint8_t*>(text.data()), text.size(), mac, &length);
  expect_refused(text + "." + base64url({reinterpret_cast<char*>(mac), length}), "RS256");
}

TEST_F(JsonWebToken, OfAnotherKeyOrAlgorithmIsRefused) {
  expect_refused(make_token(other_, kRsaHead, kClaims), "signature");
  expect_refused(make_token(ec_, R"({"alg":"ES256","kid":"r"})", kClaims), "RS256");
  expect_refused(make_token(rsa_, R"({"alg":"RS256","kid":"e"})", kClaims), "ES256", "e");
  expect_refused(make_token(rsa_, R"({"alg":"RS512","kid":"r"})", kClaims), "RS256");
}

TEST_F(JsonWebToken, ThatWasChangedIsRefusedWhereverItWas) {
  const std::string token = make_token(ec_, kEcHead, kClaims);
  ASSERT_TRUE(verify(token, "e").has_value());
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify(changed, "e").has_value()) << "byte " << i;
    EXPECT_FALSE(verify(token.substr(0, i), "e").has_value()) << "cut at " << i;
  }
  EXPECT_FALSE(verify(token + "A", "e").has_value());
  EXPECT_FALSE(verify(token + "=", "e").has_value());
  EXPECT_FALSE(verify(token + ".", "e").has_value());
}

TEST_F(JsonWebToken, OfAnotherIssuerOrForOthersIsRefused) {
  const auto with = [&](const std::string& claims) { return make_token(rsa_, kRsaHead, claims); };
  const std::string rest = R"(,"sub":"ann","exp":1750000600})";
  expect_refused(with(R"({"iss":"https://other.example","aud":"hansa")" + rest), "issued by");
  expect_refused(with(R"({"aud":"hansa")" + rest), "issued by");
  expect_refused(with(R"({"iss":"https://id.example","aud":"mail")" + rest), "aud");
  expect_refused(with(R"({"iss":"https://id.example","aud":["mail","wiki"])" + rest), "aud");
  expect_refused(with(R"({"iss":"https://id.example")" + rest), "aud");
  EXPECT_TRUE(verify(with(R"({"iss":"https://id.example","aud":["mail","hansa"])" + rest)));
  expect_refused(with(R"({"iss":"https://id.example","aud":"hansa","exp":1750000600})"), "sub");
}

TEST_F(JsonWebToken, CountsFromItsBeginningToItsEndAndTheLeewayAround) {
  const std::string token = make_token(rsa_, kRsaHead, kClaims);
  const auto at = [](int64_t seconds) { return seconds * 1'000'000; };
  EXPECT_TRUE(verify(token, "r", at(1750000659)));
  expect_refused(token, "expired at 2025-06-15T15:16:40", "r", at(1750000660));
  EXPECT_TRUE(verify(token, "r", at(1749998940)));
  expect_refused(token, "not valid before", "r", at(1749998939));
  const auto with = [&](const std::string& end) {
    return make_token(rsa_, kRsaHead, R"({"iss":"https://id.example","aud":"hansa","sub":"ann")" +
                                          end + "}");
  };
  expect_refused(with(""), "exp");
  expect_refused(with(R"(,"exp":"1750000600")"), "exp");
  expect_refused(with(R"(,"exp":-1)"), "exp");
  expect_refused(with(R"(,"exp":1e300)"), "exp");
  EXPECT_TRUE(verify(with(R"(,"exp":1750000600.5)")));
}

TEST_F(JsonWebToken, WithWhatMustBeUnderstoodAndIsNotIsRefused) {
  expect_refused(make_token(rsa_, R"({"alg":"RS256","kid":"r","crit":["b64"],"b64":false})",
                            kClaims),
                 "crit");
}

TEST_F(JsonWebToken, ThatIsNoneIsRefusedInWords) {
  for (const auto* text : {"", ".", "..", "a.b.c", "e30.e30.", "e30.e30.e30.e30", "W10.W10.W10"}) {
    EXPECT_FALSE(verify(text).has_value()) << text;
  }
  expect_refused(std::string(9'000, 'a'), "three parts");
  const std::string deep(2'000, '[');
  expect_refused(base64url(deep) + "." + base64url(deep) + ".AAAA", "cannot be read");
}

TEST(TokenKeySet, TakesWhatCanSignAndLeavesOutTheRest) {
  const auto good = rsa_key(2048);
  const auto small = rsa_key(1024);
  const auto wide = ec_key("P-384");
  const auto set = TokenKeys::parse(set_of(
      {rsa_jwk(good.get(), "good", R"(,"use":"sig","alg":"RS256")"),
       rsa_jwk(good.get(), "for-secrets", R"(,"use":"enc")"),
       rsa_jwk(good.get(), "other-algorithm", R"(,"alg":"PS256")"), rsa_jwk(small.get(), "small"),
       R"({"kty":"EC","crv":"P-384","kid":"wide","x":"AA","y":"AA"})",
       R"({"kty":"EC","crv":"P-256","kid":"no-point","x":")" + base64url(std::string(32, '\1')) +
           R"(","y":")" + base64url(std::string(32, '\1')) + "\"}",
       R"({"kty":"oct","kid":"secret","k":"AAAA"})", "7"}));
  ASSERT_TRUE(set.has_value()) << set.error().detail;
  EXPECT_NE(set->find("good"), nullptr);
  EXPECT_NE(set->find(""), nullptr) << "there is only one";
  for (const auto* id :
       {"for-secrets", "other-algorithm", "small", "wide", "no-point", "secret", "none"}) {
    EXPECT_EQ(set->find(id), nullptr) << id;
  }
}

TEST(TokenKeySet, ThatHasNoKeyIsRefused) {
  for (const auto* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})",
                           R"({"keys":[{"kty":"oct","k":"AAAA"}]})", "{\"keys\":[", "null"}) {
    const auto set = TokenKeys::parse(text);
    ASSERT_FALSE(set.has_value()) << text;
    EXPECT_EQ(set.error().code, Errc::kBadFile);
  }
}

TEST(TokenKeySet, OfSeveralKeysNoneIsMeantByNoId) {
  const auto first = ec_key("P-256");
  const auto second = ec_key("P-256");
  const auto set = TokenKeys::parse(set_of({ec_jwk(first.get(), "a"), ec_jwk(second.get(), "b")}));
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->find(""), nullptr);
}

}  // namespace
}  // namespace hansa::ops
