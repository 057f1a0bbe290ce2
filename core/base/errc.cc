#include "core/base/errc.h"

#include <array>

#include "core/base/assert.h"

namespace hansa {
namespace {

using enum Errc;
using enum Retry;

constexpr std::array kErrorTable = {
    ErrorInfo{kBadRequest, "bad_request", 400, kNever,
              "The request cannot be read or breaks its declared form; mend the field that "
              "`pointer` names."},
    ErrorInfo{kBadIdempotencyKey, "bad_idempotency_key", 400, kAfterChange,
              "The header Idempotency-Key must be a UUID of version 7 whose time lies within the "
              "last 48 hours and at most 5 minutes ahead; make a new one."},
    ErrorInfo{kTextTooLong, "text_too_long", 400, kAfterChange,
              "A text is longer than its field allows; shorten it."},
    ErrorInfo{kBadPoint, "bad_point", 400, kAfterChange,
              "The point is not a place on Earth in degrees (latitude -90..90, longitude "
              "-180..180, WGS84); correct it or leave it out."},
    ErrorInfo{kTimesBackwards, "times_backwards", 400, kAfterChange,
              "A later step is dated before an earlier one, or in the future; correct the times."},
    ErrorInfo{kTooLarge, "too_large", 413, kNever,
              "The request or the entry it would make is over its size limit; split it."},
    ErrorInfo{kHeaderTooLarge, "header_too_large", 431, kNever,
              "The request's headers are over the limit of 8 KiB; send fewer."},
    ErrorInfo{kRequestTimeout, "request_timeout", 408, kLater,
              "The request did not arrive whole within the time limit; send it again."},
    ErrorInfo{kMethodNotAllowed, "method_not_allowed", 405, kNever,
              "The address exists, but not for this HTTP method; see `Allow` in the answer."},
    ErrorInfo{kUnsupportedMediaType, "unsupported_media_type", 415, kNever,
              "The body must be application/json (application/x-ndjson for batches)."},
    ErrorInfo{kUnknownField, "unknown_field", 400, kNever,
              "The body has a field that this method does not know; see /openapi.json."},
    ErrorInfo{kUnknownEvent, "unknown_event", 400, kAfterChange,
              "No event of a city, or no field of that event, has this name; `hansa agreement "
              "check` lists what there is."},
    ErrorInfo{kNotShareable, "not_shareable", 400, kAfterChange,
              "The field's data class does not allow it to leave its city under this grant."},
    ErrorInfo{kUnauthenticated, "unauthenticated", 401, kAfterChange,
              "No valid credentials came with the request; send `Authorization: Bearer <key>`."},
    ErrorInfo{kForbidden, "forbidden", 403, kAfterChange,
              "The caller's roles or cities do not permit this method; ask the city's "
              "administrator for the role that `detail` names."},
    ErrorInfo{kWrongGrid, "wrong_grid", 403, kAfterChange,
              "The case lies outside the part of the grid that the caller is responsible for."},
    ErrorInfo{kWrongUnit, "wrong_unit", 403, kAfterChange,
              "Only the unit that leads the case may do this."},
    ErrorInfo{kNotReporter, "not_reporter", 403, kNever,
              "Only the person who reported the case, or the hotline for them, may do this."},
    ErrorInfo{kUnknownRoute, "unknown_route", 404, kNever,
              "There is nothing at this address; /openapi.json lists all addresses."},
    ErrorInfo{kUnknownCity, "unknown_city", 404, kNever,
              "This server hosts no city of that id, or the city is not founded yet."},
    ErrorInfo{kUnknownCase, "unknown_case", 404, kNever,
              "The city has no case of that id."},
    ErrorInfo{kUnknownUnit, "unknown_unit", 404, kAfterChange,
              "The city has defined no unit of that id; define it first or correct the id."},
    ErrorInfo{kUnknownService, "unknown_service", 404, kAfterChange,
              "The city has defined no service of that id; define it first or correct the id."},
    ErrorInfo{kUnknownPlace, "unknown_place", 404, kAfterChange,
              "The place is not in the city's grid or lies outside its boundary."},
    ErrorInfo{kUnknownPerson, "unknown_person", 404, kNever,
              "The city knows no person of that id."},
    ErrorInfo{kUnknownPolicy, "unknown_policy", 404, kNever,
              "The policy catalogue has no value of that name; see `hansa policy list`."},
    ErrorInfo{kUnknownMetric, "unknown_metric", 404, kNever,
              "The catalogue has no figure of that name; see `hansa metrics --list`."},
    ErrorInfo{kUnknownSource, "unknown_source", 404, kAfterChange,
              "The city has not connected this class of source; connect it first."},
    ErrorInfo{kUnknownCode, "unknown_code", 404, kNever,
              "No error has this code; `hansa error` lists all codes."},
    ErrorInfo{kUnknownAlliance, "unknown_alliance", 404, kNever,
              "This server hosts no alliance of that id, or the alliance is not founded yet."},
    ErrorInfo{kUnknownMember, "unknown_member", 404, kAfterChange,
              "The alliance has admitted no city of that id; admit it first or correct the id."},
    ErrorInfo{kUnknownAgreement, "unknown_agreement", 404, kAfterChange,
              "The alliance's agreement has no version of that number."},
    ErrorInfo{kUnknownCampaign, "unknown_campaign", 404, kAfterChange,
              "The alliance has proposed no campaign of that id, or this city has not heard of it "
              "yet."},
    ErrorInfo{kUnknownFinding, "unknown_finding", 404, kAfterChange,
              "The alliance has raised no finding of that id, or none that concerns this city as "
              "far as it has heard."},
    ErrorInfo{kUnknownHandover, "unknown_handover", 404, kAfterChange,
              "No case was offered under that name by that city, as far as is heard here."},
    ErrorInfo{kWrongState, "wrong_state", 409, kAfterChange,
              "What is named is in a state in which this command is not possible; read it again."},
    ErrorInfo{kOwnWorkCheck, "own_work_check", 409, kAfterChange,
              "Work must be checked by another person of another unit than the one that did it."},
    ErrorInfo{kAlreadyRated, "already_rated", 409, kAfterChange,
              "The reporter has already rated this closure; one closure is rated once."},
    ErrorInfo{kAlreadyReopened, "already_reopened", 409, kNever,
              "The case was reopened once already; report the problem anew."},
    ErrorInfo{kReopenWindowClosed, "reopen_window_closed", 409, kNever,
              "The case was closed too long ago to be reopened; report the problem anew."},
    ErrorInfo{kAlreadyExists, "already_exists", 409, kNever,
              "The thing exists already with other content."},
    ErrorInfo{kPeriodClosed, "period_closed", 409, kAfterChange,
              "The period is closed; what comes late goes into a correction."},
    ErrorInfo{kMergeCycle, "merge_cycle", 409, kAfterChange,
              "A case cannot be merged into itself or into a case that is itself merged."},
    ErrorInfo{kIdempotencyMismatch, "idempotency_mismatch", 409, kAfterChange,
              "This Idempotency-Key was used for another request; make a new key."},
    ErrorInfo{kSourceConflict, "source_conflict", 409, kAfterChange,
              "The source's id was imported before with other content; the first one stays."},
    ErrorInfo{kAgreementDiffers, "agreement_differs", 409, kAfterChange,
              "The SHA-256 is not that of the version named; read it again before ratifying."},
    ErrorInfo{kPersonErased, "person_erased", 409, kNever,
              "The person's data was erased; nothing can be recorded or read for them."},
    ErrorInfo{kLimitReached, "limit_reached", 409, kAfterChange,
              "A limit on how many of a thing may exist is reached; `detail` names it."},
    ErrorInfo{kRateLimited, "rate_limited", 429, kLater,
              "Too many requests from this caller; wait as long as Retry-After says."},
    ErrorInfo{kUnavailable, "unavailable", 503, kLater,
              "The ledger cannot be written at the moment; nothing was done, try again later."},
    ErrorInfo{kNotYet, "not_yet", 503, kLater,
              "The projection has not reached the asked-for position in time; try again."},
    ErrorInfo{kUnknownOutcome, "unknown_outcome", 504, kSameId,
              "It is not known whether the command was recorded; send it again with the same "
              "Idempotency-Key to learn it."},
    ErrorInfo{kLedgerStopped, "ledger_stopped", 503, kNever,
              "This ledger is stopped because its data contradicts itself; an operator must act."},
    ErrorInfo{kUpgradeNeeded, "upgrade_needed", 503, kUpgrade,
              "The ledger or the request needs a newer binary than this one."},
    ErrorInfo{kInternal, "internal", 500, kLater,
              "A fault of this server; its log has the request id."},
    ErrorInfo{kBadConfig, "bad_config", 500, kAfterChange,
              "The configuration has a mistake; the message names file, line and what was "
              "expected."},
    ErrorInfo{kBadFile, "bad_file", 500, kAfterChange,
              "A file is missing, cannot be read, or does not have the expected form."},
    ErrorInfo{kDataInUse, "data_in_use", 500, kLater,
              "Another process works on this data folder; stop it first or use another folder."},
    ErrorInfo{kChainBroken, "chain_broken", 500, kNever,
              "An entry of the ledger is damaged or was changed; its hash does not match."},
    ErrorInfo{kLogBehind, "log_behind", 500, kNever,
              "The log ends before a position that was acknowledged; it lost entries and is not "
              "opened. Restore it from a backup."},
    ErrorInfo{kLogConflict, "log_conflict", 500, kLater,
              "The log's end is not where the writer expected it; another writer was faster."},
    ErrorInfo{kDigestDiffers, "digest_differs", 500, kNever,
              "The projection differs from the fold of its ledger; rebuild it."},
    ErrorInfo{kBadSignature, "bad_signature", 403, kNever,
              "A checkpoint, or a statement on a key, is not signed by the key that its ledger is "
              "known by; it is not taken, nor anything behind it. Ask the owner."},
    ErrorInfo{kForkFound, "fork_found", 500, kNever,
              "A ledger shows another history than it vouched for; nothing more of it is taken. "
              "Keep both and ask the owner."},
    ErrorInfo{kForeignEntry, "foreign_entry", 500, kNever,
              "An entry in the log of a ledger that others read was not made by the ledger's own "
              "nodes; the ledger stands still before it. See who may write there."},
    ErrorInfo{kUnknownLog, "unknown_log", 404, kNever,
              "This witness knows no ledger of that name: its city belongs to no such alliance, or "
              "the name has another host or founding id than before."},
    ErrorInfo{kOtherSize, "other_size", 409, kAfterChange,
              "The checkpoint does not begin where this witness stands; prove that it extends the "
              "size that is named."},
    ErrorInfo{kBadProof, "bad_proof", 422, kNever,
              "The proof does not show that the tree of the checkpoint extends the one that was "
              "cosigned before."},
    ErrorInfo{kDoesNotFollow, "does_not_follow", 422, kNever,
              "What was shared gives another value than the one that was published."},
    ErrorInfo{kTooFew, "too_few", 409, kNever,
              "Less stands behind the figure than the agreement's smallest cell; it is not "
              "published."},
};

}  // namespace

std::span<const ErrorInfo> error_table() { return kErrorTable; }

const ErrorInfo& error_info(Errc code) {
  for (const auto& row : kErrorTable) {
    if (row.code == code) return row;
  }
  HANSA_ASSERT(false, "error code without a row in the error table");
}

std::optional<Errc> find_errc(std::string_view name) {
  for (const auto& row : kErrorTable) {
    if (row.name == name) return row.code;
  }
  return std::nullopt;
}

std::string_view retry_name(Retry retry) {
  switch (retry) {
    case Retry::kNever: return "never";
    case Retry::kAfterChange: return "after_change";
    case Retry::kLater: return "later";
    case Retry::kSameId: return "same_id";
    case Retry::kUpgrade: return "upgrade";
  }
  HANSA_ASSERT(false, "retry class out of range");
}

}  // namespace hansa
