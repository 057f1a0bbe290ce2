#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/drill/drill_site.h"
#include "ops/json.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLargeText = 3'900;
constexpr int kRestoredCases = 200;
constexpr size_t kSlowCallers = 4;
constexpr uint64_t kAnswersBetween = 8;
constexpr auto kStandsStill = std::chrono::milliseconds(1'800);
constexpr auto kHeldPause = std::chrono::milliseconds(2);

// What a drill breaks, how the alarm comes, and how it is mended.
struct Drill {
  std::string alarm;
  std::string broken;  // what is done, for people
  std::string mended;
  std::function<Result<void>()> prepare = [] { return Result<void>(); };
  std::function<Result<void>()> begin = {};
  std::function<void()> meanwhile = {};  // while the alarm is waited for; empty: nothing
  std::function<Result<void>()> mend = {};
  std::function<void()> end = [] {};
  // What is put on a disk that can be filled; nullopt: nothing, empty: all of the data folder.
  std::optional<std::string> small_disk = std::nullopt;
};

// Report cases, one after the other each, as long as they live and are not held.
class Callers {
 public:
  Callers(const DrillSite& site, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, &site] {
        auto client = site.client();
        while (client && !ended_) {
          if (held_) {
            std::this_thread::sleep_for(kHeldPause);
          } else if (DrillSite::report_case(*client, site.city())) {
            ++answered_;
          }
        }
      });
    }
  }
  ~Callers() {
    ended_ = true;
    for (auto& thread : threads_) thread.join();
  }
  uint64_t answered() const { return answered_; }
  void hold(bool held) { held_ = held; }

 private:
  std::atomic<bool> ended_{false};
  std::atomic<bool> held_{false};
  std::atomic<uint64_t> answered_{0};
  std::vector<std::thread> threads_;
};

std::function<void()> reporting(DrillSite& site, size_t bytes) {
  auto client = std::make_shared<Result<Client>>(site.client());
  return [&site, client, bytes] {
    if (*client) (void)DrillSite::report_case(**client, site.city(), bytes);
  };
}

Drill broker_down(DrillSite& site) {
  Drill drill;
  drill.alarm = "HansaLogUnreachable";
  const auto& options = site.options();
  drill.broken = options.stop.empty() ? "stop the broker at " + options.kafka + " now: this waits"
                                      : "the broker is stopped";
  drill.mended = options.start.empty() ? "start it again now: this waits"
                                       : "the broker is started again";
  const auto run = [&site](const std::string& command) -> Result<void> {
    if (command.empty() || site.shell(command) == 0) return {};
    return fail(Errc::kUnavailable, "`" + command + "` failed");
  };
  drill.begin = [run, &options] { return run(options.stop); };
  drill.mend = [run, &options] { return run(options.start); };
  drill.meanwhile = reporting(site, 100);
  return drill;
}

Drill disk_full(DrillSite& site) {
  Drill drill;
  drill.alarm = "HansaDiskFull";
  drill.small_disk = "";
  drill.broken = "a backup takes all room on the disk of the data folder, and reports come in";
  drill.mended = "data/backups is moved away, to another disk";
  drill.begin = [&site]() -> Result<void> {
    fs::create_directories(site.data() + "/backups");
    HANSA_CHECK(fill_disk(site.data() + "/backups/old"));
    HANSA_TRY(auto client, site.client());
    // Room that was set aside before is used up first.
    return site.wait_until("a report is refused for want of room", [&]() -> Result<bool> {
      const auto taken = DrillSite::report_case(client, site.city(), kLargeText);
      if (taken || taken.error().code == Errc::kUnavailable) return !taken;
      return fail(taken.error());
    }, [] {});
  };
  drill.mend = [&site]() -> Result<void> {
    fs::remove_all(site.data() + "/backups");
    return {};
  };
  return drill;
}

