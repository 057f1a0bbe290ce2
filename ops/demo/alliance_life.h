// AllianceLife: what the secretariat and the cities of the demo's alliance do, day by day.
//
// Shape:   found(), before the first day: the alliance, its members, an agreement in force, two
//          campaigns proposed. pass_day(), once a day while offices work: words on the campaigns,
//          actions alone and in pairs of neighbours, some of which are planted to differ or are
//          recorded by one side only; what becomes of the findings; one city that leaves and
//          returns; an agreement with one more field half way; the first campaign's closing. The
//          second campaign finds no quorum and lapses.
//          With more than three cities one declines, leaves and returns, and another does not
//          ratify the first version. A short run does on its last day what it has no days for.
//          Behind the new agreement each city publishes how many reports were verified: of one day,
//          on its word, and of the days left, so that anyone can prove it.
//          Given air, the agreement grants it too; share_air() lets a member of whose city there is
//          some record it and its population, or leaves that to the day when the member ratifies.
// Errors:  what a door refuses ends the demo: nothing here is meant to be refused.
// Threads: as League.
// Limits:  a lone account is found an orphan after 14 days; shorter runs show it waiting.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ops/demo/border_life.h"
#include "ops/demo/delta_air.h"
#include "ops/demo/league.h"

namespace hansa::ops {

class AllianceLife {
 public:
  // `air` may be nullptr: then the air is no part of it.
  AllianceLife(League& league, const DeltaAir* air, uint32_t days, uint64_t seed,
               int64_t start_us);
  Result<void> found();
  // After found(), member by member.
  Result<void> share_air(size_t member);
  // From 1 on; the league's time is that of the day.
  Result<void> pass_day(uint32_t day);
  uint64_t planted_differing() const { return planted_differing_; }
  uint64_t planted_one_sided() const { return planted_one_sided_; }

 private:
  using Action = std::function<Result<void>()>;
  struct Step {
    uint32_t day;
    Action action;
  };
  struct Pair {
    size_t first;
    size_t second;
  };

  void at(uint32_t day, Action action);
  void plan();
  void pair_neighbours();
  std::string date(uint32_t day) const;

  Result<void> admit_all();
  Result<void> propose_agreement(bool with_streets);
  Result<void> ratify(size_t member, uint32_t version);
  Result<void> propose_campaigns();
  Result<void> amend();
  Result<void> publish(uint32_t from_day, uint32_t to_day);
  Result<void> record_air(size_t member);
  Result<void> say_words(bool first_half);
  Result<void> act_alone(uint32_t day);
  Result<void> act_together(const std::string& joint_id, const std::string& title, uint32_t day,
                            bool differ);
  Result<void> act_one_sided(uint32_t day);
  Result<void> record(size_t member, v1::RecordCampaignAction action);
  v1::RecordCampaignAction joint_side(const Pair& pair, bool is_first,
                                      const std::string& joint_id) const;
  Result<void> leave();
  Result<void> return_again();
  Result<void> acknowledge();
  Result<void> explain();
  Result<void> settle_one();
  Result<void> close_campaign();
  Result<void> offer_over_borders();
  Result<size_t> member_of(const std::string& city) const;

  bool has_odd_ones() const { return league_.members().size() > 3; }
  bool is_decliner(size_t member) const {
    return has_odd_ones() && member + 2 == league_.members().size();
  }
  bool is_late(size_t member) const {
    return has_odd_ones() && member + 1 == league_.members().size();
  }

  League& league_;
  const DeltaAir* air_;
  uint32_t days_;
  SeededEnv chance_;
  int64_t start_us_;
  std::vector<Step> steps_;
  std::vector<Pair> pairs_;
  BorderLife border_;
  std::vector<std::string> sha256_;  // of the agreement's versions, from 1 on
  std::string campaign_;             // that is launched
  std::string quiet_campaign_;       // that lapses
  uint64_t planted_differing_ = 0;
  uint64_t planted_one_sided_ = 0;
};

}  // namespace hansa::ops
