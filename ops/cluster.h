// Cluster: what one node has to do with the others of its ledgers, all of it by way of Kafka.
//
// Shape:   stands for the leadership of its ledgers (streams/kafka_leadership.h), sends commands on
//          to the leader, and writes each second a v1.NodeReport under its id to kNodesTopic; the
//          time at which the broker took the report tells how far the node's clock is apart. A node
//          whose clock is more than kClockApartUsMax apart stands for nothing and decides nothing.
//          leave() gives up all leadership, so that others take over at once, and takes the report
//          back.
// Errors:  a cluster that cannot be reached changes nothing; a right that is missing stands in
//          health(). A forwarded command that is not taken
//          is told in the log; who sent it on decides it.
// Threads: any; hooks are called on threads of the cluster's own, never after leave().
// Source:  DESIGN §4, "Who writes" and "Clocks".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/env.h"
#include "hansa/v1/nodes.pb.h"
#include "ops/config.h"
#include "projections/keeper.h"

namespace hansa::ops {

inline constexpr const char* kNodesTopic = "hansa.nodes";
inline constexpr int64_t kClockApartUsMax = 2'000'000;

struct ClusterHooks {
  // How every ledger of the node stands, and which of them it could lead.
  std::function<v1::NodeReport(std::vector<LedgerId>& could_lead)> report;
  std::function<void(const LedgerId&, projections::Lead)> lead;
  std::function<Result<void>(const LedgerId&, const std::string& bytes)> forwarded;
};

struct ClusterHealth {
  int64_t clock_ahead_us = 0;  // of the brokers' clock; 0 as long as nothing was measured
  bool clock_apart = false;
  std::optional<Error> refused;  // a right without which this node does not lead as it should
};

class Cluster {
 public:
  static Result<std::unique_ptr<Cluster>> open(const Config& config, Env& env, ClusterHooks hooks);
  ~Cluster();

  void forward(const LedgerId& ledger, const std::string& bytes);
  ClusterHealth health() const;
  void leave();

 private:
  struct Impl;
  explicit Cluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The newest report of every node that has not taken it back, by node id.
Result<std::vector<v1::NodeReport>> read_reports(const Config& config);

}  // namespace hansa::ops
