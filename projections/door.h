// Door: the one way in for commands of a city, whoever brings them (HTTP, demo, tests, import).
//
// Shape:   enter() validates the request against the schema, checks role and city, finds or makes
//          the reporter's person id, seals every PERSONAL text under it, waits until the key is
//          durable, and hands the command to the keeper. enter_forwarded() takes what another node
//          sent on (projections/forward.h) and asks once more whether the caller may.
//          read() checks role and city for a read;
//          show() prepares a row for an answer: fields above the caller's class are left out,
//          PERSONAL texts are unsealed for permitted roles, and each unsealing is reported.
// Errors:  as validate, permit, Keyring and Keeper say; nothing is stored before all checks passed.
// Threads: any; the answer comes on the keeper's strand.
// Source:  DESIGN §9, SPEC §4.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/schema.h"
#include "core/city/context.h"
#include "projections/keeper.h"
#include "projections/keyring.h"

namespace hansa::projections {

class Door {
 public:
  // Told of every unsealing: who, which person, which case; for the log of operations.
  using Unsealed = std::function<void(const Principal&, std::string_view person,
                                      std::string_view subject)>;

  Door(std::shared_ptr<Keeper> keeper, Keyring& keyring, Env& env, Unsealed unsealed);

  // `id` absent: the door makes one. The id used is in the receipt.
  void enter(const MethodInfo& method, std::unique_ptr<google::protobuf::Message> request,
             const Principal& principal, std::optional<CommandId> id, Answer answer);
  // A command that came in an input topic, or is taken again from its dead letters (then without a
  // step). Without an id only its position tells it from others.
  void enter_input(const MethodInfo& method, std::unique_ptr<google::protobuf::Message> request,
                   const Principal& principal, std::optional<CommandId> id,
                   std::optional<InputStep> step, Answer answer);
  // Nothing was in the topic that caused anything: only its position moves on.
  void advance_input(const Principal& principal, InputStep step, Answer answer);

  // A command that another node's door let in and sent here, because this node leads.
  Result<void> enter_forwarded(std::string_view bytes);

  Result<void> may_read(const MethodInfo& method, const Principal& principal) const;
  // The highest class of data this caller may see in this city.
  v1::DataClass sees(const Principal& principal) const;
  void show(v1::Case& row, const Principal& principal) const;

  Result<std::vector<PersonId>> find_persons(std::string_view phone, std::string_view email) const;
  Keeper& keeper() { return *keeper_; }

 private:
  void take_in(const MethodInfo& method, std::unique_ptr<google::protobuf::Message> request,
               Submission submission, Answer answer);
  Result<void> seal(const MethodInfo& method, google::protobuf::Message& request,
                    const Principal& principal);

  std::shared_ptr<Keeper> keeper_;
  Keyring& keyring_;
  Env& env_;
  Unsealed unsealed_;
};

}  // namespace hansa::projections
