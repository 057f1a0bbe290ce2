#include "federation/figure_judge.h"

#include <google/protobuf/util/message_differencer.h>

#include <atomic>

#include "core/alliance/identity.h"
#include "core/city/figures.h"
#include "core/evidence/tree.h"
#include "core/metrics/published.h"
#include "federation/system_command.h"

namespace hansa::federation {
namespace {

using Standing = v1::FigureStanding;
using google::protobuf::util::MessageDifferencer;

}  // namespace

ToldFigure told_in(const v1::Payload& payload, const std::string& publication) {
  for (const auto& event : payload.events()) {
    for (const auto& shared : event.entries_shared().events()) {
      if (!shared.event().has_metric_published()) continue;
      const auto& published = shared.event().metric_published();
      if (published.publication() == publication) return {shared.seq(), &published.figure()};
    }
  }
  return {};
}

Result<void> check_told(const ToldFigure& told, const v1::FigureRecord& record) {
  const auto& figure = record.figure();
  if (!MessageDifferencer::Equals(*told.figure, figure)) {
    const auto difference = first_difference(figure, *told.figure);
    return fail(Errc::kDoesNotFollow,
                record.city() + " published it otherwise with entry " + std::to_string(told.seq) +
                    ": " + (difference.empty() ? "scope, period or sources differ" : difference));
  }
  const Seq counted = figure.sources().empty() ? 0 : figure.sources(0).city_seq();
  if (counted + 1 == told.seq) return {};
  return fail(Errc::kDoesNotFollow, "it counts the city's entries up to " +
                                        std::to_string(counted) + ", and is published with entry " +
                                        std::to_string(told.seq));
}

struct FigureJudge::Case {
  bool is_citys() const { return !record.city().empty(); }
  const v1::FigureSource& source() const {
    return record.figure().sources(judged.sources_size());
  }
  bool has_more() const { return judged.sources_size() < record.figure().sources_size(); }
  void refute(const std::string& why) {
    if (difference.empty()) difference = why;
  }

