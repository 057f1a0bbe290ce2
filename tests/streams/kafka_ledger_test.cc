// Goal:   on a real broker a ledger has one history: rivals never make a command valid twice, a
//         broker that goes away takes nothing with it, a topic that is not what it was is never
//         appended to, and wrong settings are named with what mends them.
// Method: appenders on topics of their own, whose deliveries the test hands over itself; the test
//         stops and starts the broker, deletes topics and alters settings as an operator would by
//         mistake.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "core/base/assert.h"
#include "streams/kafka_client.h"
#include "streams/kafka_log.h"
#include "streams/kafka_topics.h"
#include "streams/ledger_reader.h"
#include "tests/streams/mini_keeper.h"

namespace hansa::streams {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  HANSA_ASSERT(value != nullptr, "run by cmake/kafka/broker run");
  return value;
}

KafkaOptions options() {
  KafkaOptions options;
  options.bootstrap = environment("HANSA_KAFKA");
  options.message_timeout_ms = 3'000;
  return options;
}

// What a log delivers on its own threads is kept until the test takes it.
class PumpedLog final : public Log {
 public:
  explicit PumpedLog(std::unique_ptr<Log> inner) : inner_(std::move(inner)) {}

  Result<Offset> end(const LedgerId& ledger) override { return inner_->end(ledger); }
  Result<ReadResult> read(const LedgerId& ledger, Offset from, size_t bytes_max) override {
    return inner_->read(ledger, from, bytes_max);
  }
  void append(const LedgerId& ledger, std::vector<std::string> values, Offset expected_end,
              Delivered delivered) override {
    ++open_;
    inner_->append(ledger, std::move(values), expected_end,
                   [this, delivered = std::move(delivered)](std::vector<Delivery> deliveries) {
                     const std::lock_guard lock(mutex_);
                     ready_.push_back([delivered, deliveries = std::move(deliveries)]() mutable {
                       delivered(std::move(deliveries));
                     });
                     filled_.notify_all();
                   });
  }
  void renew_writer(const LedgerId& ledger) override { inner_->renew_writer(ledger); }

  // Waits until every flight was answered, and hands the answers over.
  void pump() {
    std::unique_lock lock(mutex_);
    while (open_ > 0) {
      filled_.wait(lock, [this] { return !ready_.empty(); });
      for (auto& deliver : std::exchange(ready_, {})) {
        deliver();
        --open_;
      }
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<std::function<void()>> ready_;
  size_t open_ = 0;  // the test's own
  std::unique_ptr<Log> inner_;  // goes first: it may still deliver
};

std::unique_ptr<PumpedLog> open_log() {
  return std::make_unique<PumpedLog>(std::move(KafkaLog::open(options())).value());
}

// ---- what an operator does by mistake

rd_kafka_event_t* wait_for(rd_kafka_queue_t* queue) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 30'000);
  HANSA_ASSERT(event != nullptr && rd_kafka_event_error(event) == 0, "the broker answers");
  return event;
}

using Ask = std::function<void(rd_kafka_t*, rd_kafka_queue_t*)>;

void ask_cluster(const Ask& ask) {
  const KafkaClient client = std::move(make_admin(options())).value();
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client.get());
  ask(client.get(), queue);
  rd_kafka_event_destroy(wait_for(queue));
  rd_kafka_queue_destroy(queue);
}

void delete_topic(const LedgerId& ledger) {
  ask_cluster([&](rd_kafka_t* client, rd_kafka_queue_t* queue) {
    rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(ledger.topic().c_str());
    rd_kafka_DeleteTopics(client, &topic, 1, nullptr, queue);
    rd_kafka_DeleteTopic_destroy(topic);
  });
}

void alter_topic(const LedgerId& ledger, const char* setting, const char* value) {
  ask_cluster([&](rd_kafka_t* client, rd_kafka_queue_t* queue) {
    auto* resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, ledger.topic().c_str());
    rd_kafka_ConfigResource_set_config(resource, setting, value);
    rd_kafka_AlterConfigs(client, &resource, 1, nullptr, queue);
    rd_kafka_ConfigResource_destroy(resource);
  });
}

