#include "ops/import/dry_run.h"

#include <algorithm>

#include "core/city/city_fold.h"
#include "hansa/v1/city.pb.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

using google::protobuf::Message;

// A city that is nowhere but here.
class ImaginedCity {
 public:
  // Answers whether the city knew it already.
  Result<bool> send(const Message& command) {
    HANSA_TRY(const auto decision, decide(rows_, command, {who_, actor_, kNowUs, seq_ + 1}));
    if (decision.events.empty()) return true;
    const EntryContext entry{++seq_, kNowUs, actor_};
    for (const auto& event : decision.events) HANSA_CHECK(evolve(rows_, event, entry));
    return false;
  }

 private:
  // Imported times are compared with each other only, never with the ledger's.
  static constexpr int64_t kNowUs = 1;
  const Principal who_{.issuer = "hansa",
                       .subject = "dry-run",
                       .roles = {v1::Role::city_admin, v1::Role::hotline},
                       .cities = {"*"}};
  const ActorId actor_{};
  MapRows rows_;
  Seq seq_ = 0;
};

class ImaginedSink final : public ImportSink {
 public:
  explicit ImaginedSink(DryRun& run) : run_(run) {}

  Result<std::vector<RowOutcome>> send(const std::vector<v1::ImportCase>& rows) override {
    std::vector<RowOutcome> outcomes;
    for (const auto& row : rows) {
      const auto known = city.send(row);
      RowOutcome outcome;
      if (!known) {
        outcome.refused = known.error();
      } else {
        outcome.unchanged = *known;
        note_time(row.reported_time_us());
      }
      outcomes.push_back(std::move(outcome));
    }
    return outcomes;
  }

  ImaginedCity city;

 private:
  void note_time(int64_t reported_us) {
    if (run_.first_reported_us == 0) run_.first_reported_us = reported_us;
    run_.first_reported_us = std::min(run_.first_reported_us, reported_us);
    run_.last_reported_us = std::max(run_.last_reported_us, reported_us);
  }

  DryRun& run_;
};

void count_defined(const Message& command, DryRun& run) {
  const auto* type = command.GetDescriptor();
  if (type == v1::DefineUnit::descriptor()) ++run.units;
  if (type == v1::DefineService::descriptor()) ++run.services;
  if (type != v1::DefineGridPart::descriptor()) return;
  ++run.districts;
  for (const auto& street : static_cast<const v1::DefineGridPart&>(command).streets()) {
    run.communities += static_cast<size_t>(street.communities_size());
  }
}

}  // namespace

Result<DryRun> dry_run(CaseFile& file, const ImportProgress& progress) {
  DryRun run;
  ImaginedSink sink(run);
  for (const auto& command : file.founding(false)) {
    if (auto entered = sink.city.send(*command); !entered) {
      return fail(Errc::kBadConfig, "the file's names cannot found a city: " +
                                        command->GetDescriptor()->name() + ": " +
                                        entered.error().detail);
    }
    count_defined(*command, run);
  }
  run.unmatched = file.unmatched();
  run.unmapped_columns = file.unmapped_columns();
  run.summary = import_file(file, {&sink}, progress);
  if (run.summary.stopped) return fail(*run.summary.stopped);
  return run;
}

std::string DryRun::json() const {
  std::string out = "{\"unmatched\":[";
  for (const auto& row : unmatched) {
    if (&row != &unmatched.front()) out += ',';
    out += "{\"column\":" + json_text(row.column) + ",\"value\":" + json_text(row.value) +
           ",\"rows\":" + std::to_string(row.rows) +
           ",\"first_line\":" + std::to_string(row.first_line) +
           ",\"refused\":" + (row.refuses ? "true" : "false") +
           ",\"advice\":" + json_text(row.advice) + "}";
  }
  out += "],\"unmapped_columns\":[";
  for (const auto& name : unmapped_columns) {
    out += (&name == &unmapped_columns.front() ? "" : ",") + json_text(name);
  }
  out += "],\"districts\":" + std::to_string(districts) +
         ",\"communities\":" + std::to_string(communities) +
         ",\"units\":" + std::to_string(units) + ",\"services\":" + std::to_string(services);
  if (first_reported_us != 0) {
    out += ",\"first_reported\":" + json_text(time_text(first_reported_us)) +
           ",\"last_reported\":" + json_text(time_text(last_reported_us));
  }
  return out + ",\"summary\":" + summary.json() + "}";
}

}  // namespace hansa::ops
