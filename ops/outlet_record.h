// Outlet record: what of an entry other systems are given, as CloudEvents 1.0 in binary mode.
//
// Shape:   outlet_records() makes one record of each event that is given out, in order; attributes
//          are headers `ce_…`, the key is the subject, the value the event as JSON.
//            of a city's ledger    its events with their PUBLIC and INTERNAL fields; the subject is
//                                  the case, or what else the entry is about
//            of a share ledger     the city's events that it shares, at their own time, with the
//                                  fields that are set and no word of others, and ShareEnded; the
//                                  subject is the case, campaign or finding where one is shared;
//                                  ce_dataclassification is the strictest class of those fields:
//                                  public, internal or sensitive
//          ce_id is <ledger>/<seq>/<index>: of the event in its entry, or of what is shared in it.
//          Where a record stands among all that is given out is the outlet's to say (outlet.h).
// Errors:  kUpgradeNeeded: an event of a kind that this binary does not know.
// Threads: pure.
// Source:  CloudEvents 1.0, Kafka protocol binding §3.2, "Data classification extension".
#pragma once

#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "hansa/v1/entry.pb.h"
#include "streams/kafka_records.h"

namespace hansa::ops {

Result<std::vector<streams::KafkaRecord>> outlet_records(const LedgerId& ledger, Seq seq,
                                                         const v1::Payload& payload);

}  // namespace hansa::ops
