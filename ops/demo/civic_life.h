// CivicLife: what the people of one simulated city do, day by day, through the city's door.
//
// Shape:   reports come by the hours of the day; each becomes one of several courses (refuted,
//          disputed, merged, reopened, …), whose steps lie in a queue ordered by virtual time. The
//          first reports of a city take every course once, so that even a short run shows all.
//          Everything is drawn from the seed.
// Units:   microseconds since 1970 UTC; hours of the day in UTC+8.
// Errors:  run_to() passes on what ends the ledger; a refused command ends its case's course only.
// Threads: one.
// Limits:  what has not happened by the last day does not happen.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "ops/demo/delta_city.h"
#include "ops/demo/stage.h"

namespace hansa::ops {

struct LifeOptions {
  uint32_t days = 30;
  uint32_t reports_a_day = 40;
  uint64_t seed = 1;
};

class CivicLife {
 public:
  CivicLife(Stage& stage, const DeltaCity& city, const LifeOptions& options);
  // Until a full hour of the days asked for.
  Result<void> run_to(int64_t time_us);
  uint64_t refused() const { return refused_; }

 private:
  enum class Course {
    kRefuted,
    kWithdrawn,
    kReferredOut,
    kDuplicate,
    kDisputed,
    kTransferred,
    kPostponed,
    kExtended,
    kCheckFails,
    kReopened,
    kBackAgain,
    kLate,
    kPlain,
  };
  struct Report {
    std::string case_id;
    size_t service = 0;
    size_t community = 0;
    std::string phone;
    std::string person;
    std::string unit;
    Course course = Course::kPlain;
    bool second_round = false;
  };
  struct Step {
    int64_t time_us;
    uint64_t order;
    std::function<void()> action;
    bool operator>(const Step& other) const {
      return time_us != other.time_us ? time_us > other.time_us : order > other.order;
    }
  };
  using Shared = std::shared_ptr<Report>;

  // Chance.
  uint64_t draw(uint64_t below);
  bool chance(uint32_t percent) { return draw(100) < percent; }
  int64_t minutes(int64_t low, int64_t high);
  int64_t at_work(int64_t time_us);
  Course draw_course();

  // Acting.
  void later(int64_t time_us, std::function<void()> action);
  void after(int64_t minutes_low, int64_t minutes_high, std::function<void()> action);
  template <typename Request>
  bool act(const Shared& report, v1::Role::Value role, const std::string& unit, Request request);
  Principal someone(v1::Role::Value role, const std::string& unit, size_t community);
  Principal reporter_of(const Report& report);

  // The course of a case.
  void plan_day(uint32_t day);
  v1::Role::Value draw_channel(Report& report, v1::ReportCase& request);
  void report_new(Course course, const Report* like);
  void verify(const Shared& report);
  void file(const Shared& report);
  void assign(const Shared& report);
  void accept(const Shared& report);
  void settle_lead(const Shared& report, const std::string& right_unit);
  void work(const Shared& report);
  void rectify(const Shared& report, bool check_passes);
  void check(const Shared& report, bool passes);
  void closed(const Shared& report);
  void reopen(const Shared& report);
  void erase_somebody();

  Stage& stage_;
  const DeltaCity& city_;
  LifeOptions options_;
  SeededEnv chance_;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> steps_;
  uint64_t order_ = 0;
  int64_t start_us_;
  int64_t next_hour_us_;
  size_t reports_ = 0;
  uint64_t refused_ = 0;
  std::vector<std::string> persons_;
  std::optional<Error> failure_;
};

}  // namespace hansa::ops
