#include "ops/drill/drill_site.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "hansa/v1/case.pb.h"
#include "ops/files.h"
#include "ops/init.h"
#include "ops/json.h"
#include "ops/open_log.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShownLinesMax = 40;
constexpr auto kAskAgain = std::chrono::milliseconds(100);

volatile std::sig_atomic_t interrupted = 0;

// Nobody is told of it before it is bound again; another program may be quicker.
uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool bound = ::bind(probe, raw, length) == 0 && ::getsockname(probe, raw, &length) == 0;
  ::close(probe);
  return bound ? ::ntohs(address.sin_port) : 0;
}

void replace_once(std::string& text, const std::string& from, const std::string& to) {
  if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

std::string encoded(const std::string& text) {
  std::string out;
  for (const char letter : text) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned char>(letter));
    out += hex.data();
  }
  return out;
}

bool can_run(const std::string& program) { return ::access(program.c_str(), X_OK) == 0; }

Result<std::string> find_prometheus(const std::string& named, const std::string& programs) {
  std::vector<std::string> places = {programs + "/../prometheus/usr/bin/prometheus"};
  std::istringstream path(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) {
    places.push_back(folder + "/prometheus");
  }
  if (!named.empty()) places = {named};
  for (const auto& place : places) {
    if (can_run(place)) return fs::absolute(place).string();
  }
  return fail(Errc::kUnavailable,
              (named.empty() ? "no prometheus is on the PATH" : named + " cannot be run") +
                  std::string("; a drill asks a real one whether the alarm's expression is true: "
                              "install Debian's package prometheus, or name the program by "
                              "--prometheus"));
}

}  // namespace

bool is_interrupted() { return interrupted != 0; }

DrillSite::DrillSite(const DrillOptions& options)
    : options_(options),
      programs_(fs::read_symlink("/proc/self/exe").parent_path().string()),
      began_us_(monotonic_us()) {}

