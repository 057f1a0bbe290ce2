#include "streams/kafka_leadership.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "streams/kafka_client.h"

namespace hansa::streams {
namespace {

constexpr int kPollMs = 100;
// What came while nobody received: the newest commands are taken again by whoever leads next. Those
// that were decided already are known by their ids.
constexpr int kReadAgain = 500;

}  // namespace

std::string forward_topic(const LedgerId& ledger) {
  return "hansa.forward." + ledger.kind + "." + ledger.id;
}

struct KafkaLeadership::Impl {
  explicit Impl(Listener heard) : listener(std::move(heard)) {}
  ~Impl() { stop(); }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  void tell_refused(rd_kafka_resp_err_t code, const std::string& name, const std::string& doing);
  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* partitions, void* self);
  void subscribe();
  void dealt(const rd_kafka_topic_partition_list_t& partitions);
  void tell();
  void run();
  void stop();

  const Listener listener;
  KafkaClient producer;
  KafkaClient member;
  std::mutex mutex;
  std::map<std::string, LedgerId> wanted;  // by forward topic; guarded by mutex
  bool wanted_changed = false;             // guarded by mutex
  std::atomic<bool> stopping{false};
  std::thread thread;
  // Of the thread. What the producer has heard of is sent without a look around first.
  std::map<std::string, KafkaTopic> known;
  std::map<std::string, LedgerId> standing;
  std::set<std::string> leading;
};

// The callback only runs inside run().
void KafkaLeadership::Impl::on_rebalance(rd_kafka_t* member, rd_kafka_resp_err_t what,
                                         rd_kafka_topic_partition_list_t* partitions, void* self) {
  auto& impl = *static_cast<Impl*>(self);
  if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(member, nullptr);
    return;
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    partitions->elems[i].offset = RD_KAFKA_OFFSET_TAIL(kReadAgain);
  }
  rd_kafka_assign(member, partitions);
  impl.dealt(*partitions);
}

void KafkaLeadership::Impl::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message,
                                        void* self) {
  static_cast<Impl*>(self)->tell_refused(message->err, rd_kafka_topic_name(message->rkt),
                                         "sending commands on by");
}

void KafkaLeadership::Impl::tell_refused(rd_kafka_resp_err_t code, const std::string& name,
                                         const std::string& doing) {
  const bool is_refused = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                          code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
  if (is_refused && listener.refused) listener.refused(kafka_error(code, name, doing));
}

void KafkaLeadership::Impl::dealt(const rd_kafka_topic_partition_list_t& partitions) {
  leading.clear();
  for (int i = 0; i < partitions.cnt; ++i) leading.insert(partitions.elems[i].topic);
  tell();
}

void KafkaLeadership::Impl::tell() {
  for (const auto& [topic, ledger] : standing) listener.dealt(ledger, leading.contains(topic));
}

void KafkaLeadership::Impl::subscribe() {
  {
    const std::lock_guard lock(mutex);
    if (!wanted_changed) return;
    wanted_changed = false;
    for (const auto& [topic, ledger] : standing) {
      if (!wanted.contains(topic)) listener.dealt(ledger, false);
    }
    standing = wanted;
  }
  std::erase_if(leading, [this](const auto& topic) { return !standing.contains(topic); });
  if (standing.empty()) {
    rd_kafka_unsubscribe(member.get());
    return;
  }
  const TopicList list(rd_kafka_topic_partition_list_new(static_cast<int>(standing.size())));
  for (const auto& [topic, ledger] : standing) {
    auto& handle = known[topic];
    if (handle == nullptr) handle.reset(rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  rd_kafka_subscribe(member.get(), list.get());
}

void KafkaLeadership::Impl::run() {
  while (!stopping) {
    subscribe();
    const KafkaMessage message(rd_kafka_consumer_poll(member.get(), kPollMs));
    rd_kafka_poll(producer.get(), 0);
    if (message == nullptr) continue;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const bool is_group = message->rkt == nullptr;
      tell_refused(message->err, is_group ? kLeadersGroup : rd_kafka_topic_name(message->rkt),
                   is_group ? "joining the group" : "taking commands from");
      continue;
    }
    const auto found = standing.find(rd_kafka_topic_name(message->rkt));
    if (found == standing.end() || message->payload == nullptr) continue;
    listener.received(found->second,
                      std::string(static_cast<const char*>(message->payload), message->len));
  }
  rd_kafka_consumer_close(member.get());
}

void KafkaLeadership::Impl::stop() {
  if (stopping.exchange(true)) return;
  if (thread.joinable()) thread.join();
}

KafkaLeadership::KafkaLeadership(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaLeadership::~KafkaLeadership() = default;

Result<std::unique_ptr<KafkaLeadership>> KafkaLeadership::open(const KafkaOptions& options,
                                                               Listener listener) {
  auto impl = std::make_unique<Impl>(std::move(listener));
  HANSA_TRY(impl->producer,
            make_producer(options, {.opaque = impl.get(), .delivered = Impl::on_delivery}));
  const ClientCallbacks callbacks{.opaque = impl.get(), .rebalanced = Impl::on_rebalance};
  HANSA_TRY(impl->member, make_group_member(options, kLeadersGroup, kSessionMs, callbacks));
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<KafkaLeadership>(new KafkaLeadership(std::move(impl)));
}

void KafkaLeadership::stand_for(const std::vector<LedgerId>& ledgers) {
  std::map<std::string, LedgerId> named;
  for (const auto& ledger : ledgers) named.emplace(forward_topic(ledger), ledger);
  const std::lock_guard lock(impl_->mutex);
  if (impl_->wanted == named) return;
  impl_->wanted = std::move(named);
  impl_->wanted_changed = true;
}

void KafkaLeadership::forward(const LedgerId& ledger, const std::string& bytes) {
  const std::string topic = forward_topic(ledger);
  rd_kafka_producev(impl_->producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                    RD_KAFKA_V_PARTITION(kPartition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                    RD_KAFKA_V_VALUE(const_cast<char*>(bytes.data()), bytes.size()),
                    RD_KAFKA_V_END);
}

void KafkaLeadership::leave() { impl_->stop(); }

}  // namespace hansa::streams
