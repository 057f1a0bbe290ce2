#include "ops/cli/cli.h"
#include "ops/openapi.h"

namespace hansa::ops {

void add_openapi(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("openapi", "The OpenAPI 3.1 document of the HTTP interface");
  set_example(*verb, "  hansa openapi");
  verb->callback([&chosen] {
    chosen.run = [] {
      print_line(openapi());
      return static_cast<int>(kExitOk);
    };
  });
}

}  // namespace hansa::ops
