#include <map>

#include "core/ledger/chain.h"
#include "ops/cli/evidence.h"
#include "ops/cli/ledger_source.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

using federation::EvidenceEntry;
using federation::EvidenceHead;

struct AuditOptions : LedgerSource {
  std::string range;
  std::string alliance;
  std::string folder;
  EvidenceTrust trust;
  bool json = false;
};

// What an entry of the share ledger says of its city's ledger: the hash of entry `to_seq`.
struct Commitment {
  Seq to_seq = 0;
  std::string sha256;
  Offset next_offset = 0;
  Seq share_seq = 0;
};

struct Audit {
  Seq from = 0;
  Seq to = 0;
  FoundingId founding_id;  // of the city
  EvidenceHead share;
  Commitment before;                 // the newest one of an entry before `from`
  std::map<Seq, Commitment> within;  // by to_seq: up to the first that covers `to`

  Seq committed() const { return within.empty() ? 0 : within.rbegin()->first; }
};

struct SeenEntry {
  Seq seq = 0;
  Hash hash;
  v1::Payload payload;
};

bool parse_range(const std::string& text, Seq& from, Seq& to) {
  const auto dots = text.find("..");
  if (dots == std::string::npos) return false;
  char* end = nullptr;
  from = std::strtoull(text.c_str(), &end, 10);
  if (end != text.c_str() + dots) return false;
  to = std::strtoull(text.c_str() + dots + 2, &end, 10);
  return *end == '\0' && from > 0 && to >= from;
}

void take_commitment(const EvidenceEntry& entry, Audit& audit) {
  for (const auto& event : entry.payload.events()) {
    if (!event.has_entries_shared()) continue;
    const auto& shared = event.entries_shared();
    if (shared.to_seq() < shared.from_seq()) continue;  // nothing new
    const Commitment made{shared.to_seq(), shared.source_sha256(), shared.source_offset(),
                          entry.seq};
    if (made.to_seq < audit.from) {
      audit.before = made;
    } else if (audit.committed() < audit.to) {
      audit.within.emplace(made.to_seq, made);
    }
  }
}

// The share ledger first: from the alliance's key to what it commits to.
Result<Audit> commitments(const AuditOptions& options, const federation::EvidenceSource& source,
                          const std::string& city, Seq from, Seq to) {
  HANSA_TRY(auto alliance, federation::read_alliance(options.folder, source));
  Audit audit;
  audit.from = from;
  audit.to = to;
  HANSA_TRY(audit.share, federation::read_share(options.folder, alliance, city,
                                                [&](const EvidenceEntry& entry) {
                                                  take_commitment(entry, audit);
                                                  return Result<void>();
                                                }));
  const auto* member = alliance.members.find(city);
  audit.founding_id = *parse_hex<FoundingId>(member->founding_id());
  return audit;
}

Error not_committed(const AuditOptions& options, Seq seq, const std::string& why) {
  return {Errc::kForkFound, "entry " + std::to_string(seq) + " of " + options.ledger + " " + why,
          {}, seq};
}

Result<void> check_hash(const AuditOptions& options, const Audit& audit, Seq seq,
                        const Hash& hash) {
  const auto made = audit.within.find(seq);
  if (made == audit.within.end() || made->second.sha256 == to_hex(hash)) return {};
  return fail(not_committed(options, seq,
                            "has the hash " + to_hex(hash) + "; entry " +
                                std::to_string(made->second.share_seq) + " of " +
                                audit.share.head.checkpoint.ledger.text() +
                                " is committed to " + made->second.sha256));
}

// From the commitment before the range, or the founding, through the chain rule to the first one
// that covers the range: with the hashes at both ends every entry between is the one committed.
Result<std::vector<SeenEntry>> read_range(const AuditOptions& options, const Audit& audit,
                                          Records& records) {
  ChainPosition from;
  from.tip = founding_hash(audit.founding_id);
  if (const auto hash = parse_hex<Hash>(audit.before.sha256)) {
    from = {audit.before.to_seq, *hash, audit.before.next_offset, 0};
  }
  Chain chain(audit.founding_id, from);
  const Seq last = std::max(audit.to, audit.committed());
  std::vector<SeenEntry> seen;
  while (chain.position().seq < last) {
    HANSA_TRY(const auto read, records.read(chain.position().next_offset));
    for (const auto& record : read.records) {
      if (chain.position().seq == last) break;
      const auto verdict = chain.apply(record.offset, record.value);
      if (verdict.kind == VerdictKind::kStop) return fail(verdict.error);
      if (verdict.kind != VerdictKind::kValid) continue;
      const Seq seq = chain.position().seq;
      HANSA_CHECK(check_hash(options, audit, seq, verdict.hash));
      if (seq < audit.from || seq > audit.to) continue;
      auto& entry = seen.emplace_back(SeenEntry{seq, verdict.hash, {}});
      if (!entry.payload.ParseFromArray(verdict.payload.data(),
                                        static_cast<int>(verdict.payload.size()))) {
        return fail(not_committed(options, seq, "is nothing that can be read"));
      }
    }
    if (read.next <= chain.position().next_offset && read.records.empty()) break;
    chain.skip_to(read.next);
  }
  if (chain.position().seq < audit.committed()) {
    return fail(not_committed(options, chain.position().seq + 1,
                              "is missing, or does not follow the one before it; the share "
                              "ledger is committed to entries up to " +
                                  std::to_string(audit.committed())));
  }
  return seen;
}

