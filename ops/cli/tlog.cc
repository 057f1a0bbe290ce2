#include <filesystem>

#include "core/evidence/entry_bundle.h"
#include "core/evidence/ledger_note.h"
#include "core/ledger/envelope.h"
#include "federation/evidence_folder.h"
#include "federation/missing_entries.h"
#include "ops/cli/cli.h"
#include "ops/cli/evidence.h"
#include "ops/cli/offline.h"
#include "ops/cli/progress.h"
#include "ops/files.h"
#include "ops/json.h"
#include "ops/key_file.h"
#include "ops/open_log.h"

namespace hansa::ops {
namespace {

using federation::EvidenceSource;
using federation::EvidenceWriter;
using federation::SignedHead;

constexpr size_t kFirstBytes = 64 * 1024;

struct CopyOptions {
  std::vector<std::string> ledgers;
  std::string out;
  std::string data_dir;
  std::string config;
  RemoteServer from{"", "", {}};
  bool newest = false;
  bool json = false;
  bool dry_run = false;
};

// ---- from a log

// Whose key file lies beside the log.
LedgerId keeper_of(const LedgerId& ledger) {
  if (ledger.kind != kShareKind) return ledger;
  return {std::string(kCityKind), ledger.id.substr(ledger.id.find('/') + 1)};
}

// A share ledger's founding stands in no configuration; what is copied must prove itself anyway.
Result<FoundingId> founding_in(streams::Log& log, const LedgerId& ledger) {
  HANSA_TRY(const auto read, log.read(ledger, 0, kFirstBytes));
  for (const auto& record : read.records) {
    const auto entry = decode_entry(record.value);
    if (entry && entry->envelope.seq == 1) return entry->envelope.founding_id;
  }
  return fail(Errc::kNotYet, ledger.text() + " has no entries in this log");
}

Result<StoppedNode> open_node(const std::string& data_dir, const std::string& config_file,
                              const LedgerId& keeper) {
  if (config_file.empty()) return StoppedNode::open(data_dir, keeper);
  HANSA_TRY(const auto config, read_config(config_file, process_environment()));
  return StoppedNode::of(config, keeper);
}

Result<SignedHead> copy_from_log(const CopyOptions& options, const LedgerId& ledger) {
  HANSA_TRY(auto node, open_node(options.data_dir, options.config, keeper_of(ledger)));
  auto founding_id = node.founding_id();
  if (ledger.kind == kShareKind) {
    HANSA_TRY(founding_id, founding_in(node.log(), ledger));
  }
  Progress progress("copy " + ledger.text() + " (entries)", 0);
  return federation::write_evidence(node.log(), ledger, founding_id, options.out, options.newest,
                                    [&](Seq seq) {
                                      if (seq % kProgressEntries == 0) progress.reached(seq);
                                    });
}

// ---- from a server

class TlogServer {
 public:
  static Result<TlogServer> open(const RemoteServer& server) {
    const auto& url = server.url;
    const auto host = url.find("://");
    const auto path = host == std::string::npos ? host : url.find('/', host + 3);
    auto prefix = path == std::string::npos ? "" : url.substr(path);
    while (prefix.ends_with('/')) prefix.pop_back();
    HANSA_TRY(auto client, Client::open(url.substr(0, path), server.key, server.trust));
    return TlogServer(std::move(client), std::move(prefix));
  }
  Result<std::string> get(const LedgerId& ledger, const std::string& name) {
    HttpRequest request;
    request.verb = "GET";
    request.target = prefix_ + "/" + ledger.text() + "/" + name;
    HANSA_TRY(auto answer, client_.request(request));
    if (answer.status == 200) return std::move(answer.body);
    if (answer.status == 404) {
      return fail(Errc::kUnknownLog, client_.server() + request.target + ": there is no such file");
    }
    auto error = problem_error(answer);
    error.detail = request.target + ": " + error.detail;
    return fail(std::move(error));
  }

 private:
  TlogServer(Client client, std::string prefix)
      : client_(std::move(client)), prefix_(std::move(prefix)) {}

