#include <chrono>
#include <csignal>
#include <thread>

#include "hansa/v1/operations.pb.h"
#include "hansa/v1/reads.pb.h"
#include "ops/backup.h"
#include "ops/cli/cli.h"
#include "ops/cli/offline.h"
#include "ops/cli/price.h"
#include "ops/cli/progress.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/key_file.h"
#include "projections/rebuild.h"

namespace hansa::ops {
namespace {

// A stopped node's rows are folded by a process that does nothing else.
constexpr size_t kRowCacheBytes = 256 * projections::kMib;

struct ProjectionOptions {
  std::string data_dir;
  std::string config;
  std::string ledger;
  bool json = false;
  bool scan = false;
  bool plan = false;
  std::string metrics = "http://127.0.0.1:9464";
  bool no_wait = false;
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

struct RebuildSource {
  StoppedNode node;
  std::string data_dir;
};

Result<RebuildSource> open_source(const ProjectionOptions& options, const LedgerId& ledger) {
  if (!options.config.empty()) {
    HANSA_TRY(const auto config, read_config(options.config, process_environment()));
    HANSA_TRY(auto node, StoppedNode::of(config, ledger));
    return RebuildSource{std::move(node), config.node.data_dir};
  }
  HANSA_CHECK(check_has_log(options.data_dir, ledger));
  HANSA_TRY(auto node, StoppedNode::open(options.data_dir, ledger));
  return RebuildSource{std::move(node), options.data_dir};
}

Price rebuild_price(const LedgerId& ledger, const std::string& beside, uint64_t records) {
  Price price;
  price.step = "fold " + ledger.text() + " anew beside " + beside + " and put it in their place";
  price.records = records;
  price.seconds = static_cast<double>(records) / kFoldRate.per_second;
  price.rate = kFoldRate.text();
  price.room = "a second set of rows as large as the first; the first goes when it ends";
  return price;
}

int rebuild_folder(const ProjectionOptions& options, const LedgerId& ledger) {
  auto source = open_source(options, ledger);
  if (!source) return report(source.error());
  const auto folder = source->data_dir + "/projections";
  if (options.plan) {
    const auto end = source->node.log().end(ledger);
    if (!end) return report(end.error());
    const auto rows = projections::current_version_dir(folder, ledger);
    auto price = rebuild_price(ledger, "the rows in " + rows, *end);
    price.bytes = folder_bytes(rows);
    price.free_bytes = free_bytes(rows);
    price.readers = "the node is stopped: nobody is served by it until it is started again";
    print_price(price, options.json);
    return kExitOk;
  }
  if (auto made = make_folders(folder, 0700); !made) return report(made.error());
  const auto keys = read_key_file(key_file_name(source->data_dir, ledger));
  Authorship authorship;
  if (ledger.kind == kAllianceKind && keys && !keys->signing.first.empty()) {
    authorship = {ledger, author_key(keys->ledger_secret), 0};
  }
  Progress progress("rebuild " + ledger.text() + " (records)", 0);
  const auto rebuilt = projections::rebuild_offline(
      source->node.log(), ledger, source->node.founding_id(), folder,
      projections::make_store_budget(256, 128), kRowCacheBytes,
      [&](const projections::CatchUpProgress& so_far) {
        progress.reached(so_far.next_offset, so_far.end_offset);
        return true;
      },
      std::move(authorship));
  if (!rebuilt) return report(rebuilt.error());
  progress.done();
  print_line(ledger.text() + ": digest " + rebuilt->meta.digest.hex() + " at seq " +
             std::to_string(rebuilt->meta.position.seq) + " in " + rebuilt->directory);
  if (rebuilt->digest_differed) {
    say("hansa: the former rows had another digest at this entry; these are right");
  }
  return kExitOk;
}

// ---- beside a running server

volatile std::sig_atomic_t interrupted = 0;

template <typename Request>
Result<v1::ProjectionAnswer> ask(Client& client, const LedgerId& ledger) {
  Request request;
  request.set_city(ledger.id);
  v1::ProjectionAnswer answer;
  HANSA_CHECK(client.call(request, answer));
  return answer;
}

bool runs(const v1::ProjectionAnswer& answer) {
  return answer.phase() == "waiting" || answer.phase() == "folding" || answer.phase() == "swapping";
}

int print_status(const v1::ProjectionAnswer& answer, bool json) {
  if (json) {
    print_line(to_json(answer));
    return kExitOk;
  }
  std::string line = answer.ledger() + ": row schema " +
                     std::to_string(answer.row_schema_version()) + ", digest " + answer.digest() +
                     " at seq " + std::to_string(answer.seq()) + "; rebuild: " + answer.phase();
  if (runs(answer)) {
    line += ", " + std::to_string(answer.folded_records()) + " of " +
            std::to_string(answer.end_records()) + " records";
  }
  print_line(line + (answer.detail().empty() ? "" : ": " + answer.detail()));
  return kExitOk;
}

int ended(const v1::ProjectionAnswer& answer, const ProjectionOptions& options) {
  if (answer.phase() == "done") {
    if (answer.digest_differed()) {
      say("hansa: the former rows had another digest at this entry; these are right");
    }
    return print_status(answer, options.json);
  }
  return report(Error{Errc::kUnavailable, answer.ledger() + ": the rebuild " +
                                              (answer.phase() == "failed" ? "" : "was ") +
                                              answer.phase() + ": " + answer.detail()});
}

// Shows how far it is until it ends; an interrupt cancels it.
int follow(Client& client, const LedgerId& ledger, const ProjectionOptions& options) {
  std::signal(SIGINT, [](int) { interrupted = 1; });
  Progress progress("rebuild " + ledger.text() + " (records)", 0);
  bool cancelled = false;
  while (true) {
    const auto answer = ask<v1::GetProjection>(client, ledger);
    if (!answer) return report(answer.error());
    progress.reached(answer->folded_records(), answer->end_records());
    if (!runs(*answer)) {
      progress.done();
      return ended(*answer, options);
    }
    if (interrupted != 0 && !cancelled) {
      cancelled = true;
      say("hansa: cancelling; the rows stay as they are");
      if (auto asked = ask<v1::CancelRebuild>(client, ledger); !asked) return report(asked.error());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

// What a server folds and writes, as its ledger and its metrics say.
int plan_rebuild(Client& client, const LedgerId& ledger, const ProjectionOptions& options) {
  v1::ListEntries request;
  request.set_city(ledger.id);
  request.set_page_size(1);
  v1::EntriesAnswer entries;
  if (auto read = client.call(request, entries); !read) return report(read.error());
  auto price = rebuild_price(ledger, "the rows that " + client.server() + " serves",
                             entries.end_offset());
  const auto rows = series_value(options.metrics, "hansa_projections_rocksdb_file_bytes",
                                 "ledger=\"" + ledger.text() + "\"");
  const auto room = series_value(options.metrics, "hansa_ops_disk_free_bytes", "");
  if (rows && *rows) {
    price.bytes = static_cast<uint64_t>(**rows);
  } else {
    price.room += "; how large, its metrics say (--metrics)";
  }
  if (room && *room) price.free_bytes = static_cast<uint64_t>(**room);
  price.readers = "the rows that are there answer until the new ones are swapped in, between two "
                  "commands; one processor and the disk are shared with them, so that it may take "
                  "longer";
  print_price(price, options.json);
  return kExitOk;
}

int rebuild_server(const ProjectionOptions& options, const LedgerId& ledger) {
  auto client = connect(options.server);
  if (!client) return report(client.error());
  if (options.plan) return plan_rebuild(*client, ledger, options);
  const auto begun = ask<v1::RebuildProjection>(*client, ledger);
  if (!begun) return report(begun.error());
  if (options.no_wait) return print_status(*begun, options.json);
  return follow(*client, ledger, options);
}

int rebuild(const ProjectionOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  if (!options.data_dir.empty() && !options.config.empty()) {
    return usage("expected --data or --config, not both");
  }
  const bool is_server = options.data_dir.empty() && options.config.empty();
  return is_server ? rebuild_server(options, *ledger) : rebuild_folder(options, *ledger);
}

template <typename Request>
int ask_and_print(const ProjectionOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  auto client = connect(options.server);
  if (!client) return report(client.error());
  const auto answer = ask<Request>(*client, *ledger);
  return answer ? print_status(*answer, options.json) : report(answer.error());
}

template <typename Request>
void add_asking(CLI::App& parent, Chosen& chosen, std::shared_ptr<ProjectionOptions> options,
                const std::string& name, const std::string& summary) {
  auto* verb = parent.add_subcommand(name, summary);
  verb->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  verb->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa setup setup\n  hansa projection status --ledger city/example");
  verb->callback([&chosen, options] {
    chosen.run = [options] { return ask_and_print<Request>(*options); };
  });
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

  auto* anew = verb->add_subcommand(
      "rebuild", "Folds a ledger anew from its start, beside the rows that count, and swaps");
  anew->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  anew->add_option("--data", options->data_dir,
                   "Data folder of a stopped node; without it the server does it and goes on");
  anew->add_option("--config", options->config,
                   "Configuration of a stopped node, whose log may be on Kafka");
  anew->add_flag("--plan,--dry-run", options->plan,
                 "Only says what would happen: time, space, and what readers notice");
  anew->add_option("--metrics", options->metrics,
                   "Of --plan beside a server: where its metrics are")
      ->capture_default_str();
  anew->add_flag("--no-wait", options->no_wait, "Begins it and does not wait for its end");
  anew->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*anew, options->server);
  set_example(*anew, "  hansa setup setup\n"
                     "  hansa projection rebuild --ledger city/example --plan\n"
                     "  hansa projection rebuild --ledger city/example\n"
                     "  hansa projection rebuild --ledger city/example --no-wait");
  anew->callback([&chosen, options] { chosen.run = [options] { return rebuild(*options); }; });

  add_asking<v1::GetProjection>(*verb, chosen, options, "status",
                                "Where the rows stand, and how far a rebuild is");
  add_asking<v1::CancelRebuild>(*verb, chosen, options, "cancel",
                                "Ends a rebuild; the rows stay as they are");
}

}  // namespace hansa::ops
