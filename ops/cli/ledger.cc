#include <deque>

#include "hansa/v1/entry.pb.h"
#include "ops/cli/cli.h"
#include "ops/cli/ledger_source.h"
#include "ops/cli/offline.h"
#include "ops/cli/progress.h"
#include "ops/json.h"
#include "ops/ledger_copy.h"
#include "ops/open_log.h"

namespace hansa::ops {
namespace {

struct LedgerOptions : LedgerSource {
  uint64_t seq = 0;
  uint32_t count = 10;
  bool voids = false;
  bool raw = false;
  bool json = false;
};

std::string record_json(const SeenRecord& record) {
  std::string out = "{\"offset\":" + json_text(std::to_string(record.offset)) +
                    ",\"valid\":" + (record.valid ? "true" : "false");
  if (!record.valid) return out + ",\"bytes\":" + std::to_string(record.value.size()) + "}";
  out += ",\"seq\":" + json_text(std::to_string(record.seq)) +
         ",\"sha256\":" + json_text(to_hex(record.hash));
  v1::Payload payload;
  if (payload.ParseFromArray(record.payload.data(), static_cast<int>(record.payload.size()))) {
    out += ",\"payload\":" + to_json(payload);
  }
  return out + "}";
}

std::string record_line(const SeenRecord& record, const LedgerOptions& options) {
  return options.raw ? std::to_string(record.offset) + " " + to_hex(record.value)
                     : record_json(record);
}

using WithRecords =
    std::function<int(Records&, const LedgerId&, const FoundingId&, const LedgerOptions&)>;

int on_records(const LedgerOptions& options, const WithRecords& with) {
  return on_ledger(options, [&](Records& records, const LedgerId& ledger,
                                const FoundingId& founding_id) {
    return with(records, ledger, founding_id, options);
  });
}

// A stopped node's rows name the entry they were folded from: its hash must be in the ledger.
int compare_with_rows(const LedgerOptions& options, const LedgerId& ledger,
                      const projections::Meta& meta, const std::optional<Hash>& at_seq) {
  if (meta.position.seq == 0 || (at_seq && *at_seq == meta.position.tip)) return kExitOk;
  return report(Error{Errc::kChainBroken,
                      ledger.text() + ": entry " + std::to_string(meta.position.seq) + " is " +
                          (at_seq ? "broken: it has the hash " + to_hex(*at_seq)
                                  : std::string("missing")) +
                          ", the rows in " + options.data_dir + " were folded from " +
                          to_hex(meta.position.tip)});
}

int verify(Records& records, const LedgerId& ledger, const FoundingId& founding_id,
           const LedgerOptions& options) {
  projections::Meta meta;
  if (!options.data_dir.empty()) {
    if (auto stored = stored_meta(options.data_dir, ledger)) meta = *stored;
  }
  std::optional<Hash> at_seq;
  const auto check = check_ledger(records, ledger, founding_id, [&](const SeenRecord& record) {
    if (record.valid && record.seq == meta.position.seq) at_seq = record.hash;
  });
  if (!check) {
    const auto code = report(check.error());
    if (options.json) {
      print_line("{\"ledger\":" + json_text(ledger.text()) + ",\"ok\":false,\"seq\":" +
                 json_text(std::to_string(check.error().seq)) + "}");
    }
    return code;
  }
  if (const auto code = compare_with_rows(options, ledger, meta, at_seq); code != kExitOk) {
    return code;
  }
  const auto& position = check->position;
  if (options.json) {
    print_line("{\"ledger\":" + json_text(ledger.text()) + ",\"ok\":true,\"entries\":" +
               json_text(std::to_string(position.seq)) + ",\"tip\":" +
               json_text(to_hex(position.tip)) + ",\"voids\":" +
               json_text(std::to_string(position.voids)) + "}");
  } else {
    print_line(ledger.text() + ": ok, " + std::to_string(position.seq) + " entries, " +
               std::to_string(position.voids) + " voids, tip " + to_hex(position.tip));
  }
  return kExitOk;
}

int show(Records& records, const LedgerId& ledger, const FoundingId& founding_id,
         const LedgerOptions& options) {
  bool shown = false;
  const auto check = check_ledger(
      records, ledger, founding_id,
      [&](const SeenRecord& record) {
        if (!record.valid || record.seq != options.seq) return;
        shown = true;
        print_line(record_line(record, options));
      },
      [&](Offset) { return !shown; });
  if (shown) return kExitOk;
  if (!check) return report(check.error());
  return report(Error{Errc::kBadRequest, ledger.text() + " has " +
                                             std::to_string(check->position.seq) +
                                             " entries, none of seq " +
                                             std::to_string(options.seq)});
}

int tail(Records& records, const LedgerId& ledger, const FoundingId& founding_id,
         const LedgerOptions& options) {
  std::deque<std::string> lines;
  const auto check = check_ledger(records, ledger, founding_id, [&](const SeenRecord& record) {
    if (options.voids == record.valid) return;
    lines.push_back(record_line(record, options));
    if (lines.size() > options.count) lines.pop_front();
  });
  for (const auto& line : lines) print_line(line);
  return check ? kExitOk : report(check.error());
}

struct CopyOptions {
  std::string from;
  std::string to;
  std::string ledger;
};

// Hashes and the chain of what stands in the target now.
int verify_copy(streams::Log& log, const LedgerSettings& settings, const CopyReport& copy) {
  LogRecords records(log, settings.ledger);
  const auto check = check_ledger(records, settings.ledger, settings.founding_id, {});
  if (!check) return report(check.error());
  const auto& position = check->position;
  print_line(settings.ledger.text() + ": " + std::to_string(copy.copied) + " of " +
             std::to_string(copy.records) + " records copied; " + std::to_string(position.seq) +
             " entries, tip " + to_hex(position.tip));
  return kExitOk;
}

int copy(const CopyOptions& options) {
  const auto from = read_config(options.from, process_environment());
  if (!from) return report(from.error());
  const auto to = read_config(options.to, process_environment());
  if (!to) return report(to.error());
  const auto ledger = LedgerId::parse(options.ledger);
  const auto* settings = ledger ? to->find_ledger(*ledger) : nullptr;
  const auto* source = ledger ? from->find_ledger(*ledger) : nullptr;
  if (settings == nullptr || source == nullptr || settings->founding_id != source->founding_id) {
    return usage("expected --ledger of both configurations, with one founding id, got `" +
                 options.ledger + "`");
  }
  if (auto fit = check_log(*to, *ledger); !fit) return report(fit.error());
  const auto source_log = open_log(*from);
  if (!source_log) return report(source_log.error());
  const auto target_log = open_log(*to);
  if (!target_log) return report(target_log.error());
  Progress progress("copy " + ledger->text() + " (records)", 0);
  const auto copied = copy_ledger(**source_log, **target_log, *ledger,
                                  [&](Offset records, Offset total) {
                                    progress.reached(records, total);
                                    return true;
                                  });
  if (!copied) return report(copied.error());
  progress.done();
  return verify_copy(**target_log, *settings, *copied);
}

void add_copy(CLI::App& parent, Chosen& chosen) {
  auto* verb = parent.add_subcommand(
      "copy", "From the log of one configuration to that of another, byte for byte");
  auto options = std::make_shared<CopyOptions>();
  verb->add_option("--from", options->from, "The configuration with the log to read")->required();
  verb->add_option("--to", options->to, "The configuration with the log to fill")->required();
  verb->add_option("--ledger", options->ledger, "The ledger, like city/suzhou-js")->required();
  set_example(*verb, "  hansa topics create --config hansa-kafka.yaml\n"
                     "  hansa ledger copy --from hansa.yaml --to hansa-kafka.yaml "
                     "--ledger city/example");
  verb->callback([&chosen, options] { chosen.run = [options] { return copy(*options); }; });
}

CLI::App* add_one(CLI::App& parent, Chosen& chosen, std::shared_ptr<LedgerOptions> options,
                  const std::string& name, const std::string& summary, WithRecords with) {
  auto* verb = parent.add_subcommand(name, summary);
  add_ledger_source(*verb, *options);
  verb->callback([&chosen, options, with] {
    chosen.run = [options, with] { return on_records(*options, with); };
  });
  set_example(*verb, "  hansa ledger " + name + " --data data --ledger city/example");
  return verb;
}

}  // namespace

void add_ledger(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("ledger", "Entries as they stand, and their chain");
  verb->require_subcommand(0, 1);
  set_example(*verb, "  hansa ledger verify --data data --ledger city/example");
  auto options = std::make_shared<LedgerOptions>();
  auto* check = add_one(*verb, chosen, options, "verify",
                        "Reads every entry and checks the chain; exit code 4 names the first "
                        "broken one",
                        verify);
  check->add_flag("--json", options->json, "One JSON object");
  auto* one = add_one(*verb, chosen, options, "show", "One entry as JSON", show);
  one->add_option("SEQ", options->seq, "Its seq, from 1")->required();
  one->add_flag("--raw", options->raw, "Offset and bytes in hexadecimal digits");
  set_example(*one, "  hansa demo --once --cities 1 --days 1 --data demo-data\n"
                    "  hansa ledger show 1 --data demo-data --ledger city/suzhou-js");
  add_copy(*verb, chosen);
  auto* last = add_one(*verb, chosen, options, "tail", "The newest entries, one JSON object a line",
                       tail);
  last->add_option("-n,--count", options->count, "How many")->capture_default_str();
  last->add_flag("--void", options->voids, "The newest void records instead of entries");
  last->add_flag("--raw", options->raw, "Offset and bytes in hexadecimal digits");
}

}  // namespace hansa::ops
