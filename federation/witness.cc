#include "federation/witness.h"

#include <algorithm>
#include <charconv>

#include "core/base/hash.h"
#include "core/city/peers.h"
#include "federation/system_command.h"

namespace hansa::federation {

using projections::Keeper;
using projections::Snapshot;

namespace {

constexpr int64_t kShownUsMax = 5'000'000;
constexpr std::string_view kOld = "old ";

Error bad_request(const std::string& what) {
  return {Errc::kBadRequest, "a request to a witness is `old <size>`, at most 63 hashes in base64, "
                             "an empty line and the checkpoint; " + what};
}

std::optional<Seq> parse_size(std::string_view text) {
  Seq size = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), size);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (std::to_string(size) != text) return std::nullopt;
  return size;
}

}  // namespace

std::string request_text(const WitnessRequest& request) {
  std::string text(kOld);
  text += std::to_string(request.old_size) + "\n";
  for (const auto& hash : request.proof) text += tree_hash_text(hash) + "\n";
  return text + "\n" + request.note;
}

Result<WitnessRequest> parse_witness_request(std::string_view body) {
  if (body.size() > kWitnessBodyBytesMax) return fail(bad_request("it has too many bytes"));
  WitnessRequest request;
  for (bool is_first = true;; is_first = false) {
    const auto end = body.find('\n');
    if (end == std::string_view::npos) return fail(bad_request("it ends too early"));
    const auto line = body.substr(0, end);
    body.remove_prefix(end + 1);
    if (is_first) {
      const auto size = line.starts_with(kOld) ? parse_size(line.substr(kOld.size()))
                                               : std::nullopt;
      if (!size) return fail(bad_request("its first line is another"));
      request.old_size = *size;
      continue;
    }
    if (line.empty()) break;
    const auto hash = parse_tree_hash(line);
    if (!hash || request.proof.size() == kWitnessProofHashesMax) {
      return fail(bad_request("a line of its proof is no hash, or one too many"));
    }
    request.proof.push_back(*hash);
  }
  request.note = body;
  return request;
}

Result<std::vector<v1::Member>> peers_of(const Snapshot& rows, const std::string& alliance) {
  std::vector<v1::Member> peers;
  const std::string first = stored_key(kMemberTable.id, peer_prefix(alliance));
  bool readable = true;
  HANSA_CHECK(rows.scan(first, first + "\xff", [&](std::string_view, std::string_view value) {
    readable = peers.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()));
    return readable;
  }));
  if (!readable) return fail(Errc::kBadFile, "a stored row cannot be read");
  return peers;
}

Witness::Witness(const std::shared_ptr<projections::Keeper>& keeper, std::string seed)
    : keeper_(keeper),
      city_(keeper->config().ledger.id),
      seed_(std::move(seed)),
      key_{witness_name(city_, to_hex(keeper->config().founding_id)),
           NoteKeyType::kCosignature, public_key_of(seed_)} {}

// The rows as they are once all that has landed is in them, and what an answer was seen at: the
// keeper answers before it says how far it is.
void Witness::shown(Seq answered_at, Keeper::Shown then) const {
  const auto keeper = keeper_.lock();
  if (keeper == nullptr) return then(fail(Errc::kUnavailable, "the city is closed"));
  keeper->wait_for(std::max(answered_at, keeper->health().landed_seq), kShownUsMax,
                   std::move(then));
}

// A ledger that was restored asks what it may not sign again: what another node of this city
// cosigned a moment ago counts.
void Witness::shown_to_end(Keeper::Shown then) const {
  const auto keeper = keeper_.lock();
  if (keeper == nullptr) return then(fail(Errc::kUnavailable, "the city is closed"));
  keeper->wait_for_end(kShownUsMax, std::move(then));
}

// Nothing was cosigned where a fork is all that is known.
std::optional<Note> Witness::cosigned_note(const v1::Witnessed& row) const {
  if (row.size() == 0) return std::nullopt;
  auto note = parse_note(row.note()).value_or(Note());
  note.signatures.push_back(cosignature_of(row, key_.name, seed_));
  return note;
}