  Client client_;
  std::string prefix_;
};

// A bundle that has grown full meanwhile may be there as a whole only.
Result<std::string> get_bundle(TlogServer& server, const LedgerId& ledger, uint64_t index,
                               uint32_t width) {
  auto bundle = server.get(ledger, entries_path(index, width));
  if (bundle || width == kTileWidth) return bundle;
  auto whole = server.get(ledger, entries_path(index, kTileWidth));
  return whole ? whole : bundle;
}

// What a folder of files serves has one checkpoint, and so has a log that nobody confirms.
Result<std::string> get_checkpoint(TlogServer& server, const LedgerId& ledger, bool newest) {
  if (!newest) {
    auto confirmed = server.get(ledger, "confirmed/checkpoint");
    if (confirmed || confirmed.error().code != Errc::kUnknownLog) return confirmed;
  }
  return server.get(ledger, "checkpoint");
}

Result<SignedHead> copy_from_server(const CopyOptions& options, const LedgerId& ledger) {
  HANSA_TRY(auto server, TlogServer::open(options.from));
  SignedHead head;
  HANSA_TRY(const auto text, get_checkpoint(server, ledger, options.newest));
  HANSA_TRY(head.note, parse_note(text));
  HANSA_TRY(head.checkpoint, read_ledger_note(head.note));
  HANSA_TRY(auto vkey, server.get(ledger, "vkey"));
  while (vkey.ends_with('\n')) vkey.pop_back();
  const Seq size = head.checkpoint.tree.size;
  Progress progress("copy " + ledger.text() + " (entries)", size);
  EvidenceWriter writer(options.out, ledger);
  HANSA_CHECK(writer.begin());
  for (uint64_t index = 0; index * kTileWidth < size; ++index) {
    const uint32_t width = tile_width({0, index}, size);
    HANSA_TRY(const auto bundle, get_bundle(server, ledger, index, width));
    HANSA_TRY(auto values, parse_bundle(bundle));
    if (values.size() < width) {
      return fail(Errc::kForkFound, ledger.text() + ": bundle " + std::to_string(index) + " has " +
                                        std::to_string(values.size()) + " entries, its "
                                        "checkpoint is signed for " + std::to_string(width));
    }
    values.resize(width);
    for (const auto& value : values) HANSA_CHECK(writer.add(value));
    progress.reached(index * kTileWidth + width);
  }
  HANSA_CHECK(writer.finish(head.note, vkey));
  return head;
}

// ---- the verb

int copy(const CopyOptions& options) {
  const int sources =
      !options.data_dir.empty() + !options.config.empty() + !options.from.url.empty();
  if (sources != 1) return usage("expected one of --data, --config and --from");
  for (const auto& name : options.ledgers) {
    const auto ledger = LedgerId::parse(name);
    if (!ledger || ledger->kind == kCityKind) {
      return usage("expected --ledger like share/delta/wuxi or alliance/delta, got `" + name +
                   "`; a city's own ledger is no public log");
    }
    if (options.dry_run) {
      print_line("would write " + federation::EvidenceFolder(options.out, *ledger).path());
      continue;
    }
    const auto head = options.from.url.empty() ? copy_from_log(options, *ledger)
                                           : copy_from_server(options, *ledger);
    if (!head) return report(head.error());
    const auto& tree = head->checkpoint.tree;
    if (options.json) {
      print_line("{\"ledger\":" + json_text(name) + ",\"size\":" +
                 json_text(std::to_string(tree.size)) + ",\"root_sha256\":" +
                 json_text(to_hex(tree.root)) + "}");
    } else {
      print_line(name + ": " + std::to_string(tree.size) + " entries, root " + to_hex(tree.root));
    }
  }
  return kExitOk;
}

struct RestoreOptions {
  std::string ledger;
  std::string from;
  std::string data_dir;
  std::string config;
  bool dry_run = false;
};

// Whose log it is must be signed in the copy by the keys that lie beside the log.
Result<EvidenceSource> source_of(const std::string& data_dir, const LedgerId& ledger,
                                 const federation::EvidenceFolder& copy) {
  HANSA_TRY(const auto keys, read_key_file(key_file_name(data_dir, keeper_of(ledger))));
  HANSA_TRY(const auto head, copy.claimed_head());
  const auto& founding_id = ledger.kind == kShareKind ? head.checkpoint.founding_id
                                                      : keys.founding_id;
  return EvidenceSource{ledger, founding_id, keys.signing.keys_of(ledger)};
}

Result<federation::MissingReport> restore_missing(const RestoreOptions& options,
                                                  const LedgerId& ledger) {
  HANSA_CHECK(has_copy(options.from, ledger));
  const federation::EvidenceFolder folder(options.from, ledger);
  std::string data_dir = options.data_dir;
  if (!options.config.empty()) {
    HANSA_TRY(const auto config, read_config(options.config, process_environment()));
    data_dir = config.node.data_dir;
  }
  HANSA_TRY(const auto source, source_of(data_dir, ledger, folder));
  HANSA_TRY(auto node, open_node(options.data_dir, options.config, keeper_of(ledger)));
  if (options.dry_run) return federation::find_missing(folder, source, node.log());
  Progress progress("restore " + ledger.text() + " (entries)", 0);
  return federation::append_missing(folder, source, node.log(),
                                    [&](Seq seq) { progress.reached(seq); });
}

int restore(const RestoreOptions& options) {
  if (options.data_dir.empty() == options.config.empty()) {
    return usage("expected one of --data and --config");
  }
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger || ledger->kind == kCityKind) {
    return usage("expected --ledger like share/delta/wuxi or alliance/delta, got `" +
                 options.ledger + "`; nobody else has a city's own entries");
  }
  const auto done = restore_missing(options, *ledger);
  if (!done) return report(done.error());
  print_line(ledger->text() + ": had " + std::to_string(done->here) + " entries, the copy has " +
             std::to_string(done->size) + "; " + (options.dry_run ? "would append " : "appended ") +
             std::to_string(done->added));
  return kExitOk;
}

struct ProveOptions {
  Seq seq = 0;
  std::string from;
  std::string ledger;
  std::string out;
};

// The proof, and beside it the value that it is of.
Result<void> write_proof(const ProveOptions& options, const LedgerId& ledger) {
  HANSA_CHECK(has_copy(options.from, ledger));
  const federation::EvidenceFolder folder(options.from, ledger);
  HANSA_TRY(const auto proof, folder.prove(options.seq));
  HANSA_TRY(const auto value, folder.value(options.seq));
  HANSA_CHECK(write_file(options.out, value));
  return write_file(options.out + ".tlog-proof", proof_text(proof));
}

int prove(const ProveOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger || options.seq == 0) {
    return usage("expected an entry, from 1, and --ledger like share/delta/wuxi");
  }
  if (auto written = write_proof(options, *ledger); !written) return report(written.error());
  print_line(options.out + ".tlog-proof");
  return kExitOk;
}

