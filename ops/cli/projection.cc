#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/cli/offline.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

struct ProjectionOptions {
  std::string data_dir;
  std::string ledger;
  bool json = false;
  bool scan = false;
  RemoteServer server;
};

struct DigestRow {
  Seq seq = 0;
  std::string tip;
  std::string digest;
};

Result<DigestRow> digest_of_server(const ProjectionOptions& options, const LedgerId& ledger) {
  HANSA_TRY(auto client, connect(options.server));
  v1::GetDigest request;
  request.set_city(ledger.id);
  v1::DigestAnswer answer;
  HANSA_CHECK(client.call(request, answer));
  return DigestRow{answer.seq(), answer.tip_sha256(), answer.digest()};
}

Result<DigestRow> digest_of_folder(const ProjectionOptions& options, const LedgerId& ledger) {
  HANSA_TRY(auto stopped, StoppedNode::open(options.data_dir, ledger));
  HANSA_TRY(const auto meta, stored_meta(options.data_dir, ledger));
  if (options.scan && meta.position.seq > 0) {
    HANSA_TRY(const auto store, projections::Store::open(store_folder(options.data_dir, ledger),
                                                         projections::make_store_budget(64, 16)));
    HANSA_TRY(const auto scanned, store->scan_digest());
    if (scanned != meta.digest) {
      return fail(Errc::kDigestDiffers, ledger.text() + ": the rows have the digest " +
                                            scanned.hex() + ", kept was " + meta.digest.hex() +
                                            "; run `hansa projection rebuild`");
    }
  }
  return DigestRow{meta.position.seq, to_hex(meta.position.tip), meta.digest.hex()};
}

int digest(const ProjectionOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  const auto row = options.data_dir.empty() ? digest_of_server(options, *ledger)
                                            : digest_of_folder(options, *ledger);
  if (!row) return report(row.error());
  if (options.json) {
    print_line("{\"ledger\":" + json_text(ledger->text()) + ",\"seq\":" +
               json_text(std::to_string(row->seq)) + ",\"tip\":" + json_text(row->tip) +
               ",\"digest\":" + json_text(row->digest) + "}");
  } else {
    print_line(ledger->text() + ": digest " + row->digest + " at seq " + std::to_string(row->seq));
  }
  return kExitOk;
}

}  // namespace

void add_projection(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("projection", "Rows against their ledger: digest, rebuild");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa projection digest --data data --ledger city/example");
  auto options = std::make_shared<ProjectionOptions>();
  auto* one = verb->add_subcommand("digest", "One number for all rows, the same for the same rows");
  one->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  one->add_option("--data", options->data_dir,
                  "Data folder of a stopped node; without it the server is asked");
  one->add_flag("--scan", options->scan, "With --data: reckons it anew from every row");
  one->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*one, options->server);
  set_example(*one, "  hansa projection digest --data data --ledger city/example");
  one->callback([&chosen, options] { chosen.run = [options] { return digest(*options); }; });
}

}  // namespace hansa::ops
