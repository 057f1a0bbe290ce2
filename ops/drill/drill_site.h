// DrillSite: a throw-away node of one city, Prometheus beside it, a stopwatch, and what is said.
//
// Shape:   open() makes the folder, the city's keys and configuration, and chooses ports; start()
//          serves, sets the city up and has Prometheus scrape it each second. shell() runs what an
//          operator types, in the folder, with hansa on the PATH and the runbook's variables set,
//          and shows its answer. holds() asks Prometheus whether an alarm's expression is true.
//          Everything ends and goes with the site.
// Errors:  kUnavailable: no Prometheus, with where to get it; or what was waited for did not come
//          within DrillOptions::patience_s, or Ctrl-C came.
// Threads: one.
// Limits:  the process's environment is changed: its HANSA_ variables go.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ops/alarms.h"
#include "ops/client.h"
#include "ops/config.h"
#include "ops/drill/child.h"
#include "ops/drill/small_disk.h"

namespace hansa::ops {

struct DrillOptions {
  std::string prometheus;  // the program; empty: searched
  std::string kafka;       // host:port of the cluster that keeps the ledger; empty: none
  std::string stop;        // commands that stop the broker and start it again; empty: somebody does
  std::string start;
  std::string disk;        // a small one that may be filled; empty: one in memory
  uint32_t patience_s = 600;
  bool json = false;
};

class DrillSite {
 public:
  static Result<std::unique_ptr<DrillSite>> open(const DrillOptions& options);
  ~DrillSite();

  const std::string& city() const { return city_; }
  std::string ledger() const { return "city/" + city_; }
  std::string data() const { return folder_ + "/data"; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  const DrillOptions& options() const { return options_; }
  // On `data/<name>`; empty: all of data.
  Result<void> put_on_small_disk(const std::string& name);

  Result<void> start();
  Result<void> start_node();
  Child& node() { return node_; }
  Result<Client> client() const;
  // One report of a case with so many bytes of text; the answer is the seq of its entry.
  static Result<Seq> report_case(Client& client, const std::string& city, size_t bytes = 100);

  // Whether an expression has an answer.
  Result<bool> holds(const std::string& expression);
  // Asks again and again; `meanwhile` is called between.
  Result<void> wait_until(const std::string& what, const std::function<Result<bool>()>& is_so,
                          const std::function<void()>& meanwhile = {});
  // The exit code.
  int shell(const std::string& command) const;

  double seconds() const;
  void tell(const std::string& kind, const std::string& text) const;

 private:
  explicit DrillSite(const DrillOptions& options);
  Result<void> make_city();
  Result<void> start_prometheus();
  Result<bool> answers(const Endpoint& at, const std::string& target);

  DrillOptions options_;
  std::string programs_;  // folder of this executable
  std::string folder_;
  std::string city_;
  std::string key_;
  Endpoint api_;
  Endpoint metrics_;
  Endpoint prometheus_at_;
  int64_t began_us_ = 0;
  SmallDisk disk_;
  Child prometheus_;
  Child node_;
};

// Whether somebody wants this to end.
bool is_interrupted();

}  // namespace hansa::ops
