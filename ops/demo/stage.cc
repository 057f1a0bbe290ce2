#include "ops/demo/stage.h"

#include <boost/asio/post.hpp>

#include "core/base/rows.h"
#include "core/base/schema.h"
#include "federation/checkpoint.h"
#include "ops/files.h"
#include "ops/ledger_check.h"

namespace hansa::ops {
namespace {

constexpr int64_t kShownUsMax = 5'000'000;

std::string purpose_of(const LedgerId& ledger) {
  return "hansa demo " + (ledger.kind == kCityKind ? ledger.id : ledger.text());
}

// Every entry has landed, a checkpoint covers all but itself where there are any, and the rows show
// it.
bool is_at_rest(const projections::Keeper& keeper) {
  const auto health = keeper.health();
  if (health.stopped) return true;
  if (health.queued_commands > 0 || health.dirty_rows > 0) return false;
  if (health.committed_seq < health.landed_seq) return false;
  const auto& config = keeper.config();
  if (!config.sign || health.landed_seq == 0) return true;
  if (config.may_sign && !config.may_sign()) return true;
  const auto covered = keeper.snapshot()->find(kLedgerHeadTable, "");
  return covered && *covered && health.landed_seq <= (*covered)->size() + 1;
}

}  // namespace

Principal demo_principal(const std::string& city, v1::Role::Value role, const std::string& subject,
                         const std::string& unit) {
  Principal principal;
  principal.issuer = "demo";
  principal.subject = subject;
  principal.roles = {role};
  principal.cities = {city};
  principal.unit = unit;
  return principal;
}

Stage::Stage(const StageOptions& options)
    : options_(options),
      env_(options.seed, purpose_of(options.ledger), options.start_us),
      keys_(make_keys(env_)),
      guard_(context_.get_executor()) {
  SeededEnv seeds(options.seed, "hansa demo identity of " + options.ledger.text());
  keys_.signing.first = seeds.random_bytes(kSeedBytes);
  identity_ = {options.ledger, to_hex(keys_.founding_id), public_key_of(keys_.signing.first),
               public_key_of(seeds.random_bytes(kSeedBytes))};
  if (options.ledger.kind != kCityKind) return;
  keys_.witness_seed = seeds.random_bytes(kSeedBytes);
  identity_.witness_key = public_key_of(keys_.witness_seed);
}

Stage::~Stage() {
  door_.reset();
  keeper_.reset();
}

Result<std::unique_ptr<Stage>> Stage::open(const StageOptions& options, streams::Log& log,
                                           std::shared_ptr<projections::StoreBudget> budget) {
  std::unique_ptr<Stage> stage(new Stage(options));
  const LedgerId& ledger = options.ledger;
  HANSA_CHECK(write_key_file(key_file_name(options.data_dir, ledger), stage->keys_));
  HANSA_CHECK(make_folders(options.data_dir + "/keyring", 0700));
  HANSA_TRY(stage->keyring_, projections::Keyring::open(options.data_dir + "/keyring",
                                                        ledger.id, stage->keys_.keyring_master,
                                                        stage->env_, false));
  projections::KeeperConfig config;
  config.ledger = ledger;
  config.founding_id = stage->keys_.founding_id;
  config.secret = stage->keys_.ledger_secret;
  config.directory = store_folder(options.data_dir, ledger);
  config.timers_fire_alone = false;
  config.limits.row_cache_mib = options.row_cache_mib;
  if (ledger.kind == kAllianceKind) {
    config.sign = federation::signer_of(
        {stage->keys_.signing, ledger, config.founding_id, "localhost"});
    config.may_sign = [gate = stage->gate_] { return gate->load(); };
  }
  HANSA_CHECK(make_folders(config.directory, 0700));
  HANSA_TRY(stage->keeper_,
            projections::Keeper::open(config, log, stage->env_, std::move(budget),
                                      *stage->keyring_, stage->context_.get_executor(), nullptr));
  stage->door_ = std::make_unique<projections::Door>(
      stage->keeper_, *stage->keyring_, stage->env_,
      [](const Principal&, std::string_view, std::string_view) {});
  return stage;
}

void Stage::run_until(const bool& done) {
  while (!done) context_.run_one();
}

Result<v1::Receipt> Stage::enter(std::unique_ptr<google::protobuf::Message> request,
                                 const Principal& principal) {
  const auto* method = find_method(request->GetDescriptor()->name());
  Result<v1::Receipt> result = fail(Errc::kInternal, "no answer");
  bool done = false;
  // The answer may come from another thread; `result` is touched on this one only.
  door_->enter(*method, std::move(request), principal, std::nullopt,
               [&](Result<v1::Receipt> answer) {
                 boost::asio::post(context_, [&, answer = std::move(answer)]() mutable {
                   result = std::move(answer);
                   done = true;
                 });
               });
  run_until(done);
  return result;
}

Result<std::vector<RowOutcome>> Stage::send(const std::vector<v1::ImportCase>& rows) {
  static const auto* method = find_method("ImportCase");
  const auto admin = demo_principal(options_.ledger.id, v1::Role::city_admin, "importer");
  std::vector<RowOutcome> outcomes(rows.size());
  size_t left = rows.size();
  bool done = rows.empty();
  for (size_t i = 0; i < rows.size(); ++i) {
    door_->enter(*method, std::make_unique<v1::ImportCase>(rows[i]), admin, std::nullopt,
                 [&, i](Result<v1::Receipt> answer) {
                   boost::asio::post(context_, [&, i, answer = std::move(answer)] {
                     if (!answer) {
                       outcomes[i].refused = answer.error();
                     } else {
                       outcomes[i].unchanged = answer->entry_sha256().empty();
                     }
                     done = --left == 0;
                   });
                 });
  }
  run_until(done);
  return outcomes;
}

std::string Stage::person_of(const std::string& phone) {
  const auto persons = door_->find_persons(phone, "");
  return persons && !persons->empty() ? to_hex(persons->front()) : "";
}

void Stage::pass_time(int64_t to_us) {
  env_.set_now_us(to_us);
  bool done = false;
  keeper_->fire_timers([&] { boost::asio::post(context_, [&] { done = true; }); });
  run_until(done);
}

void bring_to_rest(projections::Keeper& keeper, boost::asio::io_context& context) {
  while (!is_at_rest(keeper)) {
    bool shown = false;
    keeper.wait_for(keeper.health().landed_seq, kShownUsMax, [&](const auto&) {
      boost::asio::post(context, [&] { shown = true; });
    });
    while (!shown) context.run_one();
    if (!is_at_rest(keeper)) context.run_one();
  }
}

void Stage::rest() { bring_to_rest(*keeper_, context_); }

LedgerOutcome Stage::close() {
  bool done = false;
  keeper_->close([&] { boost::asio::post(context_, [&] { done = true; }); });
  run_until(done);
  const auto meta = keeper_->store()->snapshot()->meta();
  return {meta.position.seq, meta.time_us, to_hex(meta.position.tip), meta.digest.hex()};
}

Result<CityOutcome> Stage::finish() {
  CityOutcome outcome;
  static_cast<LedgerOutcome&>(outcome) = close();
  outcome.city = options_.ledger.id;
  const auto snapshot = keeper_->store()->snapshot();
  const auto from = stored_key(TableId::kStateCount, "");
  const std::string to(1, static_cast<char>(static_cast<uint8_t>(TableId::kStateCount) + 1));
  HANSA_CHECK(snapshot->scan(from, to, [&](std::string_view, std::string_view value) {
    v1::StateCount row;
    if (row.ParseFromArray(value.data(), static_cast<int>(value.size())) && row.cases() > 0) {
      outcome.cases[v1::State::Value_Name(row.state())] = row.cases();
    }
    return true;
  }));
  return outcome;
}

}  // namespace hansa::ops
