#include <unistd.h>

#include <filesystem>
#include <regex>

#include "core/base/hash.h"
#include "hansa/v1/operations.pb.h"
#include "hansa/v1/reads.pb.h"
#include "ops/backup.h"
#include "ops/cli/cli.h"
#include "ops/cli/offline.h"
#include "ops/cli/price.h"
#include "ops/json.h"
#include "ops/ledger_check.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

struct BackupOptions {
  std::string ledger;
  std::string data_dir;
  std::string folder;
  std::string from;
  std::string scratch;
  bool json = false;
  bool plan = false;
  RemoteServer server;
};

int show(const Result<v1::BackupAnswer>& made, bool json, const std::string& verb) {
  if (!made) return report(made.error());
  if (json) {
    print_line(to_json(*made));
    return kExitOk;
  }
  print_line(made->ledger() + " " + verb + " " + made->folder() + ": rows at seq " +
             std::to_string(made->seq()) + ", digest " + made->digest() +
             (made->has_log() ? ", with the log" : ", without a log (the cluster keeps it)"));
  return kExitOk;
}

Result<v1::BackupAnswer> back_up_stopped(const BackupOptions& options, const LedgerId& ledger) {
  HANSA_TRY(auto node, StoppedNode::open(options.data_dir, ledger));
  HANSA_TRY(const auto store,
            projections::Store::open(store_folder(options.data_dir, ledger),
                                     projections::make_store_budget(16, 16)));
  SystemEnv env;
  const std::string folder =
      options.folder.empty() ? options.data_dir + "/backups" : options.folder;
  return back_up({ledger, node.founding_id()}, *store, node.log(), folder, env);
}