  v1::FigureRecord record;
  std::string city;  // whose share ledger is read
  std::string keys;  // that it is read by
  std::unique_ptr<SignedReader> reader;
  TreeFrontier tree;  // of what was read of it
  std::optional<Recomputation> again;  // where the figure claims to be proved
  v1::FigureJudged judged;  // with the sources that are read
  std::string difference;
};

struct FigureJudge::Step {
  std::atomic<bool> answered{false};
  std::optional<Result<v1::Receipt>> receipt;
};

FigureJudge::FigureJudge(Plan plan) : plan_(std::move(plan)) {}
FigureJudge::~FigureJudge() = default;

bool FigureJudge::poke() {
  if (step_ != nullptr && !step_->answered.load()) return true;
  if (step_ != nullptr) settle();
  if (plan_.keeper->health().lead != projections::Lead::kHere) {
    case_.reset();
    return false;
  }
  if (case_ == nullptr) {
    const auto looked = look();
    if (!looked) waits_ = looked.error();
    if (looked && stuck_.empty()) waits_.reset();
    if (case_ == nullptr) return false;
  }
  if (case_->reader == nullptr && case_->has_more()) {
    if (auto opened = open_source(); !opened) {
      waits_ = opened.error();
      case_.reset();
      return false;
    }
  }
  if (case_->has_more()) {
    const auto moved = read_on();
    if (moved) {
      waits_.reset();
      return *moved;
    }
    waits_ = moved.error();
    if (moved.error().code == Errc::kUnavailable) return false;
    stuck_[figure_key(case_->record.city(), case_->record.publication())] = case_->keys;
    looked_at_ = 0;
    case_.reset();
    return true;
  }
  judge();
  return true;
}

// The first figure that is not judged and whose sources may be read.
Result<void> FigureJudge::look() {
  const auto rows = plan_.keeper->snapshot();
  const bool is_whole = rows->meta().position.seq == plan_.keeper->health().landed_seq;
  if (!is_whole || rows->meta().position.seq == looked_at_) return {};
  std::vector<v1::FigureRecord> open;
  HANSA_CHECK(rows->scan(stored_key(TableId::kFigureRecord, ""),
                         stored_key(TableId::kFigureRecord, "\xff"),
                         [&](std::string_view, std::string_view value) {
                           v1::FigureRecord record;
                           const bool is_read = record.ParseFromArray(
                               value.data(), static_cast<int>(value.size()));
                           if (is_read && record.standing() == Standing::unspecified) {
                             open.push_back(std::move(record));
                           }
                           return true;
                         }));
  for (auto& record : open) {
    HANSA_TRY(const bool readable, is_readable(record));
    if (!readable) continue;
    case_ = std::make_unique<Case>();
    case_->judged.set_city(record.city());
    case_->judged.set_publication(record.publication());
    if (record.figure().claim() == Standing::proved) {
      auto again = Recomputation::of(record.figure());
      if (again) {
        case_->again.emplace(*std::move(again));
      } else {
        case_->refute(again.error().detail);
      }
    }
    case_->record = std::move(record);
    return {};
  }
  looked_at_ = rows->meta().position.seq;
  return {};
}

Result<bool> FigureJudge::is_readable(const v1::FigureRecord& record) {
  const auto stuck = stuck_.find(figure_key(record.city(), record.publication()));
  if (stuck == stuck_.end()) return true;
  if (record.city().empty()) return false;
  HANSA_TRY(const auto member, plan_.keeper->snapshot()->find(kMemberTable, record.city()));
  return member && keys_text(keys_of(*member)) != stuck->second;
}

Result<void> FigureJudge::open_source() {
  const auto& config = plan_.keeper->config();
  const std::string& ledger = case_->source().ledger();
  case_->city = case_->is_citys() ? case_->record.city() : ledger.substr(ledger.rfind('/') + 1);
  HANSA_TRY(const auto member, plan_.keeper->snapshot()->find(kMemberTable, case_->city));
  const auto founding_id = member ? parse_hex<FoundingId>(member->founding_id()) : std::nullopt;
  if (!founding_id) return fail(Errc::kUnknownMember, "no member is called " + case_->city);
  const auto id = share_founding_id(config.founding_id, *founding_id);
  case_->keys = keys_text(keys_of(*member));
  case_->tree = TreeFrontier();
  ChainPosition from;
  from.tip = founding_hash(id);
  case_->reader = std::make_unique<SignedReader>(
      *plan_.log,
      SignedReader::Source{share_ledger(config.ledger.id, case_->city), id, keys_of(*member)},
      from);
  return {};
}

Result<bool> FigureJudge::read_on() {
  auto& one = *case_;
  HANSA_TRY(const auto entries, one.reader->read());
  const std::string ledger = share_ledger(plan_.keeper->config().ledger.id, one.city).text();
  for (const auto& entry : entries) {
    one.tree.append(entry.leaf);
    if (one.again && one.difference.empty()) {
      const auto taken = one.again->take(ledger, entry.payload);
      if (!taken) {
        one.refute("entry " + std::to_string(entry.seq) + " of " + ledger +
                   " is none that figures follow from: " + taken.error().detail);
      }
    }
    if (!one.is_citys()) {
      if (entry.seq < one.source().size()) continue;
      if (to_hex(entry.hash) != one.source().tip_sha256()) {
        one.refute("it is made of other entries of " + ledger);
      }
      close_source(entry);
      return true;
    }
    const auto told = told_in(entry.payload, one.record.publication());
    if (told.seq == 0) continue;
    if (const auto right = check_told(told, one.record); !right) one.refute(right.error().detail);
    close_source(entry);
    return true;
  }
  return !entries.empty();
}

void FigureJudge::close_source(const SignedEntry& last) {
  v1::FigureSource source = case_->source();
  source.set_ledger(share_ledger(plan_.keeper->config().ledger.id, case_->city).text());
  source.set_size(last.seq);
  source.set_root_sha256(to_hex(case_->tree.root()));
  source.set_tip_sha256(to_hex(last.hash));
  *case_->judged.add_sources() = std::move(source);
  case_->reader.reset();
}

void FigureJudge::judge() {
  auto& one = *case_;
  if (one.again && one.difference.empty()) {
    const auto reckoned = one.again->figure();
    one.refute(reckoned ? first_difference(one.record.figure(), *reckoned)
                        : reckoned.error().detail);
  }
  const bool is_claimed = one.record.figure().claim() == Standing::proved;
  one.judged.set_standing(!is_claimed               ? Standing::attested
                          : one.difference.empty() ? Standing::proved
                                                    : Standing::does_not_follow);
  if (is_claimed) one.judged.set_difference(one.difference);
  submit();
}

void FigureJudge::submit() {
  auto command = std::make_unique<v1::JudgeFigure>();
  *command->mutable_judged() = case_->judged;
  case_.reset();
  step_ = std::make_shared<Step>();
  plan_.keeper->submit(system_command("figure-judge", std::move(command)),
                        [step = step_](Result<v1::Receipt> receipt) {
                          step->receipt = std::move(receipt);
                          step->answered = true;
                        });
}

// What was judged meanwhile is no matter: the rows say what is left.
void FigureJudge::settle() {
  const auto step = std::move(step_);
  step_ = nullptr;
  waits_.reset();
  if (!*step->receipt && step->receipt->error().code != Errc::kWrongState) {
    waits_ = step->receipt->error();
  }
}

LinkHealth FigureJudge::health() const {
  LinkHealth health;
  health.kind = LinkKind::kFigures;
  health.link = plan_.keeper->config().ledger.text() + " > its figures";
  health.is_idle = step_ == nullptr && case_ == nullptr;
  health.waits = waits_;
  return told_by_leader(std::move(health), *plan_.keeper);
}

}  // namespace hansa::federation