void Witness::add_checkpoint(const WitnessRequest& request, Cosigned cosigned) const {
  auto command = std::make_unique<v1::CosignCheckpoint>();
  command->set_city(city_);
  command->set_old_size(request.old_size);
  command->set_note(request.note);
  for (const auto& hash : request.proof) command->add_proof(std::string(hash.view()));
  const auto note = parse_note(request.note);
  const auto read = note ? read_ledger_note(*note) : Result<LedgerCheckpoint>(fail(note.error()));
  if (!read) return cosigned(fail(read.error()));
  const auto keeper = keeper_.lock();
  if (keeper == nullptr) return cosigned(fail(Errc::kUnavailable, "the city is closed"));
  auto submission = system_command("witness", std::move(command));
  submission.is_asked = true;
  keeper->submit(std::move(submission),
                  [self = *this, cosigned = std::move(cosigned), text = note->text,
                   ledger = read->ledger.text()](Result<v1::Receipt> receipt) mutable {
    if (!receipt && receipt.error().code == Errc::kOtherSize) {
      return self.answer_size(ledger, receipt.error(), std::move(cosigned));
    }
    if (!receipt) return cosigned(fail(receipt.error()));
    if (receipt->state() == "forked") {
      return cosigned(fail(Errc::kForkFound, ledger + " has signed another tree of this size; "
                                                 "both checkpoints stand in this city's ledger"));
    }
    if (receipt->entry_sha256().empty()) {
      return self.answer_again(ledger, receipt->seq(), std::move(cosigned));
    }
    cosigned(cosign_note(self.key_.name, self.seed_, text, receipt->time_us() / 1'000'000));
  });
}

// What was cosigned before is cosigned as it was.
void Witness::answer_again(const std::string& ledger, Seq answered_at, Cosigned cosigned) const {
  shown(answered_at, [self = *this, ledger, cosigned = std::move(cosigned)](auto rows) {
    if (!rows) return cosigned(fail(rows.error()));
    const auto row = (*rows)->find(kWitnessedTable, ledger);
    if (!row || !*row) return cosigned(fail(Errc::kUnavailable, "its rows cannot be read"));
    cosigned(cosignature_of(**row, self.key_.name, self.seed_));
  });
}

void Witness::answer_size(const std::string& ledger, Error error, Cosigned cosigned) const {
  const Seq answered_at = error.seq;
  shown(answered_at, [ledger, error = std::move(error),
                      cosigned = std::move(cosigned)](auto rows) mutable {
    if (!rows) return cosigned(fail(rows.error()));
    const auto row = (*rows)->find(kWitnessedTable, ledger);
    if (!row) return cosigned(fail(row.error()));
    error.seq = *row ? (*row)->size() : 0;
    cosigned(fail(std::move(error)));
  });
}

void Witness::newest(const std::string& ledger, NewestCosigned answer) const {
  shown_to_end([self = *this, ledger, answer = std::move(answer)](auto rows) {
    if (!rows) return answer(fail(rows.error()));
    const auto row = (*rows)->find(kWitnessedTable, ledger);
    if (!row) return answer(fail(row.error()));
    answer(*row ? self.cosigned_note(**row) : std::nullopt);
  });
}

void Witness::newest_by_hash(const std::string& origin_sha256, NewestCosigned answer) const {
  shown_to_end([self = *this, origin_sha256, answer = std::move(answer)](auto rows) {
    if (!rows) return answer(fail(rows.error()));
    std::optional<Note> found;
    const auto scanned = (*rows)->scan(
        stored_key(kWitnessedTable.id, ""), stored_key(kWitnessedTable.id, "\xff"),
        [&](std::string_view, std::string_view value) {
          v1::Witnessed row;
          if (row.ParseFromArray(value.data(), static_cast<int>(value.size())) &&
              to_hex(sha256(row.origin())) == origin_sha256) {
            found = self.cosigned_note(row);
          }
          return !found;
        });
    if (!scanned) return answer(fail(scanned.error()));
    answer(std::move(found));
  });
}

}  // namespace hansa::federation
