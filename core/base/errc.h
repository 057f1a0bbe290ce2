// The closed list of everything that can go wrong, with its retry class and its HTTP status.
//
// Shape:   one row per code in kErrorTable: stable name (what callers see and store), HTTP status,
//          retry class, and one sentence that `hansa error CODE` prints.
// Errors:  none; the look-ups are total over Errc, find_errc() answers nullopt for a foreign name.
// Threads: immutable data, free for all.
// Source:  SPEC §2; the retry classes follow the habit of canonical status codes: say what the
//          caller should do next, not only what went wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hansa {

// What a caller does about an error:
//   kNever        this request can never succeed as it is;
//   kAfterChange  succeeds once the state, or the request, has changed;
//   kLater        the same request may succeed after a pause;
//   kSameId       the outcome is not known: ask again with the same command id;
//   kUpgrade      this binary is too old for the request or the ledger.
enum class Retry : uint8_t { kNever, kAfterChange, kLater, kSameId, kUpgrade };

enum class Errc : uint8_t {
  // The request itself.
  kBadRequest,
  kBadIdempotencyKey,
  kTextTooLong,
  kBadPoint,
  kTimesBackwards,
  kTooLarge,
  kHeaderTooLarge,
  kRequestTimeout,
  kMethodNotAllowed,
  kUnsupportedMediaType,
  kUnknownField,
  kUnknownEvent,
  kNotShareable,
  // Who asks.
  kUnauthenticated,
  kForbidden,
  kWrongGrid,
  kWrongUnit,
  kNotReporter,
  // What is named does not exist.
  kUnknownRoute,
  kUnknownCity,
  kUnknownCase,
  kUnknownUnit,
  kUnknownService,
  kUnknownPlace,
  kUnknownPerson,
  kUnknownPolicy,
  kUnknownMetric,
  kUnknownSource,
  kUnknownCode,
  kUnknownAlliance,
  kUnknownMember,
  kUnknownAgreement,
  kUnknownCampaign,
  kUnknownFinding,
  kUnknownHandover,
  // State of the thing named.
  kWrongState,
  kOwnWorkCheck,
  kAlreadyRated,
  kAlreadyReopened,
  kReopenWindowClosed,
  kAlreadyExists,
  kPeriodClosed,
  kMergeCycle,
  kIdempotencyMismatch,
  kSourceConflict,
  kAgreementDiffers,
  kPersonErased,
  kLimitReached,
  // The system.
  kRateLimited,
  kUnavailable,
  kNotYet,
  kUnknownOutcome,
  kLedgerStopped,
  kUpgradeNeeded,
  kInternal,
  // Files, logs and start-up (command line only).
  kBadConfig,
  kBadFile,
  kDataInUse,
  kChainBroken,
  kLogBehind,
  kLogConflict,
  kDigestDiffers,
  // What another ledger shows (federation); its input is quarantined.
  kBadSignature,
  kForkFound,
  kForeignEntry,
  // Evidence: what a witness or a verifier is shown.
  kUnknownLog,
  kOtherSize,
  kBadProof,
  kDoesNotFollow,
  kTooFew,
};

struct ErrorInfo {
  Errc code;
  std::string_view name;
  int http_status;
  Retry retry;
  std::string_view meaning;  // one sentence for a person: what it means and what to do
};

std::span<const ErrorInfo> error_table();
const ErrorInfo& error_info(Errc code);
std::optional<Errc> find_errc(std::string_view name);
std::string_view retry_name(Retry retry);

}  // namespace hansa
