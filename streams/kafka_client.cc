#include "streams/kafka_client.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

namespace hansa::streams {
namespace {

using Properties = std::map<std::string, std::string>;

struct FreeConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, FreeConf>;

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> reason{};
  const auto result =
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size());
  if (result == RD_KAFKA_CONF_OK) return {};
  return fail(Errc::kBadConfig, "log: kafka: properties: " + std::string(reason.data()));
}

// What stands in a file of its own, so that the configuration holds no secret.
constexpr std::string_view kOfFile = ".file";
constexpr std::string_view kSecrets[] = {"sasl.password", "ssl.key.password"};

bool is_in_file(std::string_view name) {
  return std::any_of(std::begin(kSecrets), std::end(kSecrets), [&](std::string_view secret) {
    return name.starts_with(secret) && name.substr(secret.size()) == kOfFile;
  });
}

Result<std::string> read_secret(const std::string& name, const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), {});
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (!text.empty()) return text;
  return fail(Errc::kBadConfig, "log: kafka: properties: " + name +
                                    ": expected a file with the password, `" + file +
                                    "` cannot be read or is empty");
}

Result<Conf> make_conf(const KafkaOptions& options, const Properties& own,
                       const ClientCallbacks& callbacks) {
  Conf conf(rd_kafka_conf_new());
  HANSA_CHECK(set(conf.get(), "bootstrap.servers", options.bootstrap));
  for (const auto& [name, value] : own) HANSA_CHECK(set(conf.get(), name, value));
  for (const auto& [name, value] : options.properties) {
    if (const auto why = refused_property(name); !why.empty()) {
      return fail(Errc::kBadConfig, "log: kafka: properties: expected no `" + name + "`: " + why);
    }
    if (is_in_file(name)) {
      HANSA_TRY(const auto secret, read_secret(name, value));
      HANSA_CHECK(set(conf.get(), name.substr(0, name.size() - kOfFile.size()), secret));
    } else {
      HANSA_CHECK(set(conf.get(), name, value));
    }
  }
  // What it would print is no line of our log; what fails is told by the call or the report.
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);
  rd_kafka_conf_set_opaque(conf.get(), callbacks.opaque);
  if (callbacks.delivered != nullptr) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), callbacks.delivered);
  }
  if (callbacks.failed != nullptr) rd_kafka_conf_set_error_cb(conf.get(), callbacks.failed);
  if (callbacks.rebalanced != nullptr) {
    rd_kafka_conf_set_rebalance_cb(conf.get(), callbacks.rebalanced);
  }
  if (callbacks.statistics != nullptr) {
    HANSA_CHECK(set(conf.get(), "statistics.interval.ms", "1000"));
    rd_kafka_conf_set_stats_cb(conf.get(), callbacks.statistics);
  }
  return conf;
}

Result<KafkaClient> make_client(rd_kafka_type_t type, Result<Conf> conf) {
  if (!conf) return fail(conf.error());
  std::array<char, 512> reason{};
  rd_kafka_t* client = rd_kafka_new(type, conf->get(), reason.data(), reason.size());
  if (client == nullptr) return fail(Errc::kBadConfig, "log: kafka: " + std::string(reason.data()));
  conf->release();  // the client's now
  return KafkaClient(client);
}

// Short pauses: the broker that is away for a moment is asked again at once.
const Properties kConnection = {
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "20"},
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.refresh.fast.interval.ms", "50"},
    {"allow.auto.create.topics", "false"},
    // A broker that holds its tongue has hung, and another may lead by now. A question ends after
    // three of these.
    {"socket.timeout.ms", "5000"},
};

Properties with_connection(Properties own) {
  own.insert(kConnection.begin(), kConnection.end());
  return own;
}

}  // namespace

