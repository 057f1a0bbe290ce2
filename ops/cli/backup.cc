#include "hansa/v1/operations.pb.h"
#include "ops/backup.h"
#include "ops/cli/cli.h"
#include "ops/cli/offline.h"
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
  bool json = false;
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

}  // namespace

void add_backup(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "backup", "The rows of a ledger, and an embedded log, at one moment, into a folder");
  auto options = std::make_shared<BackupOptions>();
  verb->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  verb->add_option("--data", options->data_dir,
                   "Data folder of a stopped node; without it the server does it and goes on");
  verb->add_option("--to", options->folder, "With --data: where to; backups in the data folder");
  verb->add_flag("--json", options->json, "One JSON object");
  add_remote_server(*verb, options->server);
  set_example(*verb, "  hansa setup setup\n  hansa backup --ledger city/example");
  verb->callback([&chosen, options] {
    chosen.run = [options] { return back_up_ledger(*options); };
  });
}

void add_restore(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "restore", "Puts a backup in place, in the data folder of a node that is not running");
  auto options = std::make_shared<BackupOptions>();
  verb->add_option("FOLDER", options->from, "What `hansa backup` made")->required();
  verb->add_option("--data", options->data_dir, "The data folder")->required();
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb,
              "  hansa backup --ledger city/example --data data --to backups\n"
              "  hansa restore backups/city-example-* --data restored-data");
  verb->callback([&chosen, options] {
    chosen.run = [options] {
      const int code = show(restore(options->from, options->data_dir), options->json,
                            "restored in");
      if (code == kExitOk && !options->json) {
        say("put the key files into " + options->data_dir + "/keys and the keyring into " +
            options->data_dir + "/keyring; the rows are proved when the node starts");
      }
      return code;
    };
  });
}

}  // namespace hansa::ops