void make_topic_of_two_partitions(const LedgerId& ledger) {
  ask_cluster([&](rd_kafka_t* client, rd_kafka_queue_t* queue) {
    auto* topic = rd_kafka_NewTopic_new(ledger.topic().c_str(), 2, 1, nullptr, 0);
    rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue);
    rd_kafka_NewTopic_destroy(topic);
  });
}

void broker(const std::string& word) {
  const std::string command = environment("HANSA_SOURCE") + "/cmake/kafka/broker " + word + " " +
                              environment("HANSA_KAFKA_FOLDER") + " > /dev/null";
  HANSA_ASSERT(std::system(command.c_str()) == 0, "the broker can be stopped and started");
}

class KafkaLedgerTest : public testing::Test {
 protected:
  KafkaLedgerTest() { make_topic(); }

  void make_topic() {
    const auto made = create_topics(options(), {ledger_});
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    ASSERT_EQ(made->size(), 1u);
  }

  // A broker answers that a topic is deleted before every part of it knows.
  void wait_until_gone(Log& log) {
    while (log.end(ledger_).has_value()) std::this_thread::yield();
  }

  // So it is with what is made or altered. A topic that is gone is found as `topic`.
  void wait_until_found(const LedgerId& ledger, const std::string& setting) {
    const auto found = [&] {
      const auto findings = check_topics(options(), {ledger});
      return findings && std::any_of(findings->begin(), findings->end(), [&](const auto& finding) {
               return finding.setting == setting;
             });
    };
    while (!found()) std::this_thread::yield();
  }

  std::unique_ptr<MiniKeeper> keeper(Log& log) {
    return std::make_unique<MiniKeeper>(log, founding_, env_, ChainPosition{},
                                        std::vector<MiniKeeper::Folded>{}, ledger_);
  }

  // One round of one keeper, as its loop would make it.
  static void work(PumpedLog& log, MiniKeeper& keeper) {
    keeper.follow();
    keeper.round();
    log.pump();
    keeper.deliver();
  }

  // What an auditor reads; every command must stand there once.
  std::vector<MiniKeeper::Folded> audit() {
    std::vector<MiniKeeper::Folded> entries;
    std::set<std::string> seen;
    const auto log = open_log();
    const LedgerVisitor visitor{
        [&](Seq, Offset, const Hash& hash, std::string_view value) -> Result<void> {
          const std::string payload(payload_of(value));
          EXPECT_TRUE(seen.emplace(payload).second) << payload << " is valid twice";
          entries.push_back({hash, payload});
          return {};
        }};
    const auto reached = read_ledger(*log, ledger_, founding_, {}, visitor);
    EXPECT_TRUE(reached.has_value()) << reached.error().detail;
    return entries;
  }

  const LedgerId ledger_{"city", "k" + fresh_name()};
  const FoundingId founding_ = *FoundingId::from(std::string(16, 'k'));
  SeededEnv env_{static_cast<uint64_t>(getpid()), fresh_name()};
};

// ---- one history

