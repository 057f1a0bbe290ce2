// What a decision and a fold are handed beside the rows: who asks, when, and from where.
//
// Shape:   Principal: who calls, as the door established it (SPEC §4).
//          DecideContext: one command's principal, pseudonym, ledger time and next seq, and
//          which events the deciding binary knows.
//          EntryContext: one entry's place in the ledger while its events are folded.
//          Decision: the events of an accepted command and what its receipt says.
// Units:   times in microseconds since 1970 UTC.
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/ledger/envelope.h"
#include "hansa/v1/entry.pb.h"

namespace hansa {

struct Principal {
  std::string issuer;   // who vouches: "key" for API keys, "hansa" for the system itself
  std::string subject;  // the caller's id at that issuer
  std::vector<v1::Role::Value> roles;
  std::vector<std::string> cities;  // cities the roles count in; "*" is every city
  std::string grid_prefix;          // "", "north", "north/river-street", …
  std::string unit;
  std::string person;  // 32 hex digits when the caller is a known reporter
  std::string alliance;             // the one the roles count in; "*" is every alliance

  bool has_role(v1::Role::Value role) const;
  bool acts_in(std::string_view city) const;
  bool acts_in(const LedgerId& ledger) const;
};

struct DecideContext {
  const Principal& principal;
  ActorId actor;
  int64_t time_us = 0;  // ledger time of the entry to be
  Seq seq = 0;          // its seq, should it be accepted and land
  uint16_t schema_level_known = kSchemaLevel;  // by the binary that decides
};

struct EntryContext {
  Seq seq = 0;
  int64_t time_us = 0;
  ActorId actor;
};

struct Decision {
  std::vector<v1::Event> events;  // empty: nothing to do (a timer whose subject has moved on)
  std::string subject_id;
  std::string state;
  // Set when an import row says what is known already: nothing is appended.
  bool unchanged = false;
};

}  // namespace hansa
