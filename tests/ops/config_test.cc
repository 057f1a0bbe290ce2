// Goal: a configuration with a mistake never starts, and the message leads to the mistake. Method:
// a whole good file, then one mistake at a time; each message must name file, line and, for a slip,
// the nearest known name.
#include "ops/config.h"

#include <gtest/gtest.h>

#include "ops/nearest.h"

namespace hansa::ops {
namespace {

const std::string kGood = R"(node:
  id: node-1
  data_dir: data
log: {kind: embedded, fsync: true}
http:
  listen: 127.0.0.1:8080
  allow_plain: false
metrics:
  listen: 127.0.0.1:9464
ledgers:
  - ledger: city/example
    founding_id: 00112233445566778899aabbccddeeff
access:
  api_keys:
    - id: admin
      sha256: 56c9494aa97c3f1130b6e7e4e65435bfa1280e957237d9047fc67433d7e56b76
      roles: [city_admin]
      cities: [example]
)";

std::string with(const std::string& what, const std::string& by) {
  auto text = kGood;
  text.replace(text.find(what), what.size(), by);
  return text;
}

std::string message_of(const std::string& text, const std::vector<std::string>& environment = {}) {
  const auto config = parse_config(text, "dir/hansa.yaml", environment);
  if (config) return "no error";
  EXPECT_EQ(config.error().code, Errc::kBadConfig);
  return config.error().detail;
}

void expect_parts(const std::string& message, const std::vector<std::string>& parts) {
  for (const auto& part : parts) {
    EXPECT_NE(message.find(part), std::string::npos) << "no `" << part << "` in: " << message;
  }
}

TEST(Config, ReadsAWholeFile) {
  const auto config = parse_config(kGood, "dir/hansa.yaml", {});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->http.listen, (Endpoint{"127.0.0.1", 8080}));
  EXPECT_EQ(config->node.data_dir, "dir/data");
  ASSERT_EQ(config->ledgers.size(), 1u);
  EXPECT_EQ(config->ledgers[0].ledger.text(), "city/example");
  EXPECT_EQ(config->ledgers[0].key_file, "dir/data/keys/city-example.key");
  ASSERT_EQ(config->api_keys.size(), 1u);
  EXPECT_TRUE(config->api_keys[0].principal.has_role(v1::Role::city_admin));
}

TEST(Config, RefusesUnknownKeyWithLineAndNearestName) {
  expect_parts(message_of(with("  listen: 127.0.0.1:8080", "  lisen: 127.0.0.1:8080")),
               {"dir/hansa.yaml:6:", "http.lisen", "did you mean `listen`?"});
  expect_parts(message_of(with("metrics:", "metrcis:")),
               {"dir/hansa.yaml:8:", "metrcis", "did you mean `metrics`?"});
}

TEST(Config, RefusesKeyGivenTwice) {
  expect_parts(message_of(with("  allow_plain: false", "  listen: 127.0.0.1:1")),
               {"dir/hansa.yaml:7:", "http.listen", "again"});
}

TEST(Config, RefusesBadValuesWithLineAndWhatWasExpected) {
  expect_parts(message_of(with("allow_plain: false", "allow_plain: no thanks")),
               {":7:", "http.allow_plain", "true or false", "`no thanks`"});
  expect_parts(message_of(with("127.0.0.1:8080", "8080")), {":6:", "127.0.0.1:8080", "`8080`"});
  expect_parts(message_of(with("00112233445566778899aabbccddeeff", "0011")),
               {":12:", "founding_id", "32 hexadecimal digits"});
  expect_parts(message_of(with("city/example", "town/example")), {":11:", "city/suzhou-js"});
  expect_parts(message_of(with("kind: embedded", "kind: rocksdb")),
               {":4:", "log.kind", "`embedded` or `kafka`"});
  expect_parts(message_of(with("kind: embedded", "kind: kafka")),
               {"log.kafka.bootstrap", "expected a text"});
  const auto kafka = [](const std::string& properties) {
    return with("kind: embedded", "kind: kafka, kafka: {bootstrap: \"h:9092\", properties: {" +
                                      properties + "}}");
  };
  expect_parts(message_of(with("access:", "    outlet: true\naccess:")),
               {"outlet", "`kind: kafka` in section log"});
  expect_parts(message_of(with("access:", "    feeds: [delta]\naccess:")),
               {"feeds", "`kind: kafka` in section log"});
  expect_parts(message_of(kafka("acks: '0'")), {"log.kafka.properties", "no `acks`"});
  EXPECT_TRUE(parse_config(kafka("client.id: me"), "dir/hansa.yaml", {}).has_value());
}