TEST_F(KafkaLedgerTest, RivalsNeverMakeACommandValidTwice) {
  struct Writer {
    std::unique_ptr<PumpedLog> log;
    std::unique_ptr<MiniKeeper> keeper;
  };
  std::vector<Writer> writers(3);
  for (auto& writer : writers) {
    writer.log = open_log();
    writer.keeper = keeper(*writer.log);
  }
  for (size_t w = 0; w < writers.size(); ++w) {
    for (int c = 0; c < 40; ++c) {
      const std::string command = "w" + std::to_string(w) + "c" + std::to_string(c);
      writers[w].keeper->demand(command);
      // A caller who turned to another node too.
      if (c % 3 == 0) writers[(w + 1) % writers.size()].keeper->demand(command);
    }
  }
  bool wants_more = true;
  for (int round = 0; wants_more && round < 300; ++round) {
    // All send on what they know, then all hear what became of it.
    for (auto& writer : writers) writer.keeper->round(3);
    for (auto& writer : writers) writer.log->pump();
    wants_more = false;
    for (auto& writer : writers) {
      writer.keeper->deliver();
      if (round % 2 == 1) writer.keeper->follow();
      wants_more = wants_more || writer.keeper->wants_more();
    }
  }
  const auto entries = audit();
  EXPECT_EQ(entries.size(), 120u);
  for (auto& writer : writers) {
    EXPECT_FALSE(writer.keeper->wants_more());
    writer.keeper->follow();
    EXPECT_FALSE(writer.keeper->error) << writer.keeper->error->detail;
    EXPECT_EQ(writer.keeper->prefix(), entries);
    EXPECT_TRUE(writer.keeper->appender.check_tail());
    EXPECT_GT(writer.keeper->foreign, 0u);
  }
}

TEST_F(KafkaLedgerTest, ABrokerThatGoesAwayTakesNothingWithIt) {
  const auto log = open_log();
  const auto own = keeper(*log);
  for (int c = 0; c < 20; ++c) own->demand("before " + std::to_string(c));
  work(*log, *own);
  ASSERT_EQ(own->acknowledged().size(), 20u);
  broker("stop");
  own->demand("meanwhile");
  work(*log, *own);
  EXPECT_EQ(own->acknowledged().count("meanwhile"), 0u);
  const auto end = log->end(ledger_);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, Errc::kUnavailable) << end.error().detail;
  broker("start");
  for (int i = 0; i < 100 && own->wants_more(); ++i) work(*log, *own);
  EXPECT_FALSE(own->error) << own->error->detail;
  EXPECT_EQ(own->acknowledged().count("meanwhile"), 1u);
  EXPECT_EQ(audit(), own->prefix());
}

// ---- topics that are not what they were

TEST_F(KafkaLedgerTest, ADeletedTopicIsNotTakenForAnEmptyLedger) {
  const auto log = open_log();
  const auto own = keeper(*log);
  own->demand("a");
  work(*log, *own);
  delete_topic(ledger_);
  wait_until_gone(*log);
  own->follow();
  ASSERT_TRUE(own->error);
  EXPECT_EQ(own->error->code, Errc::kUnavailable) << own->error->detail;
  EXPECT_NE(own->error->detail.find(ledger_.topic()), std::string::npos);
  make_topic();
  own->follow();
  ASSERT_TRUE(own->error);
  EXPECT_EQ(own->error->code, Errc::kLogBehind) << own->error->detail;
  own->demand("b");
  EXPECT_FALSE(own->round());
  EXPECT_TRUE(audit().empty()) << "nothing was appended to the topic that took its place";
}

TEST_F(KafkaLedgerTest, AReplacedTopicIsSeenBeforeAnythingIsAppended) {
  const auto log = open_log();
  const auto own = keeper(*log);
  own->demand("a");
  own->demand("b");
  work(*log, *own);
  delete_topic(ledger_);
  wait_until_found(ledger_, "topic");
  make_topic();
  const auto other_log = open_log();
  const auto other = keeper(*other_log);
  for (const char* command : {"x", "y", "z"}) other->demand(command);
  work(*other_log, *other);
  ASSERT_EQ(other->acknowledged().size(), 3u);
  const auto checked = own->appender.check_tail();
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, Errc::kChainBroken) << checked.error().detail;
  own->demand("c");
  EXPECT_FALSE(own->round());
  EXPECT_EQ(audit().size(), 3u);
}

// ---- settings