Drill stopped_fold(DrillSite& site) {
  Drill drill;
  drill.alarm = "HansaFoldStopped";
  drill.small_disk = "projections";
  drill.broken = "the disk of the rows is filled to its last byte, that of the log has room, and "
                 "reports come in";
  drill.mended = "room is made on the disk of the rows";
  drill.begin = [&site] { return fill_disk(site.data() + "/projections/ballast"); };
  drill.meanwhile = reporting(site, kLargeText);
  drill.mend = [&site]() -> Result<void> {
    fs::remove(site.data() + "/projections/ballast");
    return {};
  };
  return drill;
}

// A machine that stands still again and again, in the middle of appends.
Drill slow_city(DrillSite& site) {
  Drill drill;
  drill.alarm = "HansaAppendSlow";
  drill.broken = "the node's process stands still for 1.8 s after every few answers, as on a "
                 "machine whose disk or processor is taken away";
  drill.mended = "it stands still no more; the alarm looks back five minutes and ends once 99 of "
                 "100 appends in them were quick";
  auto callers = std::make_shared<std::unique_ptr<Callers>>();
  drill.begin = [callers, &site]() -> Result<void> {
    *callers = std::make_unique<Callers>(site, kSlowCallers);
    return {};
  };
  drill.meanwhile = [callers, &site] {
    (*callers)->hold(false);
    const uint64_t before = (*callers)->answered();
    (void)site.wait_until("callers are answered", [&]() -> Result<bool> {
      return (*callers)->answered() >= before + kAnswersBetween;
    }, [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
    site.node().send(SIGSTOP);
    std::this_thread::sleep_for(kStandsStill);
    site.node().send(SIGCONT);
    // Nobody scrapes a node that stands still; and quick appends would hide the slow ones.
    (*callers)->hold(true);
    const auto now = std::to_string(static_cast<double>(SystemEnv().now_us()) / 1e6);
    (void)site.wait_until("Prometheus has scraped the node again", [&] {
      return site.holds("hansa_ops_clock_time_seconds > " + now);
    }, {});
  };
  drill.mend = [callers]() -> Result<void> {
    (*callers)->hold(false);
    return {};
  };
  drill.end = [callers] { callers->reset(); };
  return drill;
}

// Once the rows show this entry.
Result<std::string> digest_at(DrillSite& site, Seq seq) {
  HANSA_TRY(auto client, site.client());
  HANSA_TRY(const auto answered, client.request({"GET", "/v1/cities/" + site.city() +
                                                            "/digest?at_least=" +
                                                            std::to_string(seq)}));
  if (answered.status != 200) return fail(problem_error(answered));
  v1::DigestAnswer answer;
  HANSA_CHECK(from_json(answered.body, answer));
  return answer.digest() + " at entry " + std::to_string(answer.seq());
}

Drill restore_city(DrillSite& site) {
  Drill drill;
  drill.alarm = "HansaNodeDown";
  drill.broken = "the node is killed and its data folder is gone: log, rows, keys";
  drill.mended = "the backup is proved, restored, and served again with the keys";
  auto last = std::make_shared<Seq>(0);
  auto before = std::make_shared<std::string>();
  drill.prepare = [last, before, &site]() -> Result<void> {
    HANSA_TRY(auto client, site.client());
    for (int i = 0; i < kRestoredCases; ++i) {
      HANSA_TRY(*last, DrillSite::report_case(client, site.city()));
    }
    HANSA_TRY(*before, digest_at(site, *last));
    site.tell("before", "digest " + *before);
    if (site.shell("hansa backup --ledger " + site.ledger() +
                   "\nmkdir elsewhere && mv data/backups/* elsewhere/backup"
                   "\ncp -rp data/keys data/keyring elsewhere") != 0) {
      return fail(Errc::kInternal, "no backup could be made");
    }
    return {};
  };
  drill.begin = [&site]() -> Result<void> {
    site.node().end();
    fs::remove_all(site.data());
    return {};
  };
  drill.mend = [last, before, &site]() -> Result<void> {
    if (site.shell("hansa backup verify elsewhere/backup"
                   "\nhansa restore elsewhere/backup --data data"
                   "\ncp -rp elsewhere/keys elsewhere/keyring data") != 0) {
      return fail(Errc::kInternal, "the backup cannot be restored");
    }
    HANSA_CHECK(site.start_node());
    HANSA_TRY(const auto after, digest_at(site, *last));
    site.tell("after", "digest " + after);
    if (after == *before) return {};
    return fail(Errc::kDigestDiffers, "the restored rows have the digest " + after +
                                          ", before it was " + *before);
  };
  return drill;
}

struct Named {
  const char* name;
  const char* what;
  Drill (*make)(DrillSite&);
};

constexpr Named kDrills[] = {
    {"broker-down", "the cluster that keeps the log is away (--kafka)", broker_down},
    {"disk-full", "the disk of the data folder is full", disk_full},
    {"slow-city", "appends take longer than a second", slow_city},
    {"restore", "a node and its disk are lost, and come back from a backup", restore_city},
    {"stopped-fold", "rows cannot be written", stopped_fold},
};

// What the runbook says, and its commands as an operator types them.
void follow_runbook(const DrillSite& site, const Alarm& alarm) {
  const auto book = runbook(alarm.name);
  site.tell("means", book.meaning);
  site.tell("impact", book.impact);
  site.tell("runbook", alarm.link);
  for (const auto& block : book.blocks) {
    const bool is_of_kafka = block.when == "kafka" && !site.options().kafka.empty();
    if (!block.when.empty() && !is_of_kafka) continue;
    std::string commands = block.commands;
    const std::string named = "city/example";
    for (size_t at = 0; (at = commands.find(named, at)) != std::string::npos;) {
      commands.replace(at, named.size(), site.ledger());
    }
    site.shell(commands);
  }
  site.shell("hansa diagnose hansa.yaml --log node.log");
  site.tell("to do", book.mitigation);
}

Result<std::string> others_that_hold(DrillSite& site, const Alarm& alarm) {
  std::string names;
  for (const auto& other : alarms()) {
    if (other.name == alarm.name) continue;
    HANSA_TRY(const bool is_true, site.holds(other.expr));
    if (is_true) names += (names.empty() ? "" : ", ") + other.name;
  }
  return names;
}

struct Times {
  double alarm_s = 0;
  double recovery_s = 0;
};

Result<Times> run_drill(DrillSite& site, const Drill& drill, const Alarm& alarm) {
  if (drill.small_disk) HANSA_CHECK(site.put_on_small_disk(*drill.small_disk));
  HANSA_CHECK(site.start());
  HANSA_CHECK(drill.prepare());
  HANSA_TRY(const bool too_early, site.holds(alarm.expr));
  if (too_early) return fail(Errc::kInternal, alarm.name + " holds before anything is broken");
  site.tell("quiet", alarm.name + " is false: " + alarm.expr);

  Times times;
  const double broken_s = site.seconds();
  site.tell("fault", drill.broken);
  HANSA_CHECK(drill.begin());
  HANSA_CHECK(site.wait_until(alarm.name + " is true", [&] { return site.holds(alarm.expr); },
                              drill.meanwhile));
  times.alarm_s = site.seconds() - broken_s;
  site.tell("ALARM", alarm.name + " is true" +
                         (alarm.waits.empty() ? "" : "; Prometheus calls somebody once it was so "
                                                     "for " + alarm.waits + ", which is skipped"));
  HANSA_TRY(const auto others, others_that_hold(site, alarm));
  if (!others.empty()) site.tell("also", others);
  HANSA_TRY(auto client, site.client());
  const auto taken = DrillSite::report_case(client, site.city());
  site.tell("callers", taken ? "a report is taken all the same"
                             : "hear " + std::string(error_info(taken.error().code).name) + ": " +
                                   taken.error().detail);
  follow_runbook(site, alarm);

  const double mending_s = site.seconds();
  site.tell("repair", drill.mended);
  HANSA_CHECK(drill.mend());
  HANSA_CHECK(site.wait_until(alarm.name + " is false", [&]() -> Result<bool> {
    HANSA_TRY(const bool is_seen, site.holds("up == 1"));
    HANSA_TRY(const bool is_true, site.holds(alarm.expr));
    return is_seen && !is_true;
  }));
  HANSA_CHECK(site.wait_until("a report is taken again", [&]() -> Result<bool> {
    return DrillSite::report_case(client, site.city()).has_value();
  }));
  times.recovery_s = site.seconds() - mending_s;
  site.tell("quiet", alarm.name + " is false, and a report is taken");
  return times;
}

std::string tenths(double seconds) {
  const auto text = std::to_string(seconds);
  return text.substr(0, text.find('.') + 2);
}

int hold_drill(const std::string& name, const DrillOptions& options) {
  const auto* named = std::ranges::find(kDrills, name, &Named::name);
  if (name == "broker-down" && options.kafka.empty()) {
    return usage("broker-down needs --kafka HOST:PORT of a cluster that may be stopped, and best "
                 "--stop and --start, the commands that do it");
  }
  auto site = DrillSite::open(options);
  if (!site) return report(site.error());
  const auto drill = named->make(**site);
  const auto& alarm = find_alarm(drill.alarm);
  const auto times = run_drill(**site, drill, alarm);
  drill.end();
  if (!times) {
    (*site)->tell("FAILED", times.error().detail);
    report(times.error());
    return kExitVerificationFailed;
  }
  print_line("drill " + name + ": " + alarm.name + " came after " + tenths(times->alarm_s) +
             " s, recovery took " + tenths(times->recovery_s) + " s");
  if (!options.kafka.empty()) {
    say("the topics of " + (*site)->ledger() + " stay on " + options.kafka);
  }
  if (options.json) {
    print_line("{\"drill\":" + json_text(name) + ",\"alarm\":" + json_text(alarm.name) +
               ",\"expression\":" + json_text(alarm.expr) + ",\"runbook\":" +
               json_text(alarm.link) + ",\"alarm_seconds\":" + tenths(times->alarm_s) +
               ",\"recovery_seconds\":" + tenths(times->recovery_s) + "}");
  }
  return kExitOk;
}

}  // namespace

void add_drill(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "drill", "Breaks a throw-away city, waits for the alarm, follows the runbook, times both");
  auto options = std::make_shared<DrillOptions>();
  auto name = std::make_shared<std::string>();
  std::vector<std::string> names;
  std::string about;
  for (const auto& one : kDrills) {
    names.emplace_back(one.name);
    about += (about.empty() ? "" : "; ") + std::string(one.name) + ": " + one.what;
  }
  verb->add_option("NAME", *name, about)->required()->check(CLI::IsMember(names));
  verb->add_option("--prometheus", options->prometheus,
                   "The program prometheus; without it the one on the PATH");
  verb->add_option("--kafka", options->kafka,
                   "Of broker-down: host:port of a cluster that may be stopped");
  verb->add_option("--stop", options->stop,
                   "Of broker-down: the command that stops it; without it you are asked to");
  verb->add_option("--start", options->start, "Of broker-down: the command that starts it again");
  verb->add_option("--disk", options->disk,
                   "Of disk-full and stopped-fold: a folder on a small disk that may be filled; "
                   "without it one in memory is mounted");
  verb->add_option("--patience", options->patience_s,
                   "For how many seconds each thing is waited for before the drill has failed")
      ->capture_default_str();
  verb->add_flag("--json", options->json, "The last line of standard output is one JSON object");
  set_example(*verb, "  hansa drill stopped-fold");
  verb->callback([&chosen, options, name] {
    chosen.run = [options, name] { return hold_drill(*name, *options); };
  });
}

}  // namespace hansa::ops
