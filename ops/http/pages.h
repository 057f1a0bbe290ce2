// Pages: what the server says of itself: the page of links, readiness, one scrape of figures.
//
// Shape:   start_page is one HTML document without external parts; readiness_json is
//          {"ready":false,"waits":["…"]}; ledger_figures asks every ledger for /metrics.
// Threads: any.
#pragma once

#include <string>
#include <vector>

#include "ops/metrics.h"
#include "ops/node.h"

namespace hansa::ops {

std::string start_page(Node& node);
std::string readiness_json(const Readiness& readiness);
std::vector<LedgerFigures> ledger_figures(Node& node);

}  // namespace hansa::ops
