#include "tests/bench/fold_workload.h"

#include <condition_variable>
#include <mutex>
#include <random>

#include "core/base/hash.h"
#include "core/city/case.h"
#include "core/ledger/envelope.h"
#include "hansa/v1/entry.pb.h"
#include "tests/bench/bench_log.h"
#include "tests/bench/measure.h"

namespace hansa::bench {
namespace {

constexpr int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01
constexpr size_t kFlight = 4'000;
constexpr int kCommunities = 200;
constexpr int kUnits = 20;
constexpr int kServices = 30;

std::string numbered(const char* what, uint64_t number) { return what + std::to_string(number); }

class Writer {
 public:
  explicit Writer(const std::string& folder)
      : log_(open_bench_log(folder, false, {fold_ledger()})),
        tip_(founding_hash(fold_founding_id())) {}

  void add(const v1::Payload& payload) {
    Envelope envelope;
    envelope.founding_id = fold_founding_id();
    envelope.seq = ++seq_;
    envelope.prev = tip_;
    envelope.base_seq = seq_ - 1;
    envelope.base_head = head_of(tip_);
    auto value = must(encode_entry(envelope, payload.SerializeAsString()), "an entry");
    tip_ = sha256(value);
    flight_.push_back(std::move(value));
    if (flight_.size() == kFlight) send();
  }

  void send() {
    if (flight_.empty()) return;
    std::mutex mutex;
    std::condition_variable changed;
    bool landed = false;
    log_->append(fold_ledger(), std::exchange(flight_, {}), end_,
                 [&](const std::vector<streams::Delivery>& deliveries) {
                   const std::lock_guard lock(mutex);
                   landed = deliveries.back().offset.has_value();
                   if (!landed) give_up("the log took no flight");
                   changed.notify_all();
                 });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return landed; });
    end_ = seq_;
  }

  Seq seq() const { return seq_; }

 private:
  std::unique_ptr<streams::Log> log_;
  Hash tip_;
  Seq seq_ = 0;
  Offset end_ = 0;
  std::vector<std::string> flight_;
};

v1::Payload founding() {
  v1::Payload payload;
  payload.set_time_us(kStartUs);
  payload.mutable_cause()->set_kind(v1::CauseKind::operation);
  payload.add_events()->mutable_city_founded()->mutable_title()->set_en("Bench");
  auto& part = *payload.add_events()->mutable_grid_part_defined();
  part.set_district("north");
  auto& street = *part.add_streets();
  street.set_id("river-street");
  for (int i = 0; i < kCommunities; ++i) street.add_communities()->set_id(numbered("block-", i));
  for (int i = 0; i < kUnits; ++i) {
    payload.add_events()->mutable_unit_defined()->set_unit(numbered("unit-", i));
  }
  for (int i = 0; i < kServices; ++i) {
    payload.add_events()->mutable_service_defined()->set_service(numbered("service-", i));
  }
  return payload;
}

struct OpenCase {
  std::string id;
  size_t step = 0;
  uint64_t number = 0;
};

void fill_event(v1::Event& event, const OpenCase& open, int64_t now_us, Seq seq) {
  const std::string unit = numbered("unit-", open.number % kUnits);
  switch (open.step) {
    case 0: {
      auto& reported = *event.mutable_case_reported();
      reported.set_case_(case_id(seq, 0));
      reported.set_kind(v1::Kind::problem);
      reported.set_source(v1::Source::hotline);
      reported.set_service(numbered("service-", open.number % kServices));
      reported.mutable_place()->set_district("north");
      reported.mutable_place()->set_street("river-street");
      reported.mutable_place()->set_community(numbered("block-", open.number % kCommunities));
      reported.set_first_response_due_time_us(now_us + 7'200'000'000);
      return;
    }
    case 1: return event.mutable_case_verified()->set_case_(open.id);
    case 2: {
      event.mutable_case_filed()->set_case_(open.id);
      return event.mutable_case_filed()->set_deadline_time_us(now_us + 432'000'000'000);
    }
    case 3: {
      event.mutable_case_assigned()->set_case_(open.id);
      return event.mutable_case_assigned()->set_lead_unit(unit);
    }
    case 4: {
      event.mutable_assignment_accepted()->set_case_(open.id);
      return event.mutable_assignment_accepted()->set_unit(unit);
    }
    case 5: {
      event.mutable_rectification_started()->set_case_(open.id);
      return event.mutable_rectification_started()->set_unit(unit);
    }
    case 6: {
      event.mutable_rectification_reported()->set_case_(open.id);
      event.mutable_rectification_reported()->set_unit(unit);
      return event.mutable_rectification_reported()->set_note("cleared and swept");
    }
    case 7: {
      event.mutable_case_closed()->set_case_(open.id);
      return event.mutable_case_closed()->set_closure(1);
    }
    default: {
      event.mutable_citizen_rated()->set_case_(open.id);
      event.mutable_citizen_rated()->set_closure(1);
      return event.mutable_citizen_rated()->set_stars(1 + open.number % 5);
    }
  }
}

v1::Payload entry(const OpenCase& open, int64_t now_us, Seq seq, std::mt19937_64& chance) {
  v1::Payload payload;
  payload.set_time_us(now_us);
  std::array<uint8_t, 10> random{};
  for (auto& byte : random) byte = static_cast<uint8_t>(chance());
  auto& cause = *payload.mutable_cause();
  cause.set_kind(v1::CauseKind::command);
  cause.set_command_id(std::string(make_uuid_v7(now_us / 1000, random).view()));
  cause.set_actor(std::string(16, static_cast<char>('a' + open.number % 26)));
  cause.set_request_mac(std::string(16, 'm'));
  fill_event(*payload.add_events(), open, now_us, seq);
  const auto& event = payload.events(0);
  cause.set_method("DoWhatTheEventSays");
  cause.set_subject_id(open.step == 0 ? event.case_reported().case_() : open.id);
  cause.set_state("assigned");
  return payload;
}

}  // namespace

LedgerId fold_ledger() { return {"city", "bench"}; }

FoundingId fold_founding_id() { return *FoundingId::from(std::string(16, 'b')); }

void fill_fold_log(const std::string& folder, uint64_t entries) {
  Writer writer(folder);
  writer.add(founding());
  std::mt19937_64 chance(1);
  std::vector<OpenCase> open(kOpenCases);
  uint64_t cases = 0;
  int64_t now_us = kStartUs;
  for (uint64_t i = 0; i < entries; ++i) {
    now_us += kEntryUs;
    auto& one = open[chance() % open.size()];
    if (one.step == 0) one.number = ++cases;
    const Seq seq = writer.seq() + 1;
    writer.add(entry(one, now_us, seq, chance));
    if (one.step == 0) one.id = case_id(seq, 0);
    one.step = (one.step + 1) % kEventsOfCase;
  }
  writer.send();
}

}  // namespace hansa::bench
