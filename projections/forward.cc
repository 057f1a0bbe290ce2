#include "projections/forward.h"

#include <sodium.h>

#include <cstdlib>

#include "core/base/hash.h"
#include "hansa/v1/nodes.pb.h"

namespace hansa::projections {
namespace {

Hash mac_of(std::string_view ledger_secret, std::string_view forwarded) {
  return hmac_sha256(hkdf_sha256(ledger_secret, "forward", 32), forwarded);
}

bool is_mac_right(const v1::Forward& forward, std::string_view ledger_secret) {
  const Hash right = mac_of(ledger_secret, forward.forwarded());
  return forward.mac().size() == right.bytes.size() &&
         sodium_memcmp(forward.mac().data(), right.bytes.data(), right.bytes.size()) == 0;
}

void write_caller(const Principal& principal, v1::Caller& caller) {
  caller.set_issuer(principal.issuer);
  caller.set_subject(principal.subject);
  for (const auto role : principal.roles) caller.add_roles(role);
  for (const auto& city : principal.cities) caller.add_cities(city);
  caller.set_grid_prefix(principal.grid_prefix);
  caller.set_unit(principal.unit);
  caller.set_person(principal.person);
  caller.set_alliance(principal.alliance);
}

Principal read_caller(const v1::Caller& caller) {
  Principal principal;
  principal.issuer = caller.issuer();
  principal.subject = caller.subject();
  for (const auto role : caller.roles()) {
    principal.roles.push_back(static_cast<v1::Role::Value>(role));
  }
  principal.cities.assign(caller.cities().begin(), caller.cities().end());
  principal.grid_prefix = caller.grid_prefix();
  principal.unit = caller.unit();
  principal.person = caller.person();
  principal.alliance = caller.alliance();
  return principal;
}

Error foreign(const LedgerId& ledger) {
  return {Errc::kForbidden, "a command forwarded to " + ledger.text() +
                                " was not written by a node that has the ledger's key file"};
}

}  // namespace

std::string write_forward(const Submission& submission, const LedgerId& ledger,
                          std::string_view ledger_secret, int64_t now_us) {
  v1::ForwardedCommand command;
  command.set_ledger(ledger.text());
  command.set_kind(submission.kind);
  command.set_command_id(std::string(submission.id.view()));
  command.set_request_mac(submission.request_mac);
  write_caller(submission.principal, *command.mutable_caller());
  command.set_time_us(now_us);
  command.set_method(submission.command->GetDescriptor()->name());
  command.set_command(submission.command->SerializeAsString());
  v1::Forward forward;
  forward.set_forwarded(command.SerializeAsString());
  forward.set_mac(std::string(mac_of(ledger_secret, forward.forwarded()).view()));
  return forward.SerializeAsString();
}

Result<ReadForward> read_forward(std::string_view bytes, const LedgerId& ledger,
                                 std::string_view ledger_secret, int64_t now_us) {
  v1::Forward forward;
  v1::ForwardedCommand command;
  if (!forward.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !is_mac_right(forward, ledger_secret) ||
      !command.ParseFromString(forward.forwarded()) || command.ledger() != ledger.text()) {
    return fail(foreign(ledger));
  }
  if (std::abs(now_us - command.time_us()) > kForwardAgeUsMax) {
    return fail(Errc::kRequestTimeout, "a command forwarded to " + ledger.text() +
                                           " is too old; nobody waits for it any more");
  }
  ReadForward read;
  const auto id = CommandId::from(command.command_id());
  read.method = find_method(command.method());
  if (read.method == nullptr || !read.method->is_command || !id) {
    return fail(Errc::kUpgradeNeeded, "a command forwarded to " + ledger.text() + ", " +
                                          command.method() +
                                          ", is not known to this binary; install a newer one");
  }
  const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(
      read.method->input);
  read.submission.command.reset(prototype->New());
  if (!read.submission.command->ParseFromString(command.command())) return fail(foreign(ledger));
  const auto& fields = *read.submission.command;
  if (fields.GetReflection()->GetUnknownFields(fields).field_count() > 0) {
    return fail(Errc::kUpgradeNeeded, "a command forwarded to " + ledger.text() +
                                          " has fields that this binary does not know; install a "
                                          "newer one");
  }
  read.submission.id = *id;
  read.submission.kind = command.kind();
  read.submission.principal = read_caller(command.caller());
  read.submission.request_mac = command.request_mac();
  read.submission.is_forwarded = true;
  return read;
}

}  // namespace hansa::projections