TEST_F(KafkaLedgerTest, AWrongSettingIsNamedWithTheCommandThatMendsIt) {
  EXPECT_TRUE(check_topics(options(), {ledger_})->empty());
  alter_topic(ledger_, "retention.ms", "1000");
  wait_until_found(ledger_, "retention.ms");
  const auto findings = check_topics(options(), {ledger_});
  ASSERT_TRUE(findings.has_value()) << findings.error().detail;
  // Altering one setting this way sets the others to the broker's own.
  const auto found = std::find_if(findings->begin(), findings->end(), [](const auto& finding) {
    return finding.setting == "retention.ms";
  });
  ASSERT_NE(found, findings->end());
  EXPECT_EQ(found->expected, "-1");
  EXPECT_EQ(found->found, "1000");
  EXPECT_NE(found->mend.find("--entity-name " + ledger_.topic() + " --add-config retention.ms=-1"),
            std::string::npos);
}

TEST_F(KafkaLedgerTest, AMissingTopicAndASecondPartitionAreFound) {
  const LedgerId missing{"city", "m" + fresh_name()};
  const LedgerId wide{"city", "w" + fresh_name()};
  make_topic_of_two_partitions(wide);
  wait_until_found(wide, "partitions");
  const auto findings = check_topics(options(), {missing, wide});
  ASSERT_TRUE(findings.has_value()) << findings.error().detail;
  ASSERT_GE(findings->size(), 2u);
  EXPECT_EQ((*findings)[0].setting, "topic");
  EXPECT_EQ((*findings)[0].mend, "hansa topics create");
  EXPECT_EQ((*findings)[1].setting, "partitions");
  EXPECT_EQ((*findings)[1].found, "2");
  EXPECT_TRUE(create_topics(options(), {ledger_, missing})->size() == 1);
}

// ---- a producer that fails for good, on a cluster inside the client library

