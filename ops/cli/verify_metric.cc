#include <google/protobuf/util/message_differencer.h>

#include "core/metrics/published.h"
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

// The figure as the alliance's log has it.
struct Published {
  bool found = false;
  Seq seq = 0;
  v1::PublishedFigure figure;
};

Published find_published(const v1::FigureRecord& record, const EvidenceEntry& entry,
                         Published published) {
  for (const auto& event : entry.payload.events()) {
    if (!event.has_figure_published()) continue;
    const auto& one = event.figure_published();
    if (one.city() != record.city() || one.publication() != record.publication()) continue;
    published = {true, entry.seq, one.figure()};
  }
  return published;
}

Error does_not_follow(const std::string& why) { return {Errc::kDoesNotFollow, why}; }

// What the figure says it is made of: as it was judged by, where it was; it has the roots then.
const google::protobuf::RepeatedPtrField<v1::FigureSource>& sources_of(
    const v1::FigureRecord& record) {
  return record.sources().empty() ? record.figure().sources() : record.sources();
}

// The first `size` entries of a source, which must be those that the figure names.
class SourceReading {
 public:
  SourceReading(const v1::FigureSource& source, Recomputation& again)
      : source_(source), again_(again) {}

  Result<void> take(const EvidenceEntry& entry) {
    if (source_.size() != 0 && entry.seq > source_.size()) return {};
    tree_.append(leaf_hash(entry.value));
    HANSA_CHECK(again_.take(source_.ledger(), entry.payload));
    if (entry.seq != source_.size()) return {};
    if (!source_.tip_sha256().empty() && source_.tip_sha256() != to_hex(entry.hash)) {
      return fail(does_not_follow(named() + " with the last hash " + source_.tip_sha256() +
                                  ", here it is " + to_hex(entry.hash)));
    }
    if (!source_.root_sha256().empty() && source_.root_sha256() != to_hex(tree_.root())) {
      return fail(does_not_follow(named() + " with the root " + source_.root_sha256() +
                                  ", here it is " + to_hex(tree_.root())));
    }
    return {};
  }
  Result<void> end() const {
    if (tree_.size() >= source_.size()) return {};
    return fail(Errc::kNotYet, named() + "; the copy has " + std::to_string(tree_.size()) +
                                   ": make a newer one with `hansa tlog copy`");
  }

 private:
  std::string named() const {
    return "the figure is made of " + std::to_string(source_.size()) + " entries of " +
           source_.ledger();
  }

  const v1::FigureSource& source_;
  Recomputation& again_;
  TreeFrontier tree_;
};

Result<v1::PublishedFigure> reckon_again(const MetricOptions& options,
                                         const v1::FigureRecord& record,
                                         AllianceEvidence& alliance) {
  HANSA_TRY(auto again, Recomputation::of(record.figure()));
  for (const auto& source : sources_of(record)) {
    const auto ledger = LedgerId::parse(source.ledger());
    const auto city = ledger ? ledger->id.substr(ledger->id.find('/') + 1) : "";
    if (!ledger || share_ledger(alliance.source.ledger.id, city) != *ledger) {
      return fail(does_not_follow("its source " + source.ledger() + " is no share ledger of " +
                                  alliance.source.ledger.text()));
    }
    HANSA_CHECK(has_copy(options.folder, *ledger));
    SourceReading reading(source, again);
    HANSA_CHECK(federation::read_share(
        options.folder, alliance, city,
        [&](const EvidenceEntry& entry) { return reading.take(entry); }));
    HANSA_CHECK(reading.end());
  }
  return again.figure();
}

Result<void> check_published(const v1::FigureRecord& record, const Published& published,
                             const AllianceEvidence& alliance) {
  const auto which = (record.city().empty() ? alliance.source.ledger.text() : record.city()) +
                     "'s publication " + record.publication();
  if (!published.found) {
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

int show(const MetricOptions& options, const std::string& standing, const std::string& why,
         const AllianceEvidence& alliance) {
  if (options.json) {
    print_line("{\"ok\":" + std::string(standing == "does not follow" ? "false" : "true") +
               ",\"standing\":" + json_text(standing) + ",\"detail\":" + json_text(why) +
               ",\"alliance\":" + head_json(alliance.head) + "}");
  } else {
    print_line(standing + ": " + why);
    print_line(head_text(alliance.head));
  }
  return standing == "does not follow" ? kExitVerificationFailed : kExitOk;
}

int judge(const MetricOptions& options, const v1::FigureRecord& record,
          const Published& published, AllianceEvidence& alliance) {
  if (auto same = check_published(record, published, alliance); !same) {
    return show(options, "does not follow", same.error().detail, alliance);
  }
  const auto& figure = record.figure();
  const auto what = figure.metric() + " of " +
                    (record.city().empty() ? alliance.source.ledger.text() : record.city()) +
                    ", " + figure.from_day() + " to " + figure.to_day();
  if (figure.claim() != v1::FigureStanding::proved) {
    return show(options, "attested",
                what + " is the publisher's word: what it is made of is not all shared",
                alliance);
  }
  const auto reckoned = reckon_again(options, record, alliance);
  if (!reckoned && reckoned.error().code == Errc::kDoesNotFollow) {
    return show(options, "does not follow", reckoned.error().detail, alliance);
  }
  if (!reckoned && reckoned.error().code == Errc::kNotYet) return report(reckoned.error());
  if (!reckoned) return refuted(reckoned.error(), options.json);
  const auto difference = first_difference(figure, *reckoned);
  if (!difference.empty()) return show(options, "does not follow", difference, alliance);
  return show(options, "proved", what + ", reckoned anew from what is shared", alliance);
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
        published = find_published(record, entry, std::move(published));
        return Result<void>();
      });
  if (!alliance) return refuted(alliance.error(), options.json);
  return judge(options, record, published, *alliance);
}

}  // namespace

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