TEST(Config, RefusesUnknownRoleWithNearestName) {
  expect_parts(message_of(with("[city_admin]", "[city_admim]")),
               {":17:", "`city_admim`", "did you mean `city_admin`?"});
}

TEST(Config, RefusesMissingRolesAndLedgers) {
  expect_parts(message_of(with("      roles: [city_admin]\n", "")), {"roles", "at least one role"});
  expect_parts(message_of("node: {id: x}\n"), {"ledgers", "at least one ledger"});
}

TEST(Config, RefusesPlainHttpOffLoopbackUnlessAllowed) {
  expect_parts(message_of(with("127.0.0.1:8080", "0.0.0.0:8080")),
               {":6:", "loopback", "allow_plain: true", "`0.0.0.0:8080`"});
  auto allowed = with("127.0.0.1:8080", "0.0.0.0:8080");
  allowed.replace(allowed.find("allow_plain: false"), 18, "allow_plain: true");
  EXPECT_EQ(message_of(allowed), "no error");
}

TEST(Config, RefusesWhatThisVersionDoesNotOffer) {
  expect_parts(message_of(kGood + "inboxes:\n  - {topic: x}\n"), {":19:", "inboxes", "Kafka"});
  expect_parts(message_of(kGood + "peers:\n  - {bootstrap: x}\n"), {":19:", "peers", "Kafka"});
}

const std::string kIssuer = R"(  jwt:
    - issuer: https://id.example
      audience: hansa
      keys_file: keys.json
      roles: {case-worker: dispatcher}
      cities: [example]
)";

TEST(Config, ReadsTlsAndIssuers) {
  const auto config = parse_config(
      with("allow_plain: false",
           "tls: {certificate: node.crt, key: node.key, caller_authorities: callers.pem}\n"
           "  trusted_authorities: /etc/town.pem") + kIssuer,
      "dir/hansa.yaml", {});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_TRUE(config->http.tls.is_on());
  EXPECT_EQ(config->http.tls.certificate, "dir/node.crt");
  EXPECT_EQ(config->http.tls.key, "dir/node.key");
  EXPECT_EQ(config->http.tls.caller_authorities, "dir/callers.pem");
  EXPECT_EQ(config->http.trusted_authorities, "/etc/town.pem");
  ASSERT_EQ(config->issuers.size(), 1u);
  const auto& issuer = config->issuers[0];
  EXPECT_EQ(issuer.issuer, "https://id.example");
  EXPECT_EQ(issuer.keys_file, "dir/keys.json");
  EXPECT_EQ(issuer.roles_claim, "roles");
  ASSERT_EQ(issuer.roles.size(), 1u);
  EXPECT_EQ(issuer.roles[0].second, v1::Role::dispatcher);
}

TEST(Config, ServesOtherMachinesByTlsOrWhereAProxyDoes) {
  const auto on_all = [](const std::string& more) {
    return with("  listen: 127.0.0.1:8080\n  allow_plain: false", "  listen: 0.0.0.0:8080" + more);
  };
  expect_parts(message_of(on_all("")), {":6:", "http.listen", "tls", "allow_plain"});
  EXPECT_EQ(message_of(on_all("\n  tls: {certificate: x, key: y}")), "no error");
  EXPECT_EQ(message_of(on_all("\n  allow_plain: true")), "no error");
  expect_parts(message_of(on_all("\n  tls: {certificate: x}")), {"http.tls.key"});
}

