#include <google/protobuf/util/message_differencer.h>

#include "core/metrics/published.h"
#include "federation/figure_judge.h"
#include "ops/cli/evidence.h"
#include "ops/files.h"
#include "ops/json.h"

namespace hansa::ops {
namespace {

using federation::AllianceEvidence;
using federation::EvidenceEntry;
using google::protobuf::util::MessageDifferencer;

struct MetricOptions {
  std::string file;
  std::string folder;
  EvidenceTrust trust;
  bool json = false;
};

// The figure as the alliance's log has it: of FILE nothing counts but which one it is, and what it
// says. `judged` is empty while nobody has judged it.
struct Published {
  Seq seq = 0;  // 0: nowhere
  v1::PublishedFigure figure;
  v1::FigureJudged judged;
};

void take_published(const v1::FigureRecord& record, const EvidenceEntry& entry,
                    Published& published) {
  const auto is_it = [&](const auto& event) {
    return event.city() == record.city() && event.publication() == record.publication();
  };
  for (const auto& event : entry.payload.events()) {
    if (event.has_figure_published() && is_it(event.figure_published())) {
      published.seq = entry.seq;
      published.figure = event.figure_published().figure();
    }
    if (event.has_figure_judged() && is_it(event.figure_judged())) {
      published.judged = event.figure_judged();
    }
  }
}

Error does_not_follow(const std::string& why) { return {Errc::kDoesNotFollow, why}; }

// Of a source the entries that the figure is made of, which must be those it names: of the
// alliance's own figure as many as it says, of a city's all up to the one that tells of it.
class SourceReading {
 public:
  // `again`: nullptr: nothing is reckoned.
  SourceReading(const v1::FigureRecord& record, const v1::FigureSource& source,
                Recomputation* again)
      : record_(record), source_(source), again_(again) {}

  // As the alliance's node read it, when it judged.
  void hold_to(const v1::FigureSource& judged) { judged_ = &judged; }

  Result<void> take(const EvidenceEntry& entry) {
    if (is_read_) return {};
    tree_.append(leaf_hash(entry.value));
    if (again_ != nullptr) HANSA_CHECK(again_->take(source_.ledger(), entry.payload));
    for (const auto& event : entry.payload.events()) {
      if (event.has_entries_shared()) told_to_ = event.entries_shared().to_seq();
    }
    if (record_.city().empty()) {
      if (entry.seq < source_.size()) return {};
    } else {
      const auto told = federation::told_in(entry.payload, record_.publication());
      if (told.seq == 0) return {};
      HANSA_CHECK(federation::check_told(told, record_));
    }
    is_read_ = true;
    HANSA_CHECK(check_hashes(source_, "the figure is made of ", entry));
    return judged_ == nullptr ? Result<void>()
                              : check_hashes(*judged_, "the figure was judged by ", entry);
  }
  Result<void> end() const {
    if (is_read_) return {};
    if (!record_.city().empty() && told_to_ > source_.city_seq()) {
      return fail(does_not_follow(source_.ledger() + " tells of the city's entries up to " +
                                  std::to_string(told_to_) + ", and of no publication " +
                                  record_.publication()));
    }
    const auto needed = record_.city().empty()
                            ? std::to_string(source_.size()) + " entries of it are needed"
                            : "none of them tells of " + record_.publication();
    return fail(Errc::kNotYet, "the copy has " + std::to_string(tree_.size()) + " entries of " +
                                   source_.ledger() + ", and " + needed +
                                   ": make a newer one with `hansa tlog copy --newest`");
  }

 private:
  Result<void> check_hashes(const v1::FigureSource& named, const std::string& words,
                            const EvidenceEntry& last) const {
    const auto check = [&](const std::string& what, const std::string& theirs,
                           const std::string& ours) -> Result<void> {
      if (theirs.empty() || theirs == ours) return {};
      return fail(does_not_follow(words + "entries of " + source_.ledger() + " with the " + what +
                                  " " + theirs + ", here it is " + ours));
    };
    HANSA_CHECK(check("size", named.size() == 0 ? "" : std::to_string(named.size()),
                      std::to_string(last.seq)));
    HANSA_CHECK(check("last hash", named.tip_sha256(), to_hex(last.hash)));
    return check("root", named.root_sha256(), to_hex(tree_.root()));
  }

