#include "federation/relay.h"

#include <algorithm>
#include <atomic>

#include "core/alliance/agreement.h"
#include "core/alliance/identity.h"
#include "core/base/assert.h"
#include "core/base/durations.h"
#include "core/base/hash.h"
#include "core/city/affiliation.h"
#include "federation/system_command.h"
#include "streams/ledger_reader.h"

namespace hansa::federation {

using projections::Snapshot;

namespace {

constexpr int64_t kShownUsMax = 5'000'000;
constexpr int64_t kHeartbeatUsMin = kSecondUs;  // an agreement says it in seconds

// Two cities that share with each other that they cosigned each other's shares would never rest.
bool is_city_deed(const v1::Payload& payload) {
  return std::any_of(payload.events().begin(), payload.events().end(),
                     [](const auto& event) { return !event.has_checkpoint_cosigned(); }) ||
         payload.has_refusal();
}

}  // namespace

LinkHealth told_by_leader(LinkHealth health, const projections::Keeper& keeper) {
  if (keeper.health().lead == projections::Lead::kHere) return health;
  LinkHealth name_only;
  name_only.kind = health.kind;
  name_only.link = std::move(health.link);
  name_only.is_idle = true;
  return name_only;
}

// What the keepers' threads answer: taken over by the relay's own.
struct Relay::Step {
  std::atomic<bool> answered{false};
  Offset end = 0;  // of the city's log when it was looked at
  std::optional<Result<std::shared_ptr<const Snapshot>>> shown;
  std::optional<Result<v1::Receipt>> receipt;
};

Relay::Relay(Plan plan) : plan_(std::move(plan)) {}
Relay::~Relay() = default;

bool Relay::poke() {
  if (step_ != nullptr && !step_->answered.load()) return true;
  if (step_ != nullptr) {
    settle();
    if (step_ != nullptr) return true;
  }
  const auto lead = plan_.city_keeper->health().lead;
  if (lead != lead_) plan_.share_keeper->take_lead(lead_ = lead);
  if (lead != projections::Lead::kHere) {
    chain_.reset();
    return false;
  }
  if (const auto stopped = plan_.share_keeper->health().stopped) {
    waits_ = *stopped;
    return false;
  }
  if (!chain_) {
    if (auto resumed = resume(); !resumed) {
      waits_ = std::move(resumed).error();
      return waits_->code == Errc::kNotYet;
    }
  }
  if (auto read = read_on(); !read) {
    waits_ = std::move(read).error();
    return false;
  }
  // No row is read for a heartbeat that cannot be due: this is asked all the time.
  if (!has_deed_ && plan_.env->now_us() - shared_at_us_ < kHeartbeatUsMin) return rest();
  const auto rows = plan_.city_keeper->snapshot();
  if (!has_deed_) {
    const auto newest = rows->find(kAffiliationTable, plan_.alliance);
    if (!newest || !*newest || !heartbeat_due(**newest)) return rest();
  }
  const auto end = plan_.log->end({std::string(kCityKind), plan_.city});
  if (!end) {
    waits_ = end.error();
    return false;
  }
  share_when_shown(*end);
  return true;
}

// What failed was done after all, by another node or by an attempt of which nobody heard.
bool Relay::rest() {
  waits_.reset();
  return false;
}

// All that the city had decided when the log was looked at counts; rows are written in a moment.
// What is void at the log's end moves no row.
void Relay::share_when_shown(Offset end) {
  const auto health = plan_.city_keeper->health();
  const auto rows = plan_.city_keeper->snapshot();
  const bool is_read = health.next_offset >= end;
  if (is_read && rows->meta().position.seq >= health.landed_seq) return submit(*rows);
  step_ = std::make_shared<Step>();
  step_->end = end;
  plan_.city_keeper->wait_for(plan_.city_keeper->health().landed_seq, kShownUsMax,
                              [step = step_](Result<std::shared_ptr<const Snapshot>> shown) {
                                step->shown = std::move(shown);
                                step->answered = true;
                              });
}

void Relay::settle() {
  const auto step = std::move(step_);
  step_ = nullptr;
  if (step->shown) {
    if (!*step->shown) {
      waits_ = step->shown->error();
      return;
    }
    return share_when_shown(step->end);
  }
  if (!*step->receipt) {
    // The share ledger may stand elsewhere than thought, or may have taken it after all.
    waits_ = step->receipt->error();
    chain_.reset();
    return;
  }
  waits_.reset();
  shared_at_us_ = plan_.env->now_us();
  const Seq taken = std::stoull((*step->receipt)->subject_id());
  while (!entries_.empty() && entries_.front().seq() <= taken) {
    bytes_ -= entries_.front().ByteSizeLong();
    entries_.pop_front();
  }
  has_deed_ = std::any_of(entries_.begin(), entries_.end(), [](const auto& source) {
    return is_city_deed(source.payload());
  });
}

// From the rows of the share ledger, once they show all that has landed in it.
Result<void> Relay::resume() {
  const auto rows = plan_.share_keeper->snapshot();
  if (rows->meta().position.seq < plan_.share_keeper->health().landed_seq) {
    return fail(Errc::kNotYet, "the share ledger's rows are being written");
  }
  HANSA_TRY(const auto reached, rows->find(kShareReachedTable, ""));
  entries_.clear();
  bytes_ = 0;
  has_deed_ = false;
  if (!reached || reached->seq() == 0) {
    chain_.emplace(plan_.city_founding_id);
    if (reached) shared_at_us_ = reached->time_us();
    return {};
  }
  shared_at_us_ = reached->time_us();
  const auto hash = parse_hex<Hash>(reached->source_sha256());
  if (!hash) return fail(Errc::kInternal, "a share ledger without the hash of its source");
  const ChainPosition from{reached->seq(), *hash, reached->source_offset(), 0};
  HANSA_CHECK(check_source(from));
  chain_.emplace(plan_.city_founding_id, from);
  return {};
}

// What the share ledger has vouched for must still be there: behind another entry nothing would
// follow, and nobody would know why.
Result<void> Relay::check_source(const ChainPosition& from) const {
  const LedgerId city{std::string(kCityKind), plan_.city};
  HANSA_TRY(const auto read, plan_.log->read(city, from.next_offset - 1, 1));
  const std::string which = "entry " + std::to_string(from.seq) + " of " + city.text() +
                            ", which its share ledger names as " + to_hex(from.tip) + ", ";
  if (read.records.empty() || read.records[0].offset != from.next_offset - 1) {
    return fail(Errc::kLogBehind, which + "is not there");
  }
  const Hash hash = sha256(read.records[0].value);
  if (hash == from.tip) return {};
  return fail(Errc::kForkFound, which + "is " + to_hex(hash) + " now: the ledger was rewritten");
}

Result<void> Relay::read_on() {
  const LedgerId city{std::string(kCityKind), plan_.city};
  while (entries_.size() < kEntriesMax && bytes_ < kBytesMax &&
         plan_.log->has_more(city, chain_->position().next_offset)) {
    const Offset from = chain_->position().next_offset;
    HANSA_TRY(const auto read, plan_.log->read(city, from, kBytesMax));
    for (const auto& record : read.records) {
      const auto verdict = chain_->apply(record.offset, record.value);
      if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
      if (verdict.kind != VerdictKind::kValid) continue;
      auto& source = entries_.emplace_back();
      source.set_seq(chain_->position().seq);
      source.set_sha256(to_hex(verdict.hash));
      source.set_next_offset(record.offset + 1);
      if (!source.mutable_payload()->ParseFromArray(verdict.payload.data(),
                                                    static_cast<int>(verdict.payload.size()))) {
        return fail(Errc::kUpgradeNeeded, "an entry of the city cannot be read by this binary");
      }
      bytes_ += source.ByteSizeLong();
      has_deed_ = has_deed_ || is_city_deed(source.payload());
    }
    chain_->skip_to(read.next);
    if (chain_->position().next_offset == from) break;
  }
  return {};
}

bool Relay::heartbeat_due(const v1::Affiliation& newest) const {
  const auto* agreement = agreement_in_effect(newest);
  if (agreement == nullptr) return false;
  return plan_.env->now_us() - shared_at_us_ >= heartbeat_us(agreement->agreement());
}

void Relay::submit(const Snapshot& city_rows) {
  auto command = std::make_unique<v1::RelayEntries>();
  command->set_alliance(plan_.alliance);
  command->set_city(plan_.city);
  command->set_newest_seq(city_rows.meta().position.seq);
  const auto newest = city_rows.find(kAffiliationTable, plan_.alliance);
  if (newest && *newest) *command->mutable_newest() = **newest;
  for (const auto& source : entries_) {
    if (command->entries_size() == static_cast<int>(kEntriesMax)) break;
    // What landed between is looked at with the next step.
    if (source.seq() > command->newest_seq()) break;
    *command->add_entries() = source;
  }
  step_ = std::make_shared<Step>();
  plan_.share_keeper->submit(system_command("relay", std::move(command)),
                        [step = step_](Result<v1::Receipt> receipt) {
                          step->receipt = std::move(receipt);
                          step->answered = true;
                        });
}

LinkHealth Relay::health() const {
  LinkHealth health;
  health.kind = LinkKind::kRelay;
  health.link = LedgerId{std::string(kCityKind), plan_.city}.text() + " > " +
                share_ledger(plan_.alliance, plan_.city).text();
  const Seq landed = plan_.city_keeper->health().landed_seq;
  const Seq read = chain_ ? chain_->position().seq : 0;
  health.behind_records = landed - std::min(landed, read) + (has_deed_ ? entries_.size() : 0);
  if (has_deed_) {
    health.behind_us =
        std::max<int64_t>(0, plan_.env->now_us() - entries_.front().payload().time_us());
  }
  health.is_idle = step_ == nullptr && !has_deed_ && landed <= read;
  health.waits = waits_;
  return told_by_leader(std::move(health), *plan_.city_keeper);
}

}  // namespace hansa::federation
