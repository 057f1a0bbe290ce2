#include "federation/links.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "core/alliance/alliance.h"
#include "core/city/affiliation.h"
#include "projections/versions.h"
#include "streams/ledger_reader.h"

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

// Witnesses of this node are asked without a detour.
class Links::LocalFirst final : public WitnessCaller {
 public:
  explicit LocalFirst(const Links& links) : links_(links) {}

  void add_checkpoint(const v1::Member& member, const WitnessRequest& request,
                      Cosigned cosigned) override {
    if (const auto local = find(member)) return local->add_checkpoint(request, std::move(cosigned));
    if (links_.plan_.caller == nullptr) return cosigned(fail(away(member)));
    links_.plan_.caller->add_checkpoint(member, request, std::move(cosigned));
  }
  void newest(const v1::Member& member, const LedgerId& ledger, const std::string& origin,
              NewestCosigned answer) override {
    if (const auto local = find(member)) return local->newest(ledger.text(), std::move(answer));
    if (links_.plan_.caller == nullptr) return answer(fail(away(member)));
    links_.plan_.caller->newest(member, ledger, origin, std::move(answer));
  }

 private:
  std::shared_ptr<Witness> find(const v1::Member& member) const {
    const auto local = links_.witness(member.city());
    const auto key = witness_key(member);
    return local != nullptr && key && local->key() == *key ? local : nullptr;
  }
  static Error away(const v1::Member& member) {
    return {Errc::kUnavailable, "the witness of " + member.city() + " is not on this node"};
  }

  const Links& links_;
};

Links::Links(Plan plan)
    : plan_(std::move(plan)), caller_(std::make_unique<LocalFirst>(*this)) {}
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
  gossips_.clear();
  inputs_.clear();
  relays_.clear();
  confirmations_.clear();
  judges_.clear();
  std::map<std::string, std::shared_ptr<Keeper>> shares;
  {
    const std::lock_guard lock(mutex_);
    shares.swap(shares_);
    witnesses_.clear();
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
    for (auto& ledger : added_) {
      if (!ledger.witness_seed.empty()) {
        witnesses_[ledger.keeper->config().ledger.id] =
            std::make_shared<Witness>(ledger.keeper, ledger.witness_seed);
      }
      ledgers_.push_back(std::move(ledger));
    }
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
      confirm_share(city, affiliation.alliance(), *keeper);
      changed = true;
    }
    const LedgerId alliance{std::string(kAllianceKind), affiliation.alliance()};
    const std::string link = alliance.text() + " > " + self.text();
    const bool listens = affiliation.state() == v1::AffiliationState::joined;
    if (!listens) {
      gossips_.erase(link);
      changed = inputs_.erase(link) > 0 || changed;
      continue;
    }
    const SignedReader::Source source{alliance, *founding_id, keys_of(affiliation)};
    gossip(link, city, source);
    listen(link, {source, affiliation.alliance(), plan_.read_log, plan_.env, city.keeper},
           changed);
  }
}

void Links::look_at_alliance(const LinkedLedger& alliance, bool& changed) {
  const auto members = all_rows(*alliance.keeper->snapshot(), kMemberTable);
  if (!members) return;
  const auto& config = alliance.keeper->config();
  if (!confirmations_.contains(config.ledger.text())) {
    confirm_alliance(alliance);
    changed = true;
  }
  auto& judge = judges_[config.ledger.text()];
  if (judge == nullptr) {
    judge = std::make_unique<FigureJudge>(FigureJudge::Plan{alliance.keeper, plan_.read_log});
  }
  for (const auto& member : *members) {
    const LedgerId share = share_ledger(config.ledger.id, member.city());
    const std::string link = share.text() + " > " + config.ledger.text();
    if (member.membership() == v1::Membership::expelled) {
      changed = inputs_.erase(link) > 0 || changed;
      continue;
    }
    const auto city = parse_hex<FoundingId>(member.founding_id());
    if (!city) continue;
    // The members that may confirm it are those of the moment.
    const auto confirms = [keeper = alliance.keeper, name = member.city()](
                              const Note& note, std::optional<uint32_t> version) {
      const auto rows = keeper->snapshot();
      const auto all = all_rows(*rows, kMemberTable);
      if (!all) return false;
      const WitnessSet witnesses(*all);
      return witnesses.size(name) > 0 &&
             witnesses.confirms(note, name, wanted_in_alliance(*rows, version));
    };
    listen(link, {{share, share_founding_id(config.founding_id, *city), keys_of(member), confirms},
                  member.city(), plan_.read_log, plan_.env, alliance.keeper}, changed);
  }
}

void Links::confirm(Confirmation::Plan plan, const SigningSeeds& seeds) {
  const auto& config = plan.keeper->config();
  if (plan.gate == nullptr || seeds.first.empty()) return;
  plan.keys = seeds.keys_of(config.ledger);
  plan.origin = origin_of(plan_.public_host, config.ledger, config.founding_id);
  plan.caller = caller_.get();
  plan.env = plan_.env;
  confirmations_[config.ledger.text()] = std::make_unique<Confirmation>(std::move(plan));
}