TEST(Config, RefusesIssuersThatWouldBeTakenForOthers) {
  const auto but = [](const std::string& what, const std::string& by) {
    auto issuer = kIssuer;
    issuer.replace(issuer.find(what), what.size(), by);
    return message_of(kGood + issuer);
  };
  expect_parts(but("https://id.example", "key"), {"access.jwt[0].issuer", "`key`"});
  expect_parts(but("      audience: hansa\n", ""), {"access.jwt[0].audience"});
  expect_parts(but("keys_file: keys.json", "keys_url: http://id.example/keys"),
               {"access.jwt[0].keys_url", "https"});
  expect_parts(but("keys_file: keys.json", "refresh_s: 60"), {"keys_file or keys_url"});
  expect_parts(but("dispatcher", "dispacher"), {"dispacher", "did you mean `dispatcher`?"});
  expect_parts(but("      cities: [example]\n", ""), {"access.jwt[0].cities"});
  expect_parts(but("roles: {case-worker: dispatcher}", "roles: {}"), {"access.jwt[0].roles"});
  expect_parts(message_of(kGood + kIssuer + kIssuer.substr(kIssuer.find('\n') + 1)),
               {"each issuer once"});
}

TEST(Config, RefusesTextThatIsNoYaml) {
  expect_parts(message_of("node: {id: x\nlog: ]"), {"dir/hansa.yaml:2", "expected YAML"});
}

TEST(Config, VariablesLieOverTheFile) {
  const auto config = parse_config(kGood, "hansa.yaml",
                                   {"HANSA_HTTP_LISTEN=127.0.0.1:9000", "HANSA_LOG_FSYNC=false",
                                    "HANSA_LIMITS_CONNECTIONS_MAX=7", "HOME=/root"});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->http.listen.port, 9000);
  EXPECT_FALSE(config->log.fsync);
  EXPECT_EQ(config->limits.connections_max, 7u);
}

TEST(Config, RefusesUnknownOrBadVariablesByName) {
  expect_parts(message_of(kGood, {"HANSA_HTTP_LISTN=127.0.0.1:9000"}),
               {"HANSA_HTTP_LISTN", "did you mean `HANSA_HTTP_LISTEN`?"});
  expect_parts(message_of(kGood, {"HANSA_LOG_FSYNC=perhaps"}),
               {"environment variable HANSA_LOG_FSYNC", "true or false", "`perhaps`"});
}

TEST(Config, LocalhostIsLoopbackAndOtherNamesAreRefused) {
  EXPECT_EQ(Endpoint::parse("localhost:80")->text(), "127.0.0.1:80");
  EXPECT_EQ(Endpoint::parse("[::1]:80")->text(), "[::1]:80");
  EXPECT_TRUE(Endpoint::parse("[::1]:80")->is_loopback());
  for (const char* bad : {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "example:80"}) {
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  }
}

TEST(Nearest, GuessesSlipsOnly) {
  EXPECT_EQ(nearest("serv", {"serve", "setup"}), "serve");
  EXPECT_EQ(nearest("impotr", {"import", "init"}), "import");
  EXPECT_EQ(nearest("banana", {"import", "init"}), "");
}

std::string with_kafka(const std::string& ledger_line = "") {
  std::string text = with("log: {kind: embedded, fsync: true}",
                          "log: {kind: kafka, kafka: {bootstrap: \"a:1\"}}");
  return text.insert(text.find("access:"), ledger_line);
}

TEST(Config, FeedsNameAlliancesOfACity) {
  const auto good = parse_config(with_kafka("    feeds: [delta, lake]\n"), "hansa.yaml", {});
  ASSERT_TRUE(good) << good.error().detail;
  EXPECT_EQ(good->ledgers[0].feeds, (std::vector<std::string>{"delta", "lake"}));
  for (const char* bad : {"[delta, delta]", "[Delta]", "[alliance/delta]"}) {
    expect_parts(message_of(with_kafka("    feeds: " + std::string(bad) + "\n")),
                 {"feeds", "ids of alliances like [delta], each once"});
  }
  auto alliance = with_kafka("    feeds: [delta]\n");
  alliance.replace(alliance.find("city/example"), 12, "alliance/lake");
  expect_parts(message_of(alliance), {"feeds", "a city's ledger"});
}