const std::string kDemo = "  hansa demo --once --cities 2 --days 1 --data demo-data\n";
const std::string kCopy =
    "  hansa tlog copy --data demo-data --ledger alliance/delta --out evidence\n";

void add_copy(CLI::App& parent, Chosen& chosen) {
  auto* one = parent.add_subcommand(
      "copy", "Copies the logs of ledgers into a folder, for `hansa verify`");
  auto options = std::make_shared<CopyOptions>();
  one->add_option("--ledger", options->ledgers, "A ledger, like share/delta/wuxi; several")
      ->required();
  one->add_option("--out", options->out, "The folder; its copy of the same ledger is replaced")
      ->required();
  one->add_option("--data", options->data_dir, "Data folder of a stopped node that keeps them");
  one->add_option("--config", options->config, "Configuration of a node, whose log is read");
  one->add_option("--from", options->from.url, "Where they are served, like http://host:8080/tlog");
  add_credentials(*one, options->from);
  one->add_flag("--newest", options->newest,
                "Up to the newest checkpoint, also where witnesses have not confirmed it yet; "
                "without it up to the newest one confirmed, if there is any");
  one->add_flag("--json", options->json, "One JSON object a ledger");
  one->add_flag("--dry-run", options->dry_run, "Only says what would be written");
  set_example(*one, kDemo + kCopy);
  one->callback([&chosen, options] { chosen.run = [options] { return copy(*options); }; });
}

void add_restore_missing(CLI::App& parent, Chosen& chosen) {
  auto* one = parent.add_subcommand(
      "restore", "Gives a stopped node's log back the entries that it lost, from a copy");
  auto options = std::make_shared<RestoreOptions>();
  one->add_option("--ledger", options->ledger, "The ledger, like share/delta/wuxi")->required();
  one->add_option("--from", options->from, "The folder with the copy that somebody made")
      ->required();
  one->add_option("--data", options->data_dir, "Data folder of the stopped node that keeps it");
  one->add_option("--config", options->config, "Configuration of the node, whose log it is");
  one->add_flag("--dry-run", options->dry_run, "Only says how much would be appended");
  set_example(*one, kDemo + kCopy +
                        "  hansa tlog restore --data demo-data --ledger alliance/delta "
                        "--from evidence");
  one->callback([&chosen, options] { chosen.run = [options] { return restore(*options); }; });
}

}  // namespace

void add_tlog(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("tlog", "Transparency logs of what is shared, as files");
  verb->require_subcommand(0, 1);
  set_example(*verb, kDemo + kCopy);
  add_copy(*verb, chosen);
  add_restore_missing(*verb, chosen);
  auto* one = verb->add_subcommand("prove", "One entry of a copy, with its proof beside it");
  auto options = std::make_shared<ProveOptions>();
  one->add_option("SEQ", options->seq, "The entry, from 1")->required();
  one->add_option("--from", options->from, "The folder with the copy")->required();
  one->add_option("--ledger", options->ledger, "The ledger, like share/delta/wuxi")->required();
  one->add_option("--out", options->out, "File for the entry; the proof is <file>.tlog-proof")
      ->required();
  set_example(*one, kDemo + kCopy +
                        "  hansa tlog prove 3 --from evidence --ledger alliance/delta "
                        "--out entry");
  one->callback([&chosen, options] { chosen.run = [options] { return prove(*options); }; });
}

}  // namespace hansa::ops