void CloseClient::operator()(rd_kafka_t* client) const {
  // A group is left by those who joined one; nothing here is worth waiting for.
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Result<KafkaClient> make_producer(const KafkaOptions& options, const ClientCallbacks& callbacks) {
  return make_client(
      RD_KAFKA_PRODUCER,
      make_conf(options,
                with_connection({{"enable.idempotence", "true"},
                                 {"acks", "all"},
                                 {"max.in.flight", "5"},
                                 {"linger.ms", "0"},
                                 {"compression.codec", "zstd"},
                                 {"retry.backoff.ms", "20"},
                                 {"message.timeout.ms", std::to_string(options.message_timeout_ms)},
                                 {"batch.num.messages", "10000"},
                                 {"queue.buffering.max.messages", "1000000"},
                                 {"queue.buffering.max.kbytes", "524288"}}),
                callbacks));
}

Result<KafkaClient> make_consumer(const KafkaOptions& options, const ClientCallbacks& callbacks) {
  constexpr size_t kFetchBytes = 1024 * 1024;
  const size_t ahead =
      std::max(kFetchBytes, options.read_ahead_bytes / std::max<size_t>(1, options.ledgers_max));
  return make_client(
      RD_KAFKA_CONSUMER,
      make_conf(options,
                with_connection({{"isolation.level", "read_uncommitted"},
                                 {"enable.auto.commit", "false"},
                                 {"enable.partition.eof", "true"},
                                 {"auto.offset.reset", "error"},
                                 {"check.crcs", "true"},
                                 // A fetch that waits holds up all other questions to the broker.
                                 {"fetch.wait.max.ms", "5"},
                                 {"fetch.error.backoff.ms", "5"},
                                 {"fetch.message.max.bytes", std::to_string(kFetchBytes)},
                                 // By bytes alone: the count is no measure of memory.
                                 {"queued.min.messages", "10000000"},
                                 {"queued.max.messages.kbytes", std::to_string(ahead / 1024)}}),
                callbacks));
}

Result<KafkaClient> make_group_member(const KafkaOptions& options, const char* group,
                                      int session_ms, const ClientCallbacks& callbacks) {
  HANSA_TRY(auto client,
            make_client(RD_KAFKA_CONSUMER,
                        make_conf(options,
                                  with_connection(
                                      {{"group.id", group},
                                       {"partition.assignment.strategy", "roundrobin"},
                                       {"session.timeout.ms", std::to_string(session_ms)},
                                       {"heartbeat.interval.ms", "300"},
                                       {"isolation.level", "read_uncommitted"},
                                       {"auto.offset.reset", "latest"},
                                       {"enable.auto.commit", "false"},
                                       {"fetch.wait.max.ms", "100"},
                                       {"queued.max.messages.kbytes", "4096"},
                                       // A topic made since the last look is joined soon.
                                       {"topic.metadata.refresh.interval.ms", "5000"}}),
                                  callbacks)));
  rd_kafka_poll_set_consumer(client.get());
  return client;
}

Result<KafkaClient> make_admin(const KafkaOptions& options, const ClientCallbacks& callbacks) {
  return make_client(RD_KAFKA_PRODUCER, make_conf(options, kConnection, callbacks));
}

std::string refused_property(const std::string& name) {
  static const std::map<std::string, std::string> kRefused = {
      {"bootstrap.servers", "it is `bootstrap`, beside `properties`"},
      {"metadata.broker.list", "it is `bootstrap`, beside `properties`"},
      {"enable.idempotence", "appends need it on"},
      {"enable.gapless.guarantee", "an error of one ledger would stop all"},
      {"acks", "an entry is acknowledged by all replicas in sync"},
      {"request.required.acks", "an entry is acknowledged by all replicas in sync"},
      {"transactional.id", "ledgers are appended to without transactions"},
      {"isolation.level", "ledgers are read as they are"},
      {"group.id", "ledgers are read at explicit offsets"},
      {"auto.offset.reset", "a lost offset must be seen"},
      {"enable.partition.eof", "the end of a ledger must be seen"},
      {"enable.auto.commit", "positions stand with the rows"},
      {"allow.auto.create.topics", "topics are made by `hansa topics create`"},
  };
  const auto found = kRefused.find(name);
  return found == kRefused.end() ? "" : found->second;
}

Error kafka_error(rd_kafka_resp_err_t code, const std::string& topic, const std::string& doing) {
  const std::string what = doing + " " + topic + ": " + rd_kafka_err2str(code);
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      // A broker that has just started says so of every topic; one that comes back as another is
      // told by its records.
      return {Errc::kUnavailable, what + ". Expected the topic; bring it back, or make it with "
                                         "`hansa topics create` if the ledger is new"};
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      return {Errc::kLogBehind, what + ". The topic no longer holds what was read of it"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return {Errc::kLedgerStopped, what + ". `hansa topics acls` lists the rights it takes"};
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return {Errc::kUnavailable, what + ". `hansa topics acls` lists the rights it takes"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
      return {Errc::kTooLarge, what};
    default:
      return {Errc::kUnavailable, what + "; try again later"};
  }
}

}  // namespace hansa::streams