std::string entry_json(const SeenEntry& entry, const Commitment* commitment) {
  std::string events;
  for (const auto& event : entry.payload.events()) {
    events += (events.empty() ? "" : ",") + json_text(event_name(event));
  }
  std::string payload;
  append_json(payload, entry.payload, v1::SENSITIVE);
  return "{\"seq\":" + json_text(std::to_string(entry.seq)) + ",\"time\":" +
         json_text(time_text(entry.payload.time_us())) + ",\"sha256\":" +
         json_text(to_hex(entry.hash)) + ",\"events\":[" + events + "],\"committed_by\":" +
         (commitment == nullptr ? "null" : json_text(std::to_string(commitment->share_seq))) +
         ",\"payload\":" + payload + "}";
}

std::string entry_line(const SeenEntry& entry, const Commitment* commitment) {
  std::string line = std::to_string(entry.seq) + "  " + time_text(entry.payload.time_us()) + "  ";
  for (int i = 0; i < entry.payload.events_size(); ++i) {
    line += (i == 0 ? "" : ", ") + event_name(entry.payload.events(i));
  }
  if (entry.payload.events().empty()) line += "no event";
  return line + (commitment == nullptr
                     ? "  uncommitted"
                     : "  committed by entry " + std::to_string(commitment->share_seq));
}

int audit_range(const AuditOptions& options, const Audit& audit, Records& records) {
  const auto seen = read_range(options, audit, records);
  if (!seen) {
    const bool can_come_back = exit_code(seen.error().code) == kExitUnavailable;
    return can_come_back ? report(seen.error()) : refuted(seen.error());
  }
  for (const auto& entry : *seen) {
    const auto made = audit.within.lower_bound(entry.seq);
    const auto* commitment = made == audit.within.end() ? nullptr : &made->second;
    print_line(options.json ? entry_json(entry, commitment) : entry_line(entry, commitment));
  }
  if (seen->size() < audit.to - audit.from + 1) {
    say("entries from " + std::to_string(audit.from + seen->size()) + " on are not there yet");
  }
  const Seq committed = std::min(audit.committed(), audit.to);
  if (committed < audit.from) {
    say("uncommitted: the share ledger tells of no entry of the range yet");
  } else {
    say("entries " + std::to_string(audit.from) + " to " + std::to_string(committed) +
        " are those that " + head_text(audit.share));
    if (committed < audit.to) {
      say("uncommitted: what follows entry " + std::to_string(committed));
    }
  }
  return kExitOk;
}

int run_audit(const AuditOptions& options) {
  const auto ledger = LedgerId::parse(options.ledger);
  Seq from = 0;
  Seq to = 0;
  if (!ledger || ledger->kind != kCityKind || !parse_range(options.range, from, to)) {
    return usage("expected a city's ledger and a range, like `city/wuxi 120..240`, got `" +
                 options.ledger + " " + options.range + "`");
  }
  const auto source =
      trusted_source(options.trust, options.alliance, ledger->id, options.folder);
  if (!source) return report(source.error());
  const auto audit = commitments(options, *source, ledger->id, from, to);
  if (!audit) return refuted(audit.error());
  return on_ledger(options, [&](Records& records, const LedgerId&, const FoundingId&) {
    return audit_range(options, *audit, records);
  });
}

}  // namespace

void add_audit(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand(
      "audit", "A city's private entries, and that they are those its share commits to");
  auto options = std::make_shared<AuditOptions>();
  verb->add_option("LEDGER", options->ledger, "The city's ledger, like city/wuxi")->required();
  verb->add_option("RANGE", options->range, "Its entries, like 120..240")->required();
  verb->add_option("--alliance", options->alliance, "To whom it shares")->required();
  verb->add_option("--evidence", options->folder,
                   "A folder with copies of the logs of alliance and share (`hansa tlog copy`)")
      ->required();
  add_trust(*verb, options->trust);
  add_records_source(*verb, *options);
  verb->add_flag("--json", options->json,
                 "One JSON object an entry, with its payload but for personal texts");
  set_example(*verb,
              "  hansa demo --once --cities 2 --days 1 --data demo-data\n"
              "  hansa tlog copy --data demo-data --ledger alliance/delta --ledger "
              "share/delta/wuxi --out evidence\n"
              "  hansa audit city/wuxi 5..12 --alliance delta --evidence evidence "
              "--alliance-key evidence/tlog/alliance/delta/vkey --data demo-data");
  verb->callback([&chosen, options] { chosen.run = [options] { return run_audit(*options); }; });
}

}  // namespace hansa::ops
