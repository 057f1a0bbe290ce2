// Faults: what goes wrong in one simulated run, and how often.
//
// Shape:   draw_faults(dice): every run draws its own rates, about half of them zero, so that some
//          runs have one fault alone and some have all. Rates are chances in 1 000 a step or event.
// Errors:  none.
// Threads: plain values.
#pragma once

#include "streams/simulated_log.h"
#include "tests/sim/dice.h"

namespace hansa::sim {

struct Faults {
  streams::SimulatedFaults log;
  uint32_t node_crash = 0;       // a step: a node is gone at once
  uint32_t node_stop = 0;        // a step: a node is closed in good order
  uint32_t rebuild = 0;          // a step: a node folds the ledger anew and swaps its rows
  uint32_t rows_lost = 0;        // a crash: with its rows
  uint32_t lead_change = 0;      // a step: leaders are chosen anew, one, two or none
  uint32_t forward_lost = 0;     // a forwarded command never arrives
  uint32_t forward_doubled = 0;  // it arrives twice
  uint32_t forward_late = 0;     // it arrives seconds later
  uint32_t forward_astray = 0;   // it arrives at a node that does not lead
  uint32_t clock_step = 0;       // a step: a node's clock is set
  uint32_t pause = 0;            // a step: a node stands still for a while
  uint32_t disk_full = 0;        // a step: a node's disk takes no more for a while
  bool is_old = false;           // every node begins with a binary of the first schema level
  uint32_t upgrade = 0;          // a step: a node gets the newer binary
  uint32_t raise_early = 0;      // a step: the level is raised while a node may be old
  uint32_t sent_twice = 0;       // a client asks two nodes at once
  uint32_t given_up = 0;         // a client never asks again
};

// What goes wrong between the ledgers of a league, beside all that.
struct LeagueFaults : Faults {
  uint32_t reads_away = 0;    // a step: a node's links can read nothing for a while
  uint32_t reads_slow = 0;    // a step: they read late, one record at a time, for a while
  uint32_t call_lost = 0;     // a call of a witness, or its answer, never arrives
  uint32_t call_doubled = 0;  // a call arrives twice
  uint32_t call_late = 0;     // a call or its answer comes seconds later
  uint32_t key_change = 0;    // a step: a ledger is signed with another key from some size on
};

inline uint32_t draw_rate(Dice& dice, uint32_t highest) {
  return dice.chance(500) ? 0 : static_cast<uint32_t>(dice.pick(highest + 1));
}

inline Faults draw_faults(Dice& dice) {
  Faults faults;
  const uint32_t harm = dice.chance(150) ? 250 : 60;
  auto& log = faults.log;
  for (uint32_t* rate : {&log.delay, &log.duplicate, &log.drop, &log.late, &log.lost_answer,
                         &log.error_though_appended, &log.reorder_answers, &log.unreachable,
                         &log.short_read}) {
    *rate = draw_rate(dice, harm);
  }
  log.crash = draw_rate(dice, 20);
  faults.node_crash = draw_rate(dice, 3);
  faults.node_stop = draw_rate(dice, 2);
  faults.rebuild = dice.chance(300) ? draw_rate(dice, 2) : 0;
  faults.rows_lost = draw_rate(dice, 1000);
  faults.lead_change = draw_rate(dice, 5);
  faults.forward_lost = draw_rate(dice, 300);
  faults.forward_doubled = draw_rate(dice, 300);
  faults.forward_late = draw_rate(dice, 300);
  faults.forward_astray = draw_rate(dice, 300);
  faults.clock_step = draw_rate(dice, 3);
  faults.pause = draw_rate(dice, 4);
  faults.disk_full = dice.chance(250) ? draw_rate(dice, 4) : 0;
  faults.sent_twice = draw_rate(dice, 150);
  faults.given_up = draw_rate(dice, 100);
  return faults;
}

// By dice of their own: a seed without old binaries is the run that it was before there were any.
inline void draw_binaries(Dice dice, Faults& faults) {
  faults.is_old = dice.chance(300);
  if (!faults.is_old) return;
  faults.upgrade = draw_rate(dice, 3);
  faults.raise_early = draw_rate(dice, 2);
}

// By dice of their own, too: a seed without old ends is the run that it was before there were any.
inline void draw_ends(uint64_t seed, Faults& faults) {
  Dice dice(seed ^ 0x656e6473);  // any number: not the dice of the run, nor those of binaries
  if (dice.chance(150)) faults.log.old_end = 300 + draw_rate(dice, 700);
}

inline LeagueFaults draw_league_faults(Dice& dice) {
  LeagueFaults faults;
  static_cast<Faults&>(faults) = draw_faults(dice);
  faults.reads_away = draw_rate(dice, 4);
  faults.reads_slow = draw_rate(dice, 4);
  faults.call_lost = draw_rate(dice, 300);
  faults.call_doubled = draw_rate(dice, 300);
  faults.call_late = draw_rate(dice, 300);
  faults.key_change = dice.chance(500) ? draw_rate(dice, 2) : 0;
  return faults;
}

inline void note_faults(const Faults& faults, Trace& trace) {
  const auto& log = faults.log;
  trace.note("log: delay, duplicate, drop, late, lost answer, error though appended, reorder, "
             "crash, unreachable, short read, old end",
             {log.delay, log.duplicate, log.drop, log.late, log.lost_answer,
              log.error_though_appended, log.reorder_answers, log.crash, log.unreachable,
              log.short_read, log.old_end});
  trace.note("nodes: crash, stop, rebuild, rows lost, lead change, clock step, pause, disk full",
             {faults.node_crash, faults.node_stop, faults.rebuild, faults.rows_lost,
              faults.lead_change, faults.clock_step, faults.pause, faults.disk_full});
  trace.note("binaries: old, upgrade, raise early",
             {faults.is_old, faults.upgrade, faults.raise_early});
  trace.note("forwards: lost, doubled, late, astray; clients: send twice, give up",
             {faults.forward_lost, faults.forward_doubled, faults.forward_late,
              faults.forward_astray, faults.sent_twice, faults.given_up});
}

inline void note_faults(const LeagueFaults& faults, Trace& trace) {
  note_faults(static_cast<const Faults&>(faults), trace);
  trace.note("links: reads away, reads slow; calls: lost, doubled, late; key changes",
             {faults.reads_away, faults.reads_slow, faults.call_lost, faults.call_doubled,
              faults.call_late, faults.key_change});
}

}  // namespace hansa::sim