TEST(Config, PeersSayWhereOthersKeepTheirLedgers) {
  const auto peer = [](const std::string& ledgers, const std::string& more = "") {
    return with_kafka() + "peers:\n  - {ledgers: " + ledgers + ", bootstrap: \"b:2\"" + more +
           "}\n";
  };
  const auto good = parse_config(
      peer("[alliance/delta]", ", properties: {security.protocol: ssl}") +
          "  - {ledgers: [share/lake/wuxi, share/lake/taihu], bootstrap: \"c:3\"}\n",
      "hansa.yaml", {});
  ASSERT_TRUE(good) << good.error().detail;
  ASSERT_EQ(good->peers.size(), 2u);
  EXPECT_EQ(good->peers[0].bootstrap, "b:2");
  EXPECT_EQ(good->peers[0].properties.at("security.protocol"), "ssl");
  EXPECT_EQ(good->peers[1].ledgers.at(1).text(), "share/lake/taihu");
  EXPECT_EQ(good->log.bootstrap, "a:1");
  expect_parts(message_of(peer("[]")), {"ledgers", "at least one ledger, like [alliance/delta]"});
  expect_parts(message_of(peer("[delta]")), {"ledgers", "`delta` is none"});
  expect_parts(message_of(peer("[city/wuxi]")), {"ledgers", "nobody reads a city's own"});
  expect_parts(message_of(peer("[share/delta/example]")),
               {"ledgers", "share/delta/example is kept here"});
  expect_parts(message_of(peer("[alliance/delta, alliance/delta]")), {"each ledger once"});
  expect_parts(message_of(peer("[alliance/delta]", ", acks: \"0\"")), {"peers", "acks"});
  expect_parts(message_of(peer("[alliance/delta]", ", properties: {acks: \"0\"}")),
               {"properties", "no `acks`"});
  expect_parts(message_of(with_kafka() + "peers:\n  - {ledgers: [alliance/delta]}\n"),
               {"bootstrap", "expected a text"});
}

TEST(Config, InboxIsOpenForOneActorAndTheMethodsItNames) {
  const std::string kafka = with("log: {kind: embedded, fsync: true}",
                                 "log: {kind: kafka, kafka: {bootstrap: \"a:1\"}}");
  const auto inbox = [&](const std::string& topic, const std::string& actor,
                         const std::string& methods, const std::string& more = "") {
    return kafka + "inboxes:\n  - topic: " + topic + "\n    ledger: city/example\n    actor: " +
           actor + "\n    methods: [" + methods + "]\n" + more;
  };
  const std::string topic = "hansa.inbox.city.example.other-system";
  const auto config = parse_config(inbox(topic, "admin", "DefineUnit, DefineService"),
                                   "dir/hansa.yaml", {});
  ASSERT_TRUE(config) << config.error().detail;
  ASSERT_EQ(config->inboxes.size(), 1u);
  EXPECT_EQ(config->inboxes[0].source(), "other-system");
  EXPECT_EQ(config->inboxes[0].actor.subject, "admin");
  EXPECT_TRUE(config->inboxes[0].actor.has_role(v1::Role::city_admin));
  EXPECT_EQ(config->inboxes[0].personal_in_clear_days, 0u);
  expect_parts(message_of(inbox("hansa.inbox.city.other.x", "admin", "DefineUnit")),
               {"topic", "hansa.inbox.city.example.<source>"});
  expect_parts(message_of(inbox(topic + ".x", "admin", "DefineUnit")), {"topic", "<source>"});
  expect_parts(message_of(inbox(topic, "nobody", "DefineUnit")), {"actor", "section access"});
  expect_parts(message_of(inbox(topic, "admin", "GetCity")), {"methods", "`GetCity` is none"});
  expect_parts(message_of(inbox(topic, "admin", "")), {"methods", "at least one"});
  expect_parts(message_of(inbox(topic, "admin", "DefineUnit",
                                "    personal_in_clear_days: 31\n")),
               {"personal_in_clear_days", "30"});
}

}  // namespace
}  // namespace hansa::ops