// A share ledger is confirmed by the other members, as its city knows them.
void Links::confirm_share(const LinkedLedger& city, const std::string& alliance,
                          std::shared_ptr<Keeper> share) {
  Confirmation::Plan plan;
  plan.gate = gates_[share->config().ledger.text()];
  plan.keeper = share;
  plan.reporter = city.keeper;
  plan.pause_us = plan_.share_pause_us;
  plan.witnesses = [keeper = city.keeper, alliance]() -> Result<std::vector<v1::Member>> {
    HANSA_TRY(auto peers, peers_of(*keeper->snapshot(), alliance));
    std::erase_if(peers, [&](const auto& peer) {
      return !is_member(peer) || peer.city() == keeper->config().ledger.id;
    });
    return peers;
  };
  plan.wanted_quorum = [keeper = city.keeper, share = std::move(share), alliance] {
    const auto reached = share->snapshot()->find(kShareReachedTable, "");
    if (!reached) return kEveryWitness;
    const uint32_t version = *reached ? (*reached)->agreement_version() : 0;
    return wanted_in_city(*keeper->snapshot(), alliance, version);
  };
  confirm(std::move(plan), city.seeds);
}

void Links::confirm_alliance(const LinkedLedger& alliance) {
  Confirmation::Plan plan;
  plan.gate = alliance.gate;
  plan.keeper = plan.reporter = alliance.keeper;
  plan.pause_us = plan_.alliance_pause_us;
  plan.witnesses = [keeper = alliance.keeper]() -> Result<std::vector<v1::Member>> {
    HANSA_TRY(auto members, all_rows(*keeper->snapshot(), kMemberTable));
    std::erase_if(members, [](const auto& member) { return !is_member(member); });
    return members;
  };
  plan.wanted_quorum = [keeper = alliance.keeper] {
    return wanted_in_alliance(*keeper->snapshot(), std::nullopt);
  };
  plan.confirmed_by = [keeper = alliance.keeper]() -> Result<std::vector<v1::Member>> {
    HANSA_TRY(const auto row, keeper->snapshot()->find(kConfirmingMembersTable, ""));
    if (!row) return std::vector<v1::Member>();
    return std::vector<v1::Member>(row->members().begin(), row->members().end());
  };
  confirm(std::move(plan), alliance.seeds);
}

void Links::gossip(const std::string& link, const LinkedLedger& city,
                   const SignedReader::Source& source) {
  auto& gossip = gossips_[link];
  if (gossip != nullptr && are_same(gossip->keys(), source.keys)) return;
  const auto reader = [this, link]() -> const SignedReader* {
    const auto found = inputs_.find(link);
    return found == inputs_.end() ? nullptr : found->second->reader();
  };
  gossip = std::make_unique<Gossip>(Gossip::Plan{source.ledger, source.founding_id, source.keys,
                                                 city.keeper, caller_.get(), plan_.env, reader});
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
  const auto accepted = plan_.accepted_to.find(config.ledger);
  if (accepted != plan_.accepted_to.end()) config.accepted_to = accepted->second;
  // Nobody sends it commands; it follows where its city's keeper does not lead.
  config.forward = [](const std::string&) {};
  config.limits.row_cache_mib = plan_.row_cache_mib;
  config.ticks_alone = plan_.ticks_alone;
  const auto gate = std::make_shared<std::atomic<bool>>(false);
  gates_[config.ledger.text()] = gate;
  config.may_sign = [gate] { return gate->load(); };
  config.sign = signer_of({city.seeds, config.ledger, config.founding_id, plan_.public_host});
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
  for (const auto& [name, gossip] : gossips_) step(*gossip);
  for (const auto& [name, confirmation] : confirmations_) step(*confirmation);
  for (const auto& [name, judge] : judges_) step(*judge);
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
  for (const auto& [name, one] : gossips_) all.push_back(one->health());
  for (const auto& [name, one] : confirmations_) all.push_back(one->health());
  for (const auto& [name, judge] : judges_) all.push_back(judge->health());
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, error] : refused_) {
      auto& row = all.emplace_back();
      row.link = name;
      row.waits = error;
    }
    health_ = all;
  }
  if (plan_.waits_long) tell_long_waits(all);
}

void Links::tell_long_waits(const std::vector<LinkHealth>& all) {
  const int64_t now_us = plan_.env->now_us();
  std::map<std::string, LongWait> waiting;
  for (const auto& link : all) {
    if (!link.waits) continue;
    const auto before = long_waits_.find(link.link);
    auto& wait = waiting[link.link];
    wait = before == long_waits_.end() ? LongWait{now_us} : before->second;
    const Errc why = link.waits->code;
    const bool passes = !streams::stops_ledger(why) && why != Errc::kBadConfig;
    if (wait.is_told || (passes && now_us - wait.since_us < kLongWaitUs)) continue;
    wait.is_told = true;
    plan_.waits_long(link);
  }
  long_waits_ = std::move(waiting);
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

std::shared_ptr<Witness> Links::witness(const std::string& city) const {
  const std::lock_guard lock(mutex_);
  const auto found = witnesses_.find(city);
  return found == witnesses_.end() ? nullptr : found->second;
}

std::shared_ptr<projections::Keeper> Links::share(const LedgerId& ledger) const {
  const std::lock_guard lock(mutex_);
  const auto found = shares_.find(ledger.text());
  return found == shares_.end() ? nullptr : found->second;
}

}  // namespace hansa::federation
