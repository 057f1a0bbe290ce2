// Inbox record: what another system wrote to an inbox, read as a command of the schema.
//
// Shape:   read_inbox_record() takes a v1.Command (content-type application/protobuf), or a
//          CloudEvent 1.0 in structured mode (application/cloudevents+json, or none and a value
//          that begins with `{`): `type` is "hansa.v1." and the method, `data` its request. The
//          city may be left out. PERSONAL texts come as boxes to the city's key and are opened
//          here, to be sealed by the door; where the inbox is declared to hold them in clear, both
//          are taken.
// Errors:  kBadRequest, kUnknownField; kBadIdempotencyKey: a Command's id is no UUID of version 7;
//          kForbidden: the inbox is not open for this method, or a personal
//          text came in clear; kUpgradeNeeded: fields that this binary does not know.
//          The details may quote the record: they are for sealed places only.
// Threads: free for all.
// Source:  CloudEvents 1.0, Kafka protocol binding §3.3; DESIGN §4.
#pragma once

#include <memory>
#include <optional>

#include "core/base/schema.h"
#include "ops/config.h"
#include "projections/keyring.h"
#include "streams/kafka_records.h"

namespace hansa::ops {

struct InboxCommand {
  const MethodInfo* method = nullptr;
  std::unique_ptr<google::protobuf::Message> request;
  std::optional<CommandId> id;
};

Result<InboxCommand> read_inbox_record(const streams::KafkaRecord& record,
                                       const InboxSettings& inbox,
                                       const projections::Keyring& keyring);

}  // namespace hansa::ops