  const v1::FigureRecord& record_;
  const v1::FigureSource& source_;
  Recomputation* again_;
  const v1::FigureSource* judged_ = nullptr;
  TreeFrontier tree_;
  Seq told_to_ = 0;  // of the city's ledger
  bool is_read_ = false;
};

Result<void> read_source(const std::string& folder, const v1::FigureRecord& record,
                         const v1::FigureSource& source, const v1::FigureJudged& judged,
                         AllianceEvidence& alliance, Recomputation* again) {
  const auto ledger = LedgerId::parse(source.ledger());
  const auto city = ledger ? ledger->id.substr(ledger->id.find('/') + 1) : "";
  const bool is_its_own = record.city().empty() || record.city() == city;
  if (!ledger || share_ledger(alliance.source.ledger.id, city) != *ledger || !is_its_own) {
    return fail(does_not_follow(
        "its source " + source.ledger() + " is no share ledger of " +
        (is_its_own ? alliance.source.ledger.text() : record.city())));
  }
  SourceReading reading(record, source, again);
  for (const auto& one : judged.sources()) {
    if (one.ledger() == source.ledger()) reading.hold_to(one);
  }
  HANSA_CHECK(federation::read_share(
      folder, alliance, city,
      [&](const EvidenceEntry& entry) { return reading.take(entry); }));
  return reading.end();
}

// What is not there cannot be held against the figure.
Result<void> has_sources(const std::string& folder, const v1::PublishedFigure& figure) {
  for (const auto& source : figure.sources()) {
    const auto ledger = LedgerId::parse(source.ledger());
    if (ledger) HANSA_CHECK(has_copy(folder, *ledger));
  }
  return {};
}

Result<v1::PublishedFigure> reckon_again(const std::string& folder,
                                         const v1::FigureRecord& record,
                                         const v1::FigureJudged& judged,
                                         AllianceEvidence& alliance) {
  HANSA_TRY(auto again, Recomputation::of(record.figure()));
  for (const auto& source : record.figure().sources()) {
    HANSA_CHECK(read_source(folder, record, source, judged, alliance, &again));
  }
  return again.figure();
}

// The publisher's word must be its word: where a copy of its share tells of it, it is the same.
Result<void> check_word(const std::string& folder, const v1::FigureRecord& record,
                        const v1::FigureJudged& judged, AllianceEvidence& alliance) {
  if (record.city().empty() || !has_sources(folder, record.figure())) return {};
  for (const auto& source : record.figure().sources()) {
    const auto told = read_source(folder, record, source, judged, alliance, nullptr);
    if (!told && told.error().code != Errc::kNotYet) return told;
  }
  return {};
}

Result<void> check_published(const v1::FigureRecord& record, const Published& published,
                             const AllianceEvidence& alliance) {
  const auto which = (record.city().empty() ? alliance.source.ledger.text() : record.city()) +
                     "'s publication " + record.publication();
  if (published.seq == 0) {
    return fail(does_not_follow(which + " stands nowhere in the first " +
                                std::to_string(alliance.head.size()) + " entries of " +
                                alliance.source.ledger.text()));
  }
  if (MessageDifferencer::Equals(published.figure, record.figure())) return {};
  const auto difference = first_difference(record.figure(), published.figure);
  return fail(does_not_follow(which + " was published otherwise in entry " +
                              std::to_string(published.seq) + ": " +
                              (difference.empty() ? "scope, period or sources differ"
                                                  : difference)));
}

int show(const MetricOptions& options, const FigureVerdict& verdict,
         const AllianceEvidence& alliance) {
  const bool follows = verdict.standing != kDoesNotFollowWords;
  if (options.json) {
    print_line("{\"ok\":" + std::string(follows ? "true" : "false") +
               ",\"standing\":" + json_text(verdict.standing) +
               ",\"detail\":" + json_text(verdict.why) +
               ",\"alliance\":" + head_json(alliance.head) + "}");
  } else {
    print_line(verdict.standing + ": " + verdict.why);
    print_line(head_text(alliance.head));
  }
  return follows ? kExitOk : kExitVerificationFailed;
}

int judge(const MetricOptions& options, const v1::FigureRecord& record,
          const Published& published, AllianceEvidence& alliance) {
  if (auto same = check_published(record, published, alliance); !same) {
    return show(options, {std::string(kDoesNotFollowWords), same.error().detail}, alliance);
  }
  if (record.figure().claim() == v1::FigureStanding::proved) {
    if (auto there = has_sources(options.folder, record.figure()); !there) {
      return report(there.error());
    }
  }
  const auto verdict = verify_figure(options.folder, record, published.judged, alliance);
  if (verdict) return show(options, *verdict, alliance);
  return verdict.error().code == Errc::kNotYet ? report(verdict.error())
                                               : refuted(verdict.error(), options.json);
}

int verify_metric(const MetricOptions& options) {
  const auto trusted = trusted_alliance(options.trust);
  if (!trusted) return report(trusted.error());
  const auto source = trusted->source();
  const auto text = read_file(options.file);
  if (!text) return report(text.error());
  v1::FigureRecord record;
  if (auto read = from_json(*text, record); !read) return report(read.error());
  if (auto there = has_copy(options.folder, source.ledger); !there) return report(there.error());
  Published published;
  auto alliance =
      federation::read_alliance(options.folder, source, [&](const EvidenceEntry& entry) {
        take_published(record, entry, published);
        return Result<void>();
      });
  if (!alliance) return refuted(alliance.error(), options.json);
  return judge(options, record, published, *alliance);
}

}  // namespace

Result<FigureVerdict> verify_figure(const std::string& folder, const v1::FigureRecord& record,
                                    const v1::FigureJudged& judged, AllianceEvidence& alliance) {
  const auto& figure = record.figure();
  const auto what = figure.metric() + " of " +
                    (record.city().empty() ? alliance.source.ledger.text() : record.city()) +
                    ", " + figure.from_day() + " to " + figure.to_day();
  const bool is_claimed = figure.claim() == v1::FigureStanding::proved;
  std::string difference;
  Result<void> read;
  if (is_claimed) {
    const auto again = reckon_again(folder, record, judged, alliance);
    if (again) difference = first_difference(figure, *again);
    if (!again) read = fail(again.error());
  } else {
    read = check_word(folder, record, judged, alliance);
  }
  if (!read && read.error().code != Errc::kDoesNotFollow) return fail(read.error());
  if (!read) difference = read.error().detail;
  if (!difference.empty()) return FigureVerdict{std::string(kDoesNotFollowWords), difference};
  if (is_claimed) return FigureVerdict{"proved", what + ", reckoned anew from what is shared"};
  return FigureVerdict{
      "attested", what + " is the publisher's word: what it is made of is not all shared"};
}

void add_verify_metric(CLI::App& verify, Chosen& chosen) {
  auto* verb = verify.add_subcommand(
      "metric", "A published figure, reckoned anew: proved, attested or does not follow");
  auto options = std::make_shared<MetricOptions>();
  verb->add_option("FILE", options->file,
                   "The figure, as one of GET /v1/alliances/{alliance}/figures (JSON)")
      ->required();
  verb->add_option("--evidence", options->folder,
                   "A folder with copies of the alliance's log and of the shares it is made of")
      ->required();
  add_trust(*verb, options->trust);
  verb->add_flag("--json", options->json, "One JSON object");
  set_example(*verb, "  hansa verify metric --help");
  verb->callback(
      [&chosen, options] { chosen.run = [options] { return verify_metric(*options); }; });
}

}  // namespace hansa::ops
