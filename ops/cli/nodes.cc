#include <algorithm>
#include <cstdlib>

#include "ops/cli/cli.h"
#include "ops/cluster.h"
#include "ops/json.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

// A node that has not reported for so long is taken for gone.
constexpr int64_t kSilentUsMax = 5'000'000;
constexpr size_t kDigestDigits = 12;

struct NodesOptions {
  std::string config = "hansa.yaml";
  bool json = false;
};

std::string seconds_text(int64_t span_us) {
  const int64_t tenths = span_us / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(std::abs(tenths) % 10) + " s";
}

// Nodes that show the same seq must show the same rows.
bool contradicts(const v1::LedgerReport& one, const std::vector<v1::NodeReport>& reports) {
  if (one.digest().empty()) return false;
  for (const auto& report : reports) {
    for (const auto& other : report.ledgers()) {
      if (other.ledger() != one.ledger() || other.digest().empty()) continue;
      if (other.committed_seq() == one.committed_seq() && other.digest() != one.digest()) {
        return true;
      }
    }
  }
  return false;
}

std::string remark(const v1::LedgerReport& row, bool silent,
                   const std::vector<v1::NodeReport>& reports) {
  if (silent) return "as last reported";
  if (!row.waits().empty()) return row.waits();
  if (contradicts(row, reports)) return "ROWS DIFFER from another node's at the same seq";
  return "";
}

int show(const NodesOptions& options) {
  const auto config = read_config(options.config, process_environment());
  if (!config) return report(config.error());
  if (!config->log.is_kafka()) {
    return report(Error{Errc::kBadConfig, options.config +
                                              ": log.kind: expected `kafka`, got `" +
                                              config->log.kind +
                                              "`: an embedded log has one node"});
  }
  const auto reports = read_reports(*config);
  if (!reports) return report(reports.error());
  const int64_t now_us = SystemEnv().now_us();
  std::vector<std::vector<std::string>> nodes;
  std::vector<std::vector<std::string>> ledgers;
  bool differs = false;
  for (const auto& node : *reports) {
    if (options.json) {
      std::string line;
      append_json(line, node);
      print_line(line);
    }
    const bool silent = now_us - node.time_us() > kSilentUsMax;
    size_t leads = 0;
    for (const auto& row : node.ledgers()) {
      leads += row.standing() == "leads" && !silent ? 1 : 0;
      differs = differs || contradicts(row, *reports);
      ledgers.push_back({row.ledger(), node.node(), silent ? "silent" : row.standing(),
                         std::to_string(row.landed_seq()), std::to_string(row.committed_seq()),
                         std::to_string(row.next_offset()), seconds_text(row.behind_us()),
                         row.digest().substr(0, kDigestDigits), remark(row, silent, *reports)});
    }
    nodes.push_back({node.node(), node.version(),
                     silent ? "silent for " + seconds_text(now_us - node.time_us())
                            : "up for " + seconds_text(now_us - node.started_time_us()),
                     seconds_text(node.clock_ahead_us()), std::to_string(leads),
                     std::to_string(node.ledgers_size())});
  }
  if (reports->empty()) say("no node has reported to this Kafka; `hansa serve` starts one");
  if (!options.json && !reports->empty()) {
    std::sort(ledgers.begin(), ledgers.end());
    print_table({"NODE", "VERSION", "STATE", "CLOCK AHEAD", "LEADS", "HOSTS"}, nodes);
    print_line("");
    print_table({"LEDGER", "NODE", "STANDING", "SEQ", "SHOWN", "OFFSET", "BEHIND", "DIGEST", ""},
                ledgers);
  }
  if (!differs) return kExitOk;
  return report(Error{Errc::kDigestDiffers,
                      "two nodes show other rows for the same seq; `hansa projection rebuild` "
                      "makes those that are wrong anew"});
}

}  // namespace

void add_nodes(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "nodes", "The nodes on this Kafka: who leads what, positions, ages, digests");
  auto options = std::make_shared<NodesOptions>();
  verb->add_option("--config", options->config, "The configuration")->capture_default_str();
  verb->add_flag("--json", options->json, "One JSON object a node");
  set_example(*verb, "  hansa topics create --config hansa-kafka.yaml\n"
                     "  hansa nodes --config hansa-kafka.yaml");
  verb->callback([&chosen, options] { chosen.run = [options] { return show(*options); }; });
}

}  // namespace hansa::ops
