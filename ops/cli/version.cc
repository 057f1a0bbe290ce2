#include "core/ledger/envelope.h"
#include "ops/cli/cli.h"
#include "ops/version.h"
#include "projections/store.h"

namespace hansa::ops {

void add_version(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("version", "Version of this binary and of what it writes");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "One JSON object");
  set_example(*verb, "  hansa version");
  verb->callback([&chosen, json] {
    chosen.run = [json] {
      const auto schema = std::to_string(kSchemaLevel);
      const auto rows = std::to_string(projections::kRowSchemaVersion);
      if (*json) {
        print_line("{\"version\":\"" + std::string(kVersion) + "\",\"schema_level\":" + schema +
                   ",\"row_schema_version\":" + rows + "}");
      } else {
        print_line("hansa " + std::string(kVersion) + ", schema level " + schema +
                   ", row schema version " + rows);
      }
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace hansa::ops
