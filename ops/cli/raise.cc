#include "core/base/ids.h"
#include "hansa/v1/alliance.pb.h"
#include "hansa/v1/city.pb.h"
#include "hansa/v1/common.pb.h"
#include "hansa/v1/operations.pb.h"
#include "ops/cli/cli.h"
#include "ops/cli/price.h"

namespace hansa::ops {
namespace {

struct RaiseOptions {
  std::string ledger;
  uint32_t level = 0;
  bool plan = false;
  bool json = false;
  RemoteServer server;
};

// An entry without events of its own but the new level.
constexpr uint64_t kEntryBytes = 256;

Price price_of(const LedgerId& ledger, const v1::ProjectionAnswer& now, uint32_t level) {
  Price price;
  price.step = "raise " + ledger.text() + " from schema level " +
               std::to_string(now.schema_level()) + " to " + std::to_string(level) +
               " (this node knows " + std::to_string(now.schema_level_known()) + ")";
  price.bytes = kEntryBytes;
  price.room = "one entry at most; no row is folded anew";
  price.readers =
      "nothing where every node knows the level (`hansa nodes` shows their versions). A node that "
      "does not stops deciding for the ledger and shows what it last committed "
      "(HansaUpgradeNeeded) until it is upgraded. It cannot be lowered again: no older binary goes "
      "on with this ledger";
  if (level <= now.schema_level()) price.step += ", which it has already";
  if (level > now.schema_level_known()) {
    price.readers = "nothing: it would be refused, for this node's binary does not know the level";
  }
  return price;
}

template <typename Request>
Result<v1::Receipt> raise(Client& client, Request request, uint32_t level) {
  request.set_level(level);
  v1::Receipt receipt;
  HANSA_CHECK(client.call(request, receipt));
  return receipt;
}

int raise_ledger(const RaiseOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::GetProjection request;
  request.set_city(ledger->id);
  v1::ProjectionAnswer now;
  if (auto read = client->call(request, now); !read) return report(read.error());
  const uint32_t level = options.level == 0 ? now.schema_level_known() : options.level;
  if (options.plan) {
    print_price(price_of(*ledger, now, level), options.json);
    return kExitOk;
  }
  Result<v1::Receipt> receipt = v1::Receipt();
  if (ledger->kind == kAllianceKind) {
    v1::RaiseAllianceSchemaLevel raising;
    raising.set_alliance(ledger->id);
    receipt = raise(*client, raising, level);
  } else {
    v1::RaiseSchemaLevel raising;
    raising.set_city(ledger->id);
    receipt = raise(*client, raising, level);
  }
  if (!receipt) return report(receipt.error());
  print_line(ledger->text() + ": schema level " + std::to_string(level) + " since entry " +
             std::to_string(receipt->seq()));
  return kExitOk;
}

}  // namespace

void add_raise(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "raise", "Raises a ledger's schema level, once every node of it knows the new one");
  auto options = std::make_shared<RaiseOptions>();
  verb->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  verb->add_option("--level", options->level, "The level; without it the newest the node knows");
  verb->add_flag("--plan", options->plan,
                 "Only says what would happen: time, space, and what readers notice");
  verb->add_flag("--json", options->json, "With --plan: one JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa setup setup\n  hansa raise --ledger city/example --plan");
  verb->callback([&chosen, options] { chosen.run = [options] { return raise_ledger(*options); }; });
}

}  // namespace hansa::ops
