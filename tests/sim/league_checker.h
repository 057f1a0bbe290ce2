// League checker: holds the ledgers of a league against each other.
//
// Shape:   check_league(evidence) -> findings: those of checker.h for each ledger, and
//            case_in_two        taken twice, by another, after it was given back, or gone on with
//                               by the city that offers it
//            case_in_none       neither taken nor given back, or referred out to nobody
//            not_granted        shared, and the agreement in effect did not grant it, at the
//                               entry or by the newest that was looked at
//            withheld           granted at both, and not shared
//            range              a share ledger skips or doubles entries of its city, or tells of
//                               others than the city has
//            input_position     a position that does not follow the one before, or is of another
//                               entry than the ledger has
//            heard_twice        an alliance or a city has taken a word more often than it was said
//            never_heard        or not at all
//            unlanded_signed    a checkpoint, signed or shown, of entries that the ledger lacks
//            quarantined        an input was stopped, though nobody forges anything; but for a
//                               key that was changed and not known there yet
//            false_alarm        a fork or a forgetful witness was reported
//          It is made of the entries alone; of the code that shares and hears nothing is used.
// Errors:  none: what is wrong is a finding.
// Threads: pure.
// Limits:  one alliance. After healing: what is still on its way is a finding.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/checker.h"

namespace hansa::sim {

struct LeagueEvidence {
  std::string alliance;
  std::map<LedgerId, Evidence> ledgers;  // of the alliance, of cities and their shares
  std::vector<std::string> notes;        // checkpoints that were shown to witnesses
  std::set<std::string> changed_keys = {};  // ledgers that are signed with another key by now
};

std::vector<Finding> check_league(const LeagueEvidence& evidence);

}  // namespace hansa::sim
