// League: the demo's alliance and its cities, whose ledgers hear of each other at fixed times.
//
// Shape:   open() makes the alliance's ledger and the links between it and the cities' stages;
//          decide() is a command of its secretariat, say() one of a city's administration that
//          names the alliance, record() one that does not;
//          settle() lets the links carry all there is and comes back with every keeper at rest,
//          pass_time() moves the alliance's clock and settles. The links take their steps only when
//          nothing else moves, so that one seed makes the same share and alliance ledgers, byte for
//          byte. finish() says what stands there and closes alliance and share ledgers; the stages
//          are the caller's to finish after that. With a year it also says how the members' air
//          changed, twice: from the rows that were kept all the while, and from such that it folds
//          anew from the alliance's ledger and leaves in their place.
// Units:   microseconds since 1970 UTC.
// Errors:  of the doors and keepers; finish(): kInternal when a link waits for something: in a demo
//          nothing is away; kDigestDiffers when rows folded anew are not the same.
// Threads: one at a time; nobody else may touch the stages meanwhile.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federation/links.h"
#include "hansa/v1/alliance_reads.pb.h"
#include "ops/demo/delta_city.h"
#include "ops/demo/stage.h"

namespace hansa::ops {

inline constexpr const char* kDemoAlliance = "delta";

struct MemberOutcome {
  std::string city;
  std::string membership;
  int64_t joined_time_us = 0;  // 0: it has not joined, or left since
  uint32_t ratified = 0;       // the newest version; 0: none
  int64_t heard_time_us = 0;   // when the alliance took its word last
  uint64_t disregarded = 0;    // words without effect
  uint64_t shared_events = 0;
};

struct AllianceOutcome : LedgerOutcome {
  std::string alliance;
  uint32_t version_in_force = 0;
  std::vector<MemberOutcome> members;
  std::vector<v1::Campaign> campaigns;
  std::map<std::string, std::map<std::string, uint64_t>> findings;  // kind -> state -> how many
  uint64_t shared_events = 0;
  // Joint actions that the demo made the two sides record differently, or one side alone.
  uint64_t planted_differing = 0;
  uint64_t planted_one_sided = 0;
  std::map<std::string, uint64_t> handovers;  // state -> how many
  std::map<std::string, uint64_t> figures;    // published, by standing
  struct Air {
    v1::AirChangeAnswer live;
    v1::AirChangeAnswer anew;  // of the rows folded anew
  };
  std::optional<Air> air;
};

class League {
 public:
  struct Member {
    const DeltaCity* city = nullptr;
    Stage* stage = nullptr;
  };
  struct Plan {
    StageOptions alliance;
    std::vector<Member> members;
    streams::Log* log = nullptr;       // that keepers append to
    streams::Log* read_log = nullptr;  // the same, with places of its own; may be `log`
    std::shared_ptr<projections::StoreBudget> budget;
  };
  static Result<std::unique_ptr<League>> open(Plan plan);
  ~League();

  const std::vector<Member>& members() const { return plan_.members; }
  const Identity& identity() const { return alliance_->identity(); }

  template <typename Request>
  Result<v1::Receipt> decide(Request request) {
    request.set_alliance(kDemoAlliance);
    alliance_->rest();  // an entry states how far its writer had read: past the checkpoint, always
    return alliance_->enter(std::make_unique<Request>(std::move(request)), secretariat());
  }
  template <typename Request>
  Result<v1::Receipt> say(const Member& member, Request request) {
    request.set_alliance(kDemoAlliance);
    return record(member, std::move(request));
  }
  template <typename Request>
  Result<v1::Receipt> record(const Member& member, Request request) {
    return act(member, demo_principal(member.city->id, v1::Role::city_admin, "admin"),
               std::move(request));
  }
  // Anybody's command in a city.
  template <typename Request>
  Result<v1::Receipt> act(const Member& member, const Principal& who, Request request) {
    request.set_city(member.city->id);
    return member.stage->enter(std::make_unique<Request>(std::move(request)), who);
  }

  Result<void> settle();
  Result<void> pass_time(int64_t to_us);
  // Of the alliance's ledger, in the order of their keys.
  Result<std::vector<v1::Finding>> findings();
  Result<AllianceOutcome> finish(std::optional<uint32_t> air_year);

 private:
  class LandedLog;

  explicit League(Plan plan);
  static Principal secretariat();
  void rest();
  Result<void> check_links();
  void stop_links();
  Offset landed_end(const LedgerId& ledger) const;
  Result<void> add_members(AllianceOutcome& outcome);
  Result<void> describe(AllianceOutcome& outcome, std::optional<uint32_t> air_year);
  Result<v1::AirChangeAnswer> air_change(const projections::Snapshot& rows, uint32_t year) const;
  Result<void> fold_anew(AllianceOutcome& outcome, uint32_t air_year);

  Plan plan_;
  SeededEnv env_;  // of the share ledgers
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::unique_ptr<Stage> alliance_;
  std::map<LedgerId, Stage*> stages_;
  std::unique_ptr<LandedLog> landed_log_;
  std::unique_ptr<federation::Links> links_;
};

}  // namespace hansa::ops