class MockCluster {
 public:
  explicit MockCluster(const LedgerId& ledger) {
    std::array<char, 256> reason{};
    client_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason.data(),
                               reason.size()));
    cluster_ = rd_kafka_mock_cluster_new(client_.get(), 1);
    rd_kafka_mock_topic_create(cluster_, ledger.topic().c_str(), 1, 1);
  }
  ~MockCluster() { rd_kafka_mock_cluster_destroy(cluster_); }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  KafkaOptions options() const {
    KafkaOptions options;
    options.bootstrap = rd_kafka_mock_cluster_bootstraps(cluster_);
    return options;
  }
  void fail_next_produce(rd_kafka_resp_err_t error) {
    constexpr int16_t kProduce = 0;
    rd_kafka_mock_push_request_errors(cluster_, kProduce, 1, error);
  }
  void stop() { rd_kafka_mock_broker_set_down(cluster_, kBroker); }
  void start(int round_trip_ms) {
    rd_kafka_mock_broker_set_rtt(cluster_, kBroker, round_trip_ms);
    rd_kafka_mock_broker_set_up(cluster_, kBroker);
  }
  // As a broker does that has not heard yet that it leads no more. The client takes one denial at
  // the end of a topic for the end.
  void deny_next_fetches(int count) {
    constexpr int16_t kFetch = 1;
    for (; count > 0; --count) {
      rd_kafka_mock_push_request_errors(cluster_, kFetch, 1,
                                        RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    }
  }

 private:
  static constexpr int32_t kBroker = 1;
  KafkaClient client_;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

TEST(KafkaProducer, AFatalErrorIsAnsweredAndEndsWithTheWriter) {
  const LedgerId ledger{"city", "mock"};
  MockCluster cluster(ledger);
  PumpedLog log(std::move(KafkaLog::open(cluster.options())).value());
  // One record a flight: how many requests several would make is the client's to say.
  const auto append = [&](const std::string& value) {
    std::vector<Delivery> answer;
    log.append(ledger, {value}, 0,
               [&](std::vector<Delivery> deliveries) { answer = std::move(deliveries); });
    log.pump();
    return answer.at(0);
  };
  EXPECT_EQ(append("a").offset, Offset{0});
  cluster.fail_next_produce(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  const auto failed = append("b");
  EXPECT_FALSE(failed.offset);
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code, Errc::kUnavailable) << failed.error->detail;
  EXPECT_TRUE(append("c").error) << "the failed producer takes nothing more";
  log.renew_writer(ledger);
  const auto again = append("d");
  ASSERT_TRUE(again.offset) << again.error->detail;
  EXPECT_GE(*again.offset, Offset{1});
}

TEST(KafkaProducer, ARecordThatIsTooLargeConcernsItselfAlone) {
  const LedgerId ledger{"city", "mock"};
  MockCluster cluster(ledger);
  cluster.fail_next_produce(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  PumpedLog log(std::move(KafkaLog::open(cluster.options())).value());
  std::vector<Delivery> answer;
  const auto keep = [&](std::vector<Delivery> deliveries) { answer = std::move(deliveries); };
  log.append(ledger, {"a"}, 0, keep);
  log.pump();
  ASSERT_TRUE(answer[0].error);
  EXPECT_EQ(answer[0].error->code, Errc::kTooLarge) << answer[0].error->detail;
  log.append(ledger, {"b"}, 0, keep);
  log.pump();
  EXPECT_TRUE(answer[0].offset);
}

// While no broker can be reached nobody waits long for one; that must not outlast the outage.
TEST(KafkaReader, ABrokerThatIsFarAwayIsHeardAgainAfterAnOutage) {
  const LedgerId ledger{"city", "mock"};
  MockCluster cluster(ledger);
  const auto log = std::move(KafkaLog::open(cluster.options())).value();
  ASSERT_TRUE(log->end(ledger));
  cluster.stop();
  while (log->end(ledger)) std::this_thread::yield();
  cluster.start(200);
  constexpr int kQuestionsMax = 100;
  int asked = 1;
  while (!log->end(ledger) && asked < kQuestionsMax) ++asked;
  EXPECT_LT(asked, kQuestionsMax) << "no question waits long enough for this broker's answer";
}

// ---- a broker that led a moment ago and denies what its successor has

class KafkaDenial : public testing::Test {
 protected:
  KafkaDenial() : cluster_(ledger_), log_(std::move(KafkaLog::open(cluster_.options())).value()) {
    append({"a", "b", "c"});
  }
  void append(const std::vector<std::string>& values) {
    PumpedLog rival(std::move(KafkaLog::open(cluster_.options())).value());
    rival.append(ledger_, values, 0, [](const std::vector<Delivery>& deliveries) {
      for (const auto& delivery : deliveries) ASSERT_TRUE(delivery.offset);
    });
    rival.pump();
  }
  std::string read(Offset from) {
    const auto got = log_->read(ledger_, from, 1'000'000);
    if (!got) return std::string(error_info(got.error().code).name) + ": " + got.error().detail;
    std::string values;
    for (const auto& record : got->records) values += record.value;
    return values;
  }
  // Until the answer has come to whoever follows the ledger's end.
  void wait_for_denial(Offset end) {
    while (!log_->has_more(ledger_, end)) std::this_thread::yield();
  }

  const LedgerId ledger_{"city", "mock"};
  MockCluster cluster_;
  std::unique_ptr<KafkaLog> log_;
};

TEST_F(KafkaDenial, HoldsUpNobodyWhoReadsElsewhereNext) {
  EXPECT_EQ(read(0), "abc");
  cluster_.deny_next_fetches(2);
  wait_for_denial(3);
  EXPECT_EQ(read(0), "abc");
  EXPECT_EQ(read(1), "bc");
}

TEST_F(KafkaDenial, HoldsUpNobodyWhoReadsOn) {
  EXPECT_EQ(read(0), "abc");
  cluster_.deny_next_fetches(3);
  wait_for_denial(3);
  EXPECT_EQ(read(3), "") << "nothing was added";
  append({"d"});
  EXPECT_EQ(read(3), "d");
}

TEST_F(KafkaDenial, ThatEveryAnswerRepeatsIsBelieved) {
  EXPECT_EQ(read(0), "abc");
  cluster_.deny_next_fetches(1'000);
  const std::string denied = read(0);
  EXPECT_TRUE(denied.starts_with("log_behind: ")) << denied;
}

// ---- every answer that a broker may give to what is sent

class KafkaProduceError : public testing::TestWithParam<rd_kafka_resp_err_t> {};

TEST_P(KafkaProduceError, WhatWasAcknowledgedStandsOnceAndTheRestIsSettledOrStops) {
  const LedgerId ledger{"city", "mock"};
  const FoundingId founding = *FoundingId::from(std::string(16, 'k'));
  SeededEnv env(static_cast<uint64_t>(GetParam()), "kafka_produce_error");
  MockCluster cluster(ledger);
  PumpedLog log(std::move(KafkaLog::open(cluster.options())).value());
  MiniKeeper own(log, founding, env, ChainPosition{}, std::vector<MiniKeeper::Folded>{}, ledger);
  const auto work = [&] {
    own.follow();
    own.round();
    log.pump();
    own.deliver();
  };
  own.demand("a");
  own.demand("b");
  work();
  ASSERT_EQ(own.acknowledged().size(), 2u);
  cluster.fail_next_produce(GetParam());
  own.demand("c");
  own.demand("d");
  const auto stopped = [&] { return own.error && stops_ledger(own.error->code); };
  for (int round = 0; round < 100 && own.wants_more() && !stopped(); ++round) work();
  std::map<std::string, int> stands;
  PumpedLog other(std::move(KafkaLog::open(cluster.options())).value());
  const LedgerVisitor visitor{
      [&](Seq, Offset, const Hash&, std::string_view value) -> Result<void> {
        ++stands[std::string(payload_of(value))];
        return {};
      }};
  const auto reached = read_ledger(other, ledger, founding, {}, visitor);
  ASSERT_TRUE(reached.has_value()) << reached.error().detail;
  for (const auto& [command, times] : stands) EXPECT_EQ(times, 1) << command;
  for (const auto& [command, seq] : own.acknowledged()) EXPECT_EQ(stands[command], 1) << command;
  if (stopped()) return;
  EXPECT_EQ(own.acknowledged().size(), 4u) << "nothing is held up for ever";
}

INSTANTIATE_TEST_SUITE_P(
    Codes, KafkaProduceError,
    testing::Values(RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR_INVALID_MSG,
                    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                    RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
                    RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                    RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
                    RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                    RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
                    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                    RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
                    RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
                    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                    RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER,
                    RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
                    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID),
    [](const auto& code) { return std::string(rd_kafka_err2name(code.param)); });

TEST(KafkaOptions, WhatKeepsALedgerSafeIsNotTheOperatorsToSet) {
  for (const char* name : {"acks", "enable.idempotence", "transactional.id", "group.id",
                           "isolation.level", "auto.offset.reset", "bootstrap.servers"}) {
    KafkaOptions own = options();
    own.properties = {{name, "1"}};
    const auto log = KafkaLog::open(own);
    ASSERT_FALSE(log.has_value()) << name;
    EXPECT_EQ(log.error().code, Errc::kBadConfig);
    EXPECT_NE(log.error().detail.find(name), std::string::npos);
  }
  KafkaOptions own = options();
  own.properties = {{"client.id", "example"}, {"socket.keepalive.enable", "true"}};
  EXPECT_TRUE(KafkaLog::open(own).has_value());
  own.properties = {{"security.protocol", "NONSENSE"}};
  EXPECT_EQ(KafkaLog::open(own).error().code, Errc::kBadConfig);
  own.properties = {{"no.such.property", "1"}};
  EXPECT_EQ(KafkaLog::open(own).error().code, Errc::kBadConfig);
}

}  // namespace
}  // namespace hansa::streams