int back_up_ledger(const BackupOptions& options) {
  if (options.ledger.empty()) {
    return usage("--ledger is required; see `hansa backup --help`");
  }
  const auto ledger = LedgerId::parse(options.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + options.ledger + "`");
  if (!options.data_dir.empty()) {
    return show(back_up_stopped(options, *ledger), options.json, "backed up in");
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  v1::BackUp request;
  request.set_city(ledger->id);
  v1::BackupAnswer answer;
  if (auto made = client->call(request, answer); !made) return report(made.error());
  const int code = show(answer, options.json, "backed up in");
  if (!options.json) say("copy the folder to another machine; keys and keyring are kept apart");
  return code;
}

// ---- verify

constexpr Offset kRecordsBefore = 500;

// A folder of its own, which goes again.
class Scratch {
 public:
  static Result<Scratch> make(const std::string& parent) {
    std::string name = parent + "/hansa-verify-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      return fail(Errc::kBadFile, name + ": a temporary folder cannot be made");
    }
    return Scratch(name);
  }
  Scratch(Scratch&& other) noexcept : name_(std::exchange(other.name_, {})) {}
  ~Scratch() {
    std::error_code ignored;
    if (!name_.empty()) std::filesystem::remove_all(name_, ignored);
  }
  const std::string& name() const { return name_; }

 private:
  explicit Scratch(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

// Whether the ledger that a server has went through the backup's head; a sentence of it.
Result<std::string> compare_with_server(Client& client, const v1::BackupAnswer& record) {
  const auto ledger = *LedgerId::parse(record.ledger());
  v1::ListEntries request;
  request.set_city(ledger.id);
  const auto next = record.next_offset();
  request.set_from_offset(next > kRecordsBefore ? next - kRecordsBefore : 0);
  request.set_page_size(kRecordsBefore);
  v1::EntriesAnswer answer;
  HANSA_CHECK(client.call(request, answer));
  const auto where = " of " + record.ledger() + " at " + client.server();
  if (to_hex(answer.founding_id()) != record.founding_id()) {
    return fail(Errc::kChainBroken, "the ledger" + where + " is of another founding");
  }
  bool goes_through = record.seq() == 0;
  for (const auto& seen : answer.records()) {
    goes_through |= to_hex(sha256(seen.value())) == record.tip_sha256();
  }
  if (!goes_through) {
    return fail(Errc::kChainBroken, "the ledger" + where + " has no entry " + record.tip_sha256() +
                                        " before record " + std::to_string(next) +
                                        ": another history than the backup's");
  }
  v1::GetDigest asked;
  asked.set_city(ledger.id);
  v1::DigestAnswer served;
  HANSA_CHECK(client.call(asked, served));
  if (served.seq() == record.seq() && served.digest() != record.digest()) {
    return fail(Errc::kDigestDiffers, "the rows" + where + " have the digest " + served.digest() +
                                          " at the same entry");
  }
  return "goes on from it at " + client.server() + ", to entry " + std::to_string(served.seq());
}

// Names files where the backup has them; what to do about a data folder is not said of a backup.
Error of_backup(Error error, const std::string& scratch, const std::string& backup) {
  std::string text = error.detail;
  for (const char* advice : {"; stop the node", "; restore ", ". Restore it"}) {
    text = text.substr(0, text.find(advice));
  }
  const std::regex rows(scratch + "/projections/[^/ ]+/v\\d+");
  text = std::regex_replace(text, rows, backup + "/rows");
  text = std::regex_replace(text, std::regex(scratch + "/log"), backup + "/log");
  if (text.find(backup) == std::string::npos) text = backup + ": " + text;
  error.detail = text + "; use another backup";
  return error;
}

int verify_folder(const BackupOptions& options) {
  auto scratch = Scratch::make(options.scratch);
  if (!scratch) return report(scratch.error());
  const auto began_us = monotonic_us();
  const auto data_dir = scratch->name() + "/data";
  const auto check = verify_backup(options.from, data_dir);
  if (!check) {
    report(of_backup(check.error(), data_dir, options.from));
    return kExitVerificationFailed;
  }
  const auto took_ms = (monotonic_us() - began_us) / 1000;
  auto client = connect(options.server);
  const auto live = client ? compare_with_server(*client, check->record)
                           : Result<std::string>(fail(client.error()));
  const bool differs = !live && (live.error().code == Errc::kChainBroken ||
                                 live.error().code == Errc::kDigestDiffers);
  const std::string said = live ? "the ledger " + *live
                                : (differs ? "" : "not compared with a server: ") +
                                      live.error().detail;
  const auto& record = check->record;
  if (options.json) {
    print_line("{\"backup\":" + to_json(record) + ",\"log_seq\":" +
               json_text(std::to_string(check->log_seq)) + ",\"bytes\":" +
               json_text(std::to_string(check->bytes)) + ",\"ms\":" + std::to_string(took_ms) +
               ",\"compared\":" + (live ? "true" : "false") + ",\"server\":" + json_text(said) +
               "}");
  } else {
    print_line(options.from + ": whole. " + record.ledger() + ", entry " +
               std::to_string(record.seq()) + ", digest " + record.digest() +
               (record.has_log() ? ", its log to entry " + std::to_string(check->log_seq)
                                 : ", without a log (the cluster keeps it)"));
    print_line("restoring took " + std::to_string(took_ms) + " ms and " +
               std::to_string(check->bytes) + " bytes; " + said);
  }
  if (!differs) return kExitOk;
  report(live.error());
  return kExitVerificationFailed;
}

int plan_restore(const BackupOptions& options) {
  const auto record = read_backup(options.from);
  if (!record) return report(record.error());
  Price price;
  price.step = "restore " + record->ledger() + " as of entry " + std::to_string(record->seq()) +
               " into " + options.data_dir;
  price.bytes = folder_bytes(options.from);
  price.free_bytes = free_bytes(options.data_dir);
  price.room = "as much as the backup; it stays as it is";
  price.seconds = static_cast<double>(*price.bytes) / kRestoreRate.per_second;
  price.rate = kRestoreRate.text();
  price.readers = record->has_log()
                      ? "the node is down until then; what came after entry " +
                            std::to_string(record->seq()) + " is in no log that is restored"
                      : "this node is down until then, others go on; at its start it reads from "
                        "the cluster what came after entry " + std::to_string(record->seq());
  print_price(price, options.json);
  return kExitOk;
}

int restore_ledger(const BackupOptions& options) {
  if (options.plan) return plan_restore(options);
  const int code = show(restore(options.from, options.data_dir), options.json, "restored in");
  if (code == kExitOk && !options.json) {
    say("put the key files into " + options.data_dir + "/keys and the keyring into " +
        options.data_dir + "/keyring; the rows are proved when the node starts");
  }
  return code;
}

void add_verify_backup(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand(
      "verify", "Restores a backup aside, proves rows and chain, compares with a server's ledger");
  auto options = std::make_shared<BackupOptions>();
  options->scratch = std::filesystem::temp_directory_path().string();
  verb->add_option("FOLDER", options->from, "What `hansa backup` made")->required();
  verb->add_option("--scratch", options->scratch,
                   "Where it is restored to and removed again, with as much room as the backup "
                   "takes; without it the folder for temporary files");
  verb->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa setup setup\n  hansa backup --ledger city/example\n"
              "  hansa backup verify data/backups/city-example-*");
  verb->callback([&chosen, options] {
    chosen.run = [options] { return verify_folder(*options); };
  });
}

}  // namespace

void add_backup(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "backup", "The rows of a ledger, and an embedded log, at one moment, into a folder");
  auto options = std::make_shared<BackupOptions>();
  verb->require_subcommand(0, 1);
  verb->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js");
  verb->add_option("--data", options->data_dir,
                   "Data folder of a stopped node; without it the server does it and goes on");
  verb->add_option("--to", options->folder, "With --data: where to; backups in the data folder");
  verb->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa setup setup\n  hansa backup --ledger city/example");
  verb->callback([&chosen, options, verb] {
    // It is called after that of a verb below it.
    if (!verb->get_subcommands().empty()) return;
    chosen.run = [options] { return back_up_ledger(*options); };
  });
  add_verify_backup(*verb, chosen);
}

void add_restore(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "restore", "Puts a backup in place, in the data folder of a node that is not running");
  auto options = std::make_shared<BackupOptions>();
  verb->add_option("FOLDER", options->from, "What `hansa backup` made")->required();
  verb->add_option("--data", options->data_dir, "The data folder")->required();
  verb->add_flag("--plan", options->plan,
                 "Only says what would happen: time, space, and what readers notice");
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb,
              "  hansa backup --ledger city/example --data data --to backups\n"
              "  hansa restore backups/city-example-* --data restored-data --plan\n"
              "  hansa restore backups/city-example-* --data restored-data");
  verb->callback([&chosen, options] {
    chosen.run = [options] { return restore_ledger(*options); };
  });
}

}  // namespace hansa::ops
