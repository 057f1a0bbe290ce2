#include "tests/bench/bench_city.h"

#include <array>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "hansa/v1/case.pb.h"
#include "hansa/v1/city.pb.h"
#include "projections/reads.h"

namespace hansa::bench {
namespace {

constexpr const char* kCity = "bench";
constexpr int kStreets = 20;
constexpr int kCommunitiesAStreet = 20;
LedgerId ledger() { return {"city", kCity}; }

FoundingId founding_id() {
  FoundingId id;
  id.bytes.fill(7);
  return id;
}

constexpr const char* kServices[] = {"rubbish", "pothole", "street-light", "noise"};

Principal principal(const char* subject, v1::Role::Value role, const char* unit = "") {
  Principal result;
  result.issuer = "key";
  result.subject = subject;
  result.roles = {role};
  result.cities = {kCity};
  result.unit = unit;
  return result;
}

std::string street_of(uint64_t number) { return "street-" + std::to_string(number % kStreets); }
std::string community_of(uint64_t street, uint64_t number) {
  return "community-" + std::to_string(street % kStreets) + "-" +
         std::to_string(number % kCommunitiesAStreet);
}

template <typename Request>
Command about(const char* method, const Principal& who, std::unique_ptr<Request> request,
              const std::string& case_id) {
  request->set_city(kCity);
  request->set_case_(case_id);
  return {find_method(method), std::move(request), &who};
}

}  // namespace

BenchCity::BenchCity(const std::string& folder, bool fsync, int keeper_threads, Env& env)
    : folder_(folder), fsync_(fsync), env_(env), work_(io_.get_executor()) {
  admin_ = principal("admin", v1::Role::city_admin);
  hotline_ = principal("hotline", v1::Role::hotline);
  verifier_ = principal("verifier", v1::Role::verifier);
  dispatcher_ = principal("dispatcher", v1::Role::dispatcher);
  worker_ = principal("worker", v1::Role::unit_worker, "sanitation");
  checker_ = principal("checker", v1::Role::checker, "inspection");
  for (int i = 0; i < keeper_threads; ++i) threads_.emplace_back([this] { io_.run(); });
}

BenchCity::~BenchCity() {
  close();
  work_.reset();
  for (auto& thread : threads_) thread.join();
}

BenchCity::Timing BenchCity::open(Standing standing) {
  Timing timing;
  int64_t before_us = monotonic_us();
  const auto lap = [&before_us] {
    const int64_t now_us = monotonic_us();
    return now_us - std::exchange(before_us, now_us);
  };
  log_ = open_bench_log(folder_ + "/log", fsync_, {ledger()});
  timing.log_us = lap();
  keyring_ = must(projections::Keyring::open(folder_ + "/keyring", kCity, std::string(32, 'm'),
                                             env_, fsync_),
                  "opening the keyring");
  timing.keyring_us = lap();
  projections::KeeperConfig config;
  config.ledger = ledger();
  config.founding_id = founding_id();
  config.secret = std::string(32, 's');
  config.directory = folder_ + "/projections/city-bench/v1";
  config.accept_clock_jump = true;
  if (standing == Standing::kFollows) config.forward = [](const std::string&) {};
  keeper_ = must(projections::Keeper::open(config, *log_, env_,
                                           projections::make_store_budget(256, 128), *keyring_,
                                           io_.get_executor(), nullptr),
                 "opening the keeper");
  if (standing == Standing::kFollows) keeper_->take_lead(projections::Lead::kElsewhere);
  while (!keeper_->health().ready) std::this_thread::yield();
  timing.keeper_us = lap();
  door_ = std::make_unique<projections::Door>(keeper_, *keyring_, env_, nullptr);
  return timing;
}

void BenchCity::close() {
  if (keeper_ == nullptr) return;
  std::promise<void> closed;
  keeper_->close([&] { closed.set_value(); });
  closed.get_future().wait();
  door_.reset();
  keeper_.reset();
  keyring_.reset();
  log_.reset();
}

v1::Receipt BenchCity::enter_and_wait(const char* method,
                                      std::unique_ptr<google::protobuf::Message> request) {
  auto done = std::make_shared<std::promise<Result<v1::Receipt>>>();
  auto answer = done->get_future();
  door_->enter(*find_method(method), std::move(request), admin_, std::nullopt,
               [done](Result<v1::Receipt> receipt) { done->set_value(std::move(receipt)); });
  return must(answer.get(), method);
}

void BenchCity::found() {
  auto city = std::make_unique<v1::FoundCity>();
  city->set_city(kCity);
  city->mutable_title()->set_en("Bench");
  enter_and_wait("FoundCity", std::move(city));
  auto part = std::make_unique<v1::DefineGridPart>();
  part->set_city(kCity);
  part->set_district("north");
  for (int s = 0; s < kStreets; ++s) {
    auto* street = part->add_streets();
    street->set_id(street_of(s));
    for (int c = 0; c < kCommunitiesAStreet; ++c) {
      street->add_communities()->set_id(community_of(s, c));
    }
  }
  enter_and_wait("DefineGridPart", std::move(part));
  for (const char* name : {"sanitation", "roads", "inspection"}) {
    auto unit = std::make_unique<v1::DefineUnit>();
    unit->set_city(kCity);
    unit->set_unit(name);
    enter_and_wait("DefineUnit", std::move(unit));
  }
  for (const char* name : kServices) {
    auto service = std::make_unique<v1::DefineService>();
    service->set_city(kCity);
    service->set_service(name);
    enter_and_wait("DefineService", std::move(service));
  }
  auto calendar = std::make_unique<v1::AdoptCalendar>();
  calendar->set_city(kCity);
  calendar->mutable_calendar()->set_time_zone("UTC");
  for (uint32_t day = 1; day <= 5; ++day) {
    auto* hours = calendar->mutable_calendar()->add_hours();
    hours->set_weekday(day);
    hours->set_open_s(9 * 3600);
    hours->set_close_s(17 * 3600);
  }
  enter_and_wait("AdoptCalendar", std::move(calendar));
  auto source = std::make_unique<v1::ConnectSource>();
  source->set_city(kCity);
  source->set_source(v1::Source::hotline);
  enter_and_wait("ConnectSource", std::move(source));
}

Command BenchCity::report(uint64_t caller, uint64_t number, bool with_contact) const {
  // Spread like real reports: neighbours in time are seldom neighbours in place.
  const uint64_t spread = (caller * 7919 + number * 104729) % 1'000'003;
  auto request = std::make_unique<v1::ReportCase>();
  request->set_city(kCity);
  request->set_kind(v1::Kind::problem);
  request->set_source(v1::Source::hotline);
  request->set_service(kServices[spread % 4]);
  auto* place = request->mutable_place();
  place->set_district("north");
  place->set_street(street_of(spread));
  place->set_community(community_of(spread, spread / kStreets));
  place->set_latitude(31.0 + static_cast<double>(spread % 997) / 2000);
  place->set_longitude(120.0 + static_cast<double>(spread / 997) / 2000);
  request->set_description("Bags beside the bin, number " + std::to_string(spread));
  if (with_contact) {
    request->mutable_contact()->set_name("Li Wei");
    request->mutable_contact()->set_phone("+86512" + std::to_string(60000000 + spread % 100000));
  }
  return {find_method("ReportCase"), std::move(request), &hotline_};
}

Command BenchCity::step_of_case(size_t step, uint64_t caller, uint64_t number,
                                const std::string& case_id) const {
  switch (step) {
    case 0:
      return report(caller, number, false);
    case 1:
      return about("VerifyCase", verifier_, std::make_unique<v1::VerifyCase>(), case_id);
    case 2:
      return about("FileCase", dispatcher_, std::make_unique<v1::FileCase>(), case_id);
    case 3: {
      auto request = std::make_unique<v1::AssignCase>();
      request->set_lead_unit("sanitation");
      return about("AssignCase", dispatcher_, std::move(request), case_id);
    }
    case 4:
      return about("AcceptAssignment", worker_, std::make_unique<v1::AcceptAssignment>(), case_id);
    case 5:
      return about("StartRectification", worker_, std::make_unique<v1::StartRectification>(),
                   case_id);
    case 6: {
      auto request = std::make_unique<v1::ReportRectification>();
      request->set_note("cleared");
      return about("ReportRectification", worker_, std::move(request), case_id);
    }
    case 7: {
      auto request = std::make_unique<v1::CheckCase>();
      request->set_passed(true);
      return about("CheckCase", checker_, std::move(request), case_id);
    }
    default: {
      auto request = std::make_unique<v1::RateCase>();
      request->set_stars(5);
      return about("RateCase", hotline_, std::move(request), case_id);
    }
  }
}

void BenchCity::enter(Command command, projections::Answer answer) {
  door_->enter(*command.method, std::move(command.request), *command.principal, std::nullopt,
               std::move(answer));
}

void BenchCity::submit(Command command, projections::Answer answer) {
  projections::Submission submission;
  submission.request_mac = keeper_->request_mac(command.request->SerializeAsString());
  std::array<uint8_t, 10> random{};
  env_.random(random.data(), random.size());
  submission.id = make_uuid_v7(env_.now_us() / 1000, random);
  submission.principal = *command.principal;
  submission.command = std::move(command.request);
  keeper_->submit(std::move(submission), std::move(answer));
}

namespace {

struct Caller {
  size_t step = 0;
  uint64_t cases = 0;
  std::string case_id;
};

}  // namespace

void BenchCity::run_cases(uint64_t count, uint64_t commands,
                          const std::function<void(int64_t)>& answered) {
  boost::asio::io_context io(1);
  std::vector<Caller> callers(count);
  uint64_t done = 0;
  uint64_t resting = 0;
  const std::function<void(uint64_t)> send = [&](uint64_t index) {
    auto& caller = callers[index];
    if (caller.step == 0 && done >= commands) {
      if (++resting == count) io.stop();
      return;
    }
    const int64_t sent_us = monotonic_us();
    auto command = caller.step == 0
                       ? report(index, caller.cases, true)
                       : step_of_case(caller.step, index, caller.cases, caller.case_id);
    enter(std::move(command), [&, index, sent_us](Result<v1::Receipt> receipt) {
      boost::asio::post(io, [&, index, sent_us, receipt = std::move(receipt)]() mutable {
        answered(monotonic_us() - sent_us);
        auto& known = callers[index];
        const auto landed = must(std::move(receipt), "a command of a whole case");
        if (known.step == 0) known.case_id = landed.subject_id();
        known.step = (known.step + 1) % kStepsOfCase;
        if (known.step == 0) ++known.cases;
        ++done;
        send(index);
      });
    });
  };
  auto work = boost::asio::make_work_guard(io);
  for (uint64_t i = 0; i < count; ++i) boost::asio::post(io, [&, i] { send(i); });
  io.run();
}

std::unique_ptr<google::protobuf::Message> BenchCity::read(
    const google::protobuf::Message& request) {
  const auto snapshot = keeper_->snapshot();
  return must(projections::answer_read(
                  request, {*snapshot, *door_, admin_, ledger(), founding_id(), *log_}),
              request.GetDescriptor()->name().c_str());
}

}  // namespace hansa::bench
