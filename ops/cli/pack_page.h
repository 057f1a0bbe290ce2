// Pack page: a month of what a city shared with an alliance, as a page to be printed and as tables.
//
// Shape:   PackFacts are taken from copies of both logs that were checked (evidence_league.h);
//          add_alliance_entry() and add_share_entry() collect what falls into the month: figures
//          by the last day of their period, shared events by their time, `utc_offset_us` ahead of
//          UTC.
//          pack_page(): self-contained HTML. figures_csv(): a line a cell, the total's id empty.
//          events_csv(): a line an event. definitions_csv(): the catalogue of figures.
//          The same facts give the same bytes.
// Errors:  none.
// Threads: pure.
// Source:  DESIGN §8 "Evidence".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "federation/evidence_league.h"
#include "hansa/v1/figures.pb.h"

namespace hansa::ops {

struct PackedFigure {
  Seq seq = 0;  // of the alliance's entry that published it
  std::string publication;
  v1::PublishedFigure figure;
  v1::FigureJudged judged;  // standing unspecified: not judged yet
};
struct PackedEvent {
  Seq share_seq = 0;
  v1::SharedEvent shared;
};

struct PackFacts {
  std::string alliance;
  std::string city;
  std::string month;  // 2025-01
  int64_t utc_offset_us = 0;
  federation::EvidenceHead alliance_head;
  federation::EvidenceHead share_head;
  std::vector<PackedFigure> figures;
  std::vector<PackedEvent> events;

  void add_alliance_entry(const federation::EvidenceEntry& entry);
  void add_share_entry(const federation::EvidenceEntry& entry);
};

// "proved", "attested", "does not follow"; of one that was not judged yet what its city claims.
std::string standing_of(const PackedFigure& figure);
std::string pack_page(const PackFacts& facts);
std::string figures_csv(const PackFacts& facts);
std::string events_csv(const PackFacts& facts);
std::string definitions_csv();

}  // namespace hansa::ops
