#include "federation/links.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "projections/versions.h"

namespace hansa::federation {
namespace {

constexpr std::chrono::milliseconds kIdlePause{5};
constexpr std::chrono::milliseconds kSettlePause{1};
constexpr int kHealthEvery = 40;  // rounds
constexpr uint64_t kTryAgainEvery = 200;  // rounds

template <typename Row>
Result<std::vector<Row>> all_rows(const projections::Snapshot& rows, Table<Row> table) {
  std::vector<Row> all;
  bool readable = true;
  HANSA_CHECK(rows.scan(stored_key(table.id, ""), stored_key(table.id, "\xff"),
                        [&](std::string_view, std::string_view value) {
                          readable = all.emplace_back().ParseFromArray(
                              value.data(), static_cast<int>(value.size()));
                          return readable;
                        }));
  if (!readable) return fail(Errc::kBadFile, "a stored row cannot be read");
  return all;
}

bool are_same(const KeyRanges& a, const KeyRanges& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return google::protobuf::util::MessageDifferencer::Equals(one, other);
  });
}

}  // namespace

Links::Links(Plan plan) : plan_(std::move(plan)) {}
Links::~Links() { end_thread(); }

void Links::add(LinkedLedger ledger) {
  const std::lock_guard lock(mutex_);
  added_.push_back(std::move(ledger));
}

void Links::start() {
  thread_ = std::thread([this] { run(); });
}

void Links::run() {
  for (int round = 0;; ++round) {
    const bool changed = look_around();
    const bool moves = poke();
    if (changed || round % kHealthEvery == 0) publish_health();
    std::unique_lock lock(mutex_);
    const auto pause = moves ? kSettlePause : kIdlePause;
    if (stopping_begun_.wait_for(lock, pause, [this] { return stopping_; })) return;
  }
}

void Links::end_thread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopping_begun_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Links::stop() {
  end_thread();
  inputs_.clear();
  relays_.clear();
  std::map<std::string, std::shared_ptr<Keeper>> shares;
  {
    const std::lock_guard lock(mutex_);
    shares.swap(shares_);
  }
  for (const auto& [name, keeper] : shares) {
    std::promise<void> closed;
    keeper->close([&closed] { closed.set_value(); });
    closed.get_future().wait();
  }
}

bool Links::look_around() {
  bool changed = false;
  bool tries_again = false;
  {
    const std::lock_guard lock(mutex_);
    tries_again = !refused_.empty() && ++looks_ % kTryAgainEvery == 0;
    for (auto& ledger : added_) ledgers_.push_back(std::move(ledger));
    added_.clear();
  }
  for (const auto& ledger : ledgers_) {
    const auto rows = ledger.keeper->snapshot();
    auto& looked = looked_at_[ledger.keeper->config().ledger.text()];
    if (looked == rows->meta().position.seq && looked != 0 && !tries_again) continue;
    looked = rows->meta().position.seq;
    if (ledger.keeper->config().ledger.kind == kCityKind) {
      look_at_city(ledger, changed);
    } else {
      look_at_alliance(ledger, changed);
    }
  }
  return changed;
}

void Links::look_at_city(const LinkedLedger& city, bool& changed) {
  const auto affiliations = all_rows(*city.keeper->snapshot(), kAffiliationTable);
  if (!affiliations || city.seeds.first.empty()) return;
  const LedgerId self = city.keeper->config().ledger;
  for (const auto& affiliation : *affiliations) {
    const LedgerId share = share_ledger(affiliation.alliance(), self.id);
    const auto founding_id = parse_hex<FoundingId>(affiliation.founding_id());
    if (!founding_id) continue;
    if (!relays_.contains(share.text())) {
      auto keeper = open_share(city, affiliation);
      const std::lock_guard lock(mutex_);
      if (!keeper) {
        refused_.insert_or_assign(share.text(), keeper.error());
        continue;
      }
      refused_.erase(share.text());
      shares_[share.text()] = *keeper;
      relays_[share.text()] = std::make_unique<Relay>(
          Relay::Plan{affiliation.alliance(), self.id, city.keeper->config().founding_id,
                      plan_.read_log, plan_.env, city.keeper, *keeper});
      changed = true;
    }
    const LedgerId alliance{std::string(kAllianceKind), affiliation.alliance()};
    const std::string link = alliance.text() + " > " + self.text();
    const bool listens = affiliation.state() == v1::AffiliationState::joined;
    if (!listens) {
      changed = inputs_.erase(link) > 0 || changed;
      continue;
    }
    listen(link, {{alliance, *founding_id, keys_of(affiliation)}, affiliation.alliance(),
                  plan_.read_log, plan_.env, city.keeper}, changed);
  }
}

