// Campaign page: a campaign's report as one page of HTML, to be read and printed.
//
// Shape:   self-contained: no script, no font, no picture from elsewhere; every text is escaped.
//          The same facts give the same bytes.
// Errors:  none.
// Threads: free for all.
// Source:  ops/campaign_report.h.
#pragma once

#include <string>

#include "ops/campaign_report.h"

namespace hansa::ops {

std::string campaign_page(const CampaignFacts& facts, const std::string& json_sha256);

}  // namespace hansa::ops
