// Kafka leadership: which of several nodes decides for a ledger, and the way of a command to it.
//
// Shape:   every ledger has a forward topic `hansa.forward.<kind>.<id>` of one partition. Nodes
//          join the consumer group kLeadersGroup, each for the ledgers it could decide for; whoever
//          is assigned a topic leads its ledger and receives what other nodes forward to it. The
//          group deals ledgers out in turn, so that nodes of equal standing lead equally many.
//          While the group is being dealt anew nobody is told anything: who led goes on to, and the
//          chain (L1-L8) keeps two who believe they lead from doing harm.
//          Leadership saves rivalry; no ledger's safety hangs on it.
// Errors:  a group that cannot be reached changes nothing, and what is forwarded may be lost; who
//          forwards waits no longer than it likes. That the user has no right to the group or to a
//          forward topic is told, for it does not pass.
// Threads: every call from any thread; the listener is called on a thread of its own.
// Limits:  kSessionMs until the group notices that a member is gone.
// Source:  DESIGN §4, "Who writes".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "streams/kafka_options.h"

namespace hansa::streams {

inline constexpr const char* kLeadersGroup = "hansa.leaders";
inline constexpr int kSessionMs = 6'000;

std::string forward_topic(const LedgerId& ledger);

class KafkaLeadership {
 public:
  struct Listener {
    // Called for every ledger of stand_for() whenever the group has been dealt.
    std::function<void(const LedgerId& ledger, bool leads)> dealt;
    std::function<void(const LedgerId& ledger, std::string bytes)> received;
    std::function<void(Error)> refused = {};  // kafka_error(); may be empty
  };

  static Result<std::unique_ptr<KafkaLeadership>> open(const KafkaOptions& options,
                                                       Listener listener);
  ~KafkaLeadership();  // leaves, if leave() was not called

  // The ledgers this node could lead from now on; those it no longer names it gives up.
  void stand_for(const std::vector<LedgerId>& ledgers);
  // To whoever leads, by way of the topic; returns at once.
  void forward(const LedgerId& ledger, const std::string& bytes);
  // Leaves the group, so that others take over now and not after kSessionMs. For good.
  void leave();

 private:
  struct Impl;
  explicit KafkaLeadership(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hansa::streams