void Links::look_at_alliance(const LinkedLedger& alliance, bool& changed) {
  const auto members = all_rows(*alliance.keeper->snapshot(), kMemberTable);
  if (!members) return;
  const auto& config = alliance.keeper->config();
  for (const auto& member : *members) {
    const LedgerId share = share_ledger(config.ledger.id, member.city());
    const std::string link = share.text() + " > " + config.ledger.text();
    if (member.membership() == v1::Membership::expelled) {
      changed = inputs_.erase(link) > 0 || changed;
      continue;
    }
    const auto city = parse_hex<FoundingId>(member.founding_id());
    if (!city) continue;
    listen(link, {{share, share_founding_id(config.founding_id, *city), keys_of(member)},
                  member.city(), plan_.read_log, plan_.env, alliance.keeper}, changed);
  }
}

void Links::listen(const std::string& link, Input::Plan plan, bool& changed) {
  const auto found = inputs_.find(link);
  if (found != inputs_.end() && are_same(found->second->keys(), plan.source.keys)) return;
  // What the old one has on its way lands or does not; the new one begins where the rows stand.
  inputs_[link] = std::make_unique<Input>(std::move(plan));
  changed = true;
}

Result<std::shared_ptr<projections::Keeper>> Links::open_share(
    const LinkedLedger& city, const v1::Affiliation& affiliation) {
  const auto& of_city = city.keeper->config();
  const auto founding_id = parse_hex<FoundingId>(affiliation.founding_id());
  projections::KeeperConfig config;
  config.ledger = share_ledger(affiliation.alliance(), of_city.ledger.id);
  config.founding_id = share_founding_id(*founding_id, of_city.founding_id);
  config.secret = of_city.secret;
  config.directory = projections::current_version_dir(plan_.projections_dir, config.ledger);
  config.accept_clock_jump = true;  // the city's keeper asks
  // Nobody sends it commands; it follows where its city's keeper does not lead.
  config.forward = [](const std::string&) {};
  config.limits.row_cache_mib = plan_.row_cache_mib;
  config.sign = signer_of(city.seeds, config.ledger, config.founding_id);
  if (plan_.prepare) HANSA_CHECK(plan_.prepare(config.ledger));
  std::error_code error;
  std::filesystem::create_directories(config.directory, error);
  if (error) return fail(Errc::kUnavailable, config.directory + ": " + error.message());
  return Keeper::open(std::move(config), *plan_.log, *plan_.env, plan_.budget, *city.keyring,
                      plan_.executor, plan_.observer);
}

bool Links::poke(const std::function<void()>& moved) {
  bool moves = false;
  const auto step = [&](auto& link) {
    if (!link.poke()) return;
    moves = true;
    if (moved) moved();
  };
  for (const auto& [name, relay] : relays_) step(*relay);
  for (const auto& [name, input] : inputs_) step(*input);
  return moves;
}

bool Links::settle(int tries_max) {
  // A checkpoint follows what it covers: nothing must move for some rounds.
  constexpr int kQuietRounds = 20;
  int quiet = 0;
  for (int i = 0; i < tries_max && quiet < kQuietRounds; ++i) {
    const bool changed = look_around();
    quiet = poke() || changed ? 0 : quiet + 1;
    std::this_thread::sleep_for(kSettlePause);
  }
  publish_health();
  return quiet == kQuietRounds;
}

void Links::publish_health() {
  std::vector<LinkHealth> all;
  for (const auto& [name, relay] : relays_) all.push_back(relay->health());
  for (const auto& [name, input] : inputs_) all.push_back(input->health());
  const std::lock_guard lock(mutex_);
  for (const auto& [name, error] : refused_) {
    auto& row = all.emplace_back();
    row.link = name;
    row.waits = error;
  }
  health_ = std::move(all);
}

std::vector<LinkHealth> Links::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

std::vector<projections::KeeperHealth> Links::share_health() const {
  const std::lock_guard lock(mutex_);
  std::vector<projections::KeeperHealth> all;
  for (const auto& [name, keeper] : shares_) all.push_back(keeper->health());
  return all;
}

std::shared_ptr<projections::Keeper> Links::share(const LedgerId& ledger) const {
  const std::lock_guard lock(mutex_);
  const auto found = shares_.find(ledger.text());
  return found == shares_.end() ? nullptr : found->second;
}

}  // namespace hansa::federation
