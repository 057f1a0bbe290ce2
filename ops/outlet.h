// Outlet: what happens in a ledger, as CloudEvents 1.0 on a Kafka topic, for other systems.
//
// Shape:   of a city's ledger: topic `hansa.outlet.city.<id>`. Of a share ledger: the feed
//          `hansa.feed.<alliance>.<city>`, with what a checkpoint by the ledger's key covers, while
//          this node leads. One partition, one record an event (ops/outlet_record.h), and beside
//          what that says
//            ce_sequence     dense from 1 over all that is given out of this ledger
//            ce_ledgerseq, ce_ledgeroffset, ce_entrysequence, ce_previoussha256: where the entry
//                            stands, from which giving out is taken up again
//          Outlet follows the ledger on a thread of its own: at least once, in order. A second node
//          that gives out the same ledger repeats ids with their sequence, and nothing else.
// Errors:  health() says what it waits for; it tries again each second. kLogBehind or kChainBroken:
//          the topic was made from another ledger, or the ledger is damaged; it stops.
// Threads: any.
// Limits:  kOutletEvents a send.
// Source:  CloudEvents 1.0, Kafka protocol binding §3.2; DESIGN §4, §8 "Subscriptions".
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/ledger/chain.h"
#include "federation/signed_reader.h"
#include "hansa/v1/entry.pb.h"
#include "streams/kafka_options.h"
#include "streams/kafka_records.h"
#include "streams/log.h"

namespace hansa::ops {

inline constexpr size_t kOutletEvents = 1'000;

// The name under which the topic is made and checked.
LedgerId outlet_topic(const LedgerId& ledger);

struct OutletHealth {
  Seq given_seq = 0;           // all events up to this entry stand in the topic
  uint64_t given_events = 0;   // the last ce_sequence
  std::optional<Error> waits;  // why it does not go on at the moment
};

class Outlet {
 public:
  struct Plan {
    LedgerId ledger;
    FoundingId founding_id;
    // Not the keepers': readers of one log at different places move its fetching about.
    std::shared_ptr<streams::Log> log;
    streams::KafkaOptions kafka;
    KeyRanges keys = {};                 // of a share ledger: whose checkpoints cover it
    std::function<bool()> leads = {};    // whether it is this node's to give out; empty: it is
  };
  explicit Outlet(Plan plan);
  ~Outlet();
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  OutletHealth health() const;

 private:
  void follow();
  Result<void> go_on(bool& resumed);
  Result<void> resume();
  Result<std::optional<streams::KafkaRecord>> last_record() const;
  Result<void> give_out();
  Result<void> read_all();
  Result<void> read_covered();
  Result<void> take(Seq seq, Offset offset, const Hash& hash, const v1::Payload& payload);
  Result<void> send();

  Plan plan_;
  const std::string topic_;
  // Of the thread.
  ChainPosition reached_;       // everything before was read
  uint64_t sequence_ = 0;       // of the last event read
  uint64_t events_known_ = 0;   // events with a sequence up to this stand in the topic already
  std::optional<federation::SignedReader> covered_;  // of a share ledger
  std::vector<streams::KafkaRecord> batch_;
  std::unique_ptr<streams::RecordWriter> writer_;

  mutable std::mutex mutex_;
  std::condition_variable stopping_begun_;
  bool stopping_ = false;  // guarded by mutex_
  OutletHealth health_;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace hansa::ops