DrillSite::~DrillSite() {
  node_.end();
  prometheus_.end();
  disk_ = SmallDisk();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<std::unique_ptr<DrillSite>> DrillSite::open(const DrillOptions& options) {
  std::unique_ptr<DrillSite> site(new DrillSite(options));
  HANSA_TRY(site->options_.prometheus, find_prometheus(options.prometheus, site->programs_));
  std::signal(SIGINT, [](int) { interrupted = 1; });
  std::signal(SIGTERM, [](int) { interrupted = 1; });
  std::string folder = (fs::temp_directory_path() / "hansa-drill-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    return fail(Errc::kBadFile, folder + ": a temporary folder cannot be made");
  }
  site->folder_ = folder;
  HANSA_CHECK(site->make_city());
  return site;
}

// With ports that are free and a caller who may report cases.
Result<void> DrillSite::make_city() {
  for (const auto& variable : process_environment()) {
    if (variable.starts_with("HANSA_")) ::unsetenv(variable.substr(0, variable.find('=')).c_str());
  }
  SystemEnv env;
  city_ = "drill-" + folder_.substr(folder_.size() - 6);
  for (char& letter : city_) letter = static_cast<char>(std::tolower(letter));
  HANSA_TRY(auto plan, plan_init({std::string(kCityKind), city_}, folder_, env));
  api_.port = free_port();
  metrics_.port = free_port();
  prometheus_at_.port = free_port();
  auto& text = plan.config.text;
  replace_once(text, "127.0.0.1:8080", api_.text());
  replace_once(text, "127.0.0.1:9464", metrics_.text());
  replace_once(text, "[city_admin, operator]", "[city_admin, operator, hotline]");
  if (!options_.kafka.empty()) {
    replace_once(text, "kind: embedded",
                 "kind: kafka\n  kafka:\n    bootstrap: " + options_.kafka + "\n  ");
    plan.files.push_back({path("hansa-kafka.yaml"), text});
  }
  HANSA_CHECK(write_init(plan));
  key_ = plan.api_key;
  const std::string path = std::getenv("PATH") == nullptr ? "" : std::getenv("PATH");
  ::setenv("PATH", (programs_ + ":" + path).c_str(), 1);
  ::setenv("HANSA_SERVER", ("http://" + api_.text()).c_str(), 1);
  ::setenv("HANSA_KEY", key_.c_str(), 1);
  ::setenv("METRICS", ("http://" + metrics_.text()).c_str(), 1);
  // RocksDB sets as much room aside as may wait to be written.
  ::setenv("HANSA_MEMORY_WRITE_MIB", "8", 1);
  return {};
}

Result<void> DrillSite::put_on_small_disk(const std::string& name) {
  const auto folder = name.empty() ? data() : data() + "/" + name;
  // What stands there already goes along.
  const auto aside = path("aside");
  std::error_code error;
  fs::create_directories(folder, error);
  fs::rename(folder, aside, error);
  fs::create_directories(folder, error);
  HANSA_TRY(disk_, options_.disk.empty() ? SmallDisk::mount(folder)
                                         : SmallDisk::borrow(folder, options_.disk));
  fs::copy(aside, folder, fs::copy_options::recursive, error);
  fs::remove_all(aside);
  if (error) return fail(Errc::kBadFile, folder + ": " + error.message());
  return {};
}

Result<void> DrillSite::start() {
  if (!options_.kafka.empty() && shell("hansa topics create --config hansa.yaml") != 0) {
    return fail(Errc::kUnavailable, options_.kafka + ": the city's topics cannot be made");
  }
  HANSA_CHECK(start_node());
  if (shell("hansa setup setup 2>&1 | tail -n 1") != 0) {
    return fail(Errc::kInternal, "the city of the drill cannot be set up");
  }
  return start_prometheus();
}

Result<void> DrillSite::start_node() {
  HANSA_TRY(node_, Child::start({programs_ + "/hansa", "serve", "--config", path("hansa.yaml")},
                                folder_, path("node.log")));
  tell("node", ledger() + " at http://" + api_.text() + ", metrics http://" + metrics_.text() +
                   "/metrics, in " + folder_);
  return wait_until("the node is ready", [this]() -> Result<bool> {
    if (!node_.runs()) {
      HANSA_TRY(const auto said, read_file(path("node.log")));
      return fail(Errc::kUnavailable, "the node ended: " + said.substr(0, 1000));
    }
    return answers(api_, "/readyz");
  });
}

Result<void> DrillSite::start_prometheus() {
  const std::string config =
      "{\"global\": {\"scrape_interval\": \"1s\"}, \"scrape_configs\": [{\"job_name\": \"hansa\","
      " \"static_configs\": [{\"targets\": [\"" + metrics_.text() + "\"]}]}]}";
  HANSA_CHECK(write_file(path("prometheus.yml"), config));
  HANSA_TRY(prometheus_,
            Child::start({options_.prometheus, "--config.file=" + path("prometheus.yml"),
                          "--storage.tsdb.path=" + path("series"),
                          "--web.listen-address=" + prometheus_at_.text()},
                         folder_, path("prometheus.log")));
  HANSA_CHECK(wait_until("Prometheus answers", [this]() -> Result<bool> {
    if (!prometheus_.runs()) {
      HANSA_TRY(const auto said, read_file(path("prometheus.log")));
      return fail(Errc::kUnavailable, "Prometheus ended: " + said.substr(0, 1000));
    }
    return answers(prometheus_at_, "/-/ready");
  }));
  HANSA_CHECK(wait_until("Prometheus has scraped the node", [this] { return holds("up == 1"); }));
  tell("watch", "Prometheus at http://" + prometheus_at_.text() + " scrapes it each second");
  return {};
}

Result<Client> DrillSite::client() const { return Client::open("http://" + api_.text(), key_); }

Result<Seq> DrillSite::report_case(Client& client, const std::string& city, size_t bytes) {
  v1::ReportCase request;
  request.set_city(city);
  request.set_kind(v1::Kind::problem);
  request.set_source(v1::Source::hotline);
  request.set_service("rubbish");
  request.mutable_place()->set_district("north");
  request.mutable_place()->set_street("river-street");
  request.mutable_place()->set_community("old-mill");
  request.set_description(std::string(bytes, 'x'));
  v1::Receipt receipt;
  HANSA_CHECK(client.call(request, receipt));
  return receipt.seq();
}

Result<bool> DrillSite::answers(const Endpoint& at, const std::string& target) {
  HANSA_TRY(auto asking, Client::open("http://" + at.text(), ""));
  const auto answer = asking.request({"GET", target});
  return answer && answer->status == 200;
}

Result<bool> DrillSite::holds(const std::string& expression) {
  HANSA_TRY(auto asking, Client::open("http://" + prometheus_at_.text(), ""));
  HANSA_TRY(const auto answer,
            asking.request({"GET", "/api/v1/query?query=" + encoded(expression)}));
  boost::system::error_code error;
  const auto value = boost::json::parse(answer.body, error);
  const auto* result = error ? nullptr : value.find_pointer("/data/result", error);
  if (answer.status != 200 || result == nullptr || !result->is_array()) {
    return fail(Errc::kUnavailable, "Prometheus does not understand " + expression + ": " +
                                        answer.body.substr(0, 500));
  }
  return !result->get_array().empty();
}

Result<void> DrillSite::wait_until(const std::string& what,
                                   const std::function<Result<bool>()>& is_so,
                                   const std::function<void()>& meanwhile) {
  const double end = seconds() + options_.patience_s;
  while (true) {
    HANSA_TRY(const bool now, is_so());
    if (now) return {};
    if (is_interrupted()) return fail(Errc::kUnavailable, "interrupted; nothing stays behind");
    if (seconds() > end) {
      return fail(Errc::kUnavailable, "within " + std::to_string(options_.patience_s) +
                                          " s it did not come true that " + what);
    }
    if (meanwhile) {
      meanwhile();
    } else {
      std::this_thread::sleep_for(kAskAgain);
    }
  }
}

int DrillSite::shell(const std::string& command) const {
  std::istringstream lines(command);
  for (std::string line; std::getline(lines, line);) std::printf("           $ %s\n", line.c_str());
  std::fflush(stdout);
  FILE* answer = ::popen(("cd '" + folder_ + "' && {\n" + command + "\n} 2>&1").c_str(), "r");
  if (answer == nullptr) return -1;
  std::array<char, 4096> line{};
  for (size_t shown = 0; std::fgets(line.data(), line.size(), answer) != nullptr; ++shown) {
    if (shown < kShownLinesMax) std::printf("             %s", line.data());
    if (shown == kShownLinesMax) std::printf("             ...\n");
  }
  return ::pclose(answer);
}

double DrillSite::seconds() const {
  return static_cast<double>(monotonic_us() - began_us_) / 1e6;
}

void DrillSite::tell(const std::string& kind, const std::string& text) const {
  std::printf("%7.1f s  %-8s %s\n", seconds(), kind.c_str(), text.c_str());
  std::fflush(stdout);
}

}  // namespace hansa::ops
