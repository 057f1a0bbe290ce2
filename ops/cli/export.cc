#include <cstdio>
#include <map>

#include "hansa/v1/reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/cli/progress.h"
#include "ops/export.h"
#include "ops/files.h"

namespace hansa::ops {
namespace {

struct ExportOptions {
  std::string city;
  std::string format = "georeport-csv";
  std::string output;
  RemoteServer server;
};

const std::map<std::string, ExportFormat> kFormats = {
    {"georeport-csv", ExportFormat::kGeoReportCsv}, {"ndjson", ExportFormat::kNdjson}};

Result<std::vector<v1::Service>> services_of(Client& client, const std::string& city) {
  std::vector<v1::Service> all;
  v1::ListServices request;
  request.set_city(city);
  HANSA_CHECK(client.call_all<v1::ServicesAnswer>(request, [&](const auto& page) -> Result<void> {
    all.insert(all.end(), page.services().begin(), page.services().end());
    return {};
  }));
  return all;
}

Result<uint64_t> cases_of(Client& client, const std::string& city) {
  v1::GetCity request;
  request.set_city(city);
  v1::CityAnswer answer;
  HANSA_CHECK(client.call(request, answer));
  uint64_t cases = 0;
  for (const auto& state : answer.cases()) cases += state.cases();
  return cases;
}

Result<std::string> export_text(const ExportOptions& options, ExportFormat format) {
  HANSA_TRY(auto client, connect(options.server));
  HANSA_TRY(const uint64_t total, cases_of(client, options.city));
  HANSA_TRY(auto services, services_of(client, options.city));
  Export exported(options.city, std::move(services));
  Progress progress("export", total);
  v1::ListCases request;
  request.set_city(options.city);
  HANSA_CHECK(client.call_all<v1::CasesAnswer>(request, [&](const auto& page) -> Result<void> {
    for (const auto& row : page.cases()) exported.add(row);
    progress.reached(exported.cases());
    return {};
  }));
  progress.done();
  return exported.text(format);
}

int export_cases(const ExportOptions& options) {
  const auto format = kFormats.find(options.format);
  if (format == kFormats.end()) {
    return usage("expected --format georeport-csv or ndjson, got `" + options.format + "`");
  }
  const auto text = export_text(options, format->second);
  if (!text) return report(text.error());
  if (!options.output.empty()) {
    if (auto written = write_file(options.output, *text); !written) return report(written.error());
    return kExitOk;
  }
  if (std::fwrite(text->data(), 1, text->size(), stdout) != text->size()) {
    return report(Error{Errc::kUnavailable, "standard output takes no more"});
  }
  return kExitOk;
}

}  // namespace

void add_export(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "export", "The cases of a city as open data, without personal data, to be imported again");
  auto options = std::make_shared<ExportOptions>();
  verb->add_option("--city", options->city, "The city's id")->required();
  verb->add_option("--format", options->format, "georeport-csv or ndjson")->capture_default_str();
  verb->add_option("--output", options->output, "The file; without it standard output");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa setup setup\n"
              "  hansa import --mapping setup/cases-mapping.yaml setup/cases.csv\n"
              "  hansa export --city example --output example.csv");
  verb->callback([&chosen, options] { chosen.run = [options] { return export_cases(*options); }; });
}

}  // namespace hansa::ops
