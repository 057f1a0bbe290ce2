#include "ops/inbox.h"

#include <algorithm>
#include <future>

#include "core/base/hash.h"
#include "ops/json_log.h"
#include "ops/system_env.h"

namespace hansa::ops {
namespace {

using projections::InputStep;

constexpr int kReadMs = 100;
constexpr std::chrono::milliseconds kPause{200};
constexpr int64_t kShownUs = 5'000'000;

// Whether the same may go well later; everything else becomes a dead letter.
bool passes(const Error& error) {
  const Retry retry = error_info(error.code).retry;
  return retry == Retry::kLater || retry == Retry::kSameId || error.code == Errc::kLedgerStopped;
}

}  // namespace

Inbox::Inbox(Plan plan) : plan_(std::move(plan)) {
  health_.topic = plan_.settings.topic;
  thread_ = std::thread([this] { run(); });
}

Inbox::~Inbox() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

InboxHealth Inbox::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void Inbox::run() {
  while (true) {
    const bool leads = plan_.door->keeper().health().lead == projections::Lead::kHere;
    const Result<void> result = leads ? turn() : Result<void>();
    if (!leads || !result) {
      resumed_ = false;
      letters_seen_ = 0;
    }
    std::unique_lock lock(mutex_);
    const bool is_news = !result && (!health_.waits || health_.waits->code != result.error().code);
    if (is_news) {
      JsonLine(LogLevel::kWarning, "inbox_waits")
          .field("topic", plan_.settings.topic)
          .field("code", error_info(result.error().code).name)
          .field("detail", result.error().detail);
    }
    health_.waits = result ? std::nullopt : std::optional(result.error());
    health_.taken = consumed_;
    if (leads && result && !stopping_) continue;
    if (changed_.wait_for(lock, kPause, [this] { return stopping_; })) return;
  }
}

Result<void> Inbox::turn() {
  if (!resumed_) HANSA_CHECK(resume());
  HANSA_CHECK(take_letters());
  if (plan_.letters->is_full()) {
    return fail(Errc::kLimitReached, std::to_string(kOpenLettersMax) +
                                         " dead letters are open; retry or drop some");
  }
  HANSA_TRY(const auto records, reader_->read(kBatchRecords, kReadMs));
  HANSA_CHECK(take(records));
  return advance_if_due();
}

// ---- where it stands

Offset Inbox::committed() const {
  std::promise<Result<std::shared_ptr<const projections::Snapshot>>> shown;
  auto& keeper = plan_.door->keeper();
  keeper.wait_for(keeper.health().landed_seq, kShownUs,
                  [&](auto snapshot) { shown.set_value(std::move(snapshot)); });
  const auto snapshot = shown.get_future().get();
  if (!snapshot) return written_;
  const auto row = (*snapshot)->find(kInputTable, plan_.settings.topic);
  return row && *row ? (*row)->next_offset() : 0;
}

Result<void> Inbox::resume() {
  if (reader_ == nullptr) {
    HANSA_TRY(reader_, streams::RecordReader::open(plan_.kafka, plan_.settings.topic));
  }
  HANSA_TRY(const auto range, reader_->range());
  written_ = committed();
  consumed_ = written_ == 0 ? range.first : written_;
  if (consumed_ < range.first || consumed_ > range.end) {
    return fail(Errc::kLogBehind,
                plan_.settings.topic + " holds offsets " + std::to_string(range.first) + " to " +
                    std::to_string(range.end) + ", " + plan_.settings.ledger.text() +
                    " has taken it to " + std::to_string(consumed_) +
                    ": records were lost, or the topic was replaced. Nothing more is taken of it; "
                    "name a new topic");
  }
  HANSA_CHECK(reader_->seek(consumed_));
  advanced_us_ = monotonic_us();
  resumed_ = true;
  return {};
}

Result<void> Inbox::advance_if_due() {
  const bool due = letter_waits_ || consumed_ >= written_ + kAdvanceRecords ||
                   monotonic_us() - advanced_us_ >= kAdvanceUs;
  if (!due) return {};
  advanced_us_ = monotonic_us();
  letter_waits_ = false;
  if (consumed_ <= written_) return {};
  std::promise<Result<v1::Receipt>> moved;
  plan_.door->advance_input(plan_.settings.actor,
                            InputStep{plan_.settings.topic, written_, consumed_},
                            [&](Result<v1::Receipt> receipt) { moved.set_value(receipt); });
  if (auto receipt = moved.get_future().get(); !receipt) return fail(receipt.error());
  written_ = consumed_;
  return {};
}

// ---- records

std::string Inbox::key_mac(const streams::KafkaRecord& record) const {
  return record.key.empty() ? "" : plan_.door->keeper().request_mac("inbox key " + record.key);
}

Result<void> Inbox::take(const std::vector<streams::KafkaRecord>& records) {
  for (size_t at = 0; at < records.size();) {
    const size_t sent = send(records, at);
    if (sent > 0) {
      HANSA_TRY(at, settle(records, at, sent));
      continue;
    }
    // One that cannot be sent: it is a letter already (whoever led before did not come to write the
    // position), waits behind another of its key, or cannot be read.
    const auto& record = records[at];
    if (is_letter(record)) {
      consumed_ = records[at++].offset + 1;
      continue;
    }
    if (plan_.letters->holds_key(plan_.settings.topic, key_mac(record))) {
      HANSA_CHECK(bury(record, {Errc::kWrongState, "an earlier record of its key waits"}, true));
    } else {
      const auto read = read_inbox_record(record, plan_.settings, *plan_.keyring);
      HANSA_CHECK(bury(record, read.error(), false));
    }
    consumed_ = records[at++].offset + 1;
  }
  return {};
}

bool Inbox::is_letter(const streams::KafkaRecord& record) const {
  v1::DeadLetter letter;
  letter.set_topic(plan_.settings.topic);
  letter.set_offset(record.offset);
  return plan_.letters->find(letter_id(letter)).has_value();
}

// Sends commands from `from` on, each on the position that the one before makes; answers how many.
size_t Inbox::send(const std::vector<streams::KafkaRecord>& records, size_t from) {
  outcomes_.assign(records.size() - from, fail(Errc::kUnavailable, "not sent"));
  Offset position = written_;
  size_t sent = 0;
  for (; from + sent < records.size(); ++sent) {
    const auto& record = records[from + sent];
    if (is_letter(record)) break;
    if (plan_.letters->holds_key(plan_.settings.topic, key_mac(record))) break;
    auto command = read_inbox_record(record, plan_.settings, *plan_.keyring);
    if (!command) break;
    {
      const std::lock_guard lock(mutex_);
      ++open_;
    }
    plan_.door->enter_input(*command->method, std::move(command->request), plan_.settings.actor,
                            command->id,
                            InputStep{plan_.settings.topic, position, record.offset + 1},
                            [this, index = sent](Result<v1::Receipt> receipt) {
                              const std::lock_guard lock(mutex_);
                              outcomes_[index] = std::move(receipt);
                              if (--open_ == 0) changed_.notify_all();
                            });
    position = record.offset + 1;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return open_ == 0; });
  return sent;
}

// What became of them, in order, up to the first that moved no position: those behind it go again.
Result<size_t> Inbox::settle(const std::vector<streams::KafkaRecord>& records, size_t from,
                             size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const auto& record = records[from + i];
    const auto& outcome = outcomes_[i];
    if (!outcome && passes(outcome.error())) return fail(outcome.error());
    if (!outcome) HANSA_CHECK(bury(record, outcome.error(), false));
    consumed_ = record.offset + 1;
    const bool moved = outcome && !outcome->entry_sha256().empty();
    if (!moved) return from + i + 1;
    written_ = record.offset + 1;
  }
  return from + count;
}

Result<void> Inbox::bury(const streams::KafkaRecord& record, const Error& reason, bool is_parked) {
  return plan_.letters->put(plan_.settings.topic, record, key_mac(record), reason, is_parked);
}

// ---- letters that are taken again

// In order of offsets: what somebody asked for, and what waited behind a letter that is gone.
Result<void> Inbox::take_letters() {
  plan_.letters->forget_old_days();
  const uint64_t version = plan_.letters->version();
  if (letters_seen_ == version) return {};
  std::vector<std::string> keys_waiting;
  for (const auto& letter : plan_.letters->list()) {
    if (letter.topic() != plan_.settings.topic) continue;
    const bool is_first = letter.key_mac().empty() ||
                          std::find(keys_waiting.begin(), keys_waiting.end(), letter.key_mac()) ==
                              keys_waiting.end();
    const bool goes_on = letter.reason() == kParked && letter.retry_time_us() == 0;
    // A record before which the position stands could be read, and taken, once more.
    const bool is_behind = letter.offset() < written_;
    if (!is_behind) {
      letter_waits_ = letter_waits_ || (is_first && (goes_on || letter.retry_time_us() > 0));
    } else if (is_first && goes_on) {
      HANSA_TRY(const auto asked, plan_.letters->ask_retry(letter_id(letter)));
      HANSA_CHECK(retry(asked));
    } else if (is_first && letter.retry_time_us() > 0) {
      HANSA_CHECK(retry(letter));
    }
    if (plan_.letters->find(letter_id(letter))) keys_waiting.push_back(letter.key_mac());
  }
  letters_seen_ = letter_waits_ ? 0 : version;
  return {};
}

// The id follows from the letter and the moment of its last refusal: whoever leads, and however
// often it is asked for, it is taken once.
Result<void> Inbox::retry(const v1::DeadLetter& letter) {
  const auto opened = plan_.letters->open_letter(letter);
  // After its 30 days nobody can read it any more.
  if (!opened) return finish(letter);
  streams::KafkaRecord record;
  record.value = opened->value;
  auto command = read_inbox_record(record, plan_.settings, *plan_.keyring);
  if (!command) return plan_.letters->rewrite(letter, command.error());
  const Hash hash = sha256(letter.topic() + "/" + std::to_string(letter.offset()));
  std::array<uint8_t, 10> bytes{};
  std::copy_n(hash.bytes.begin(), bytes.size(), bytes.begin());
  const CommandId id =
      command->id ? *command->id : make_uuid_v7(letter.time_us() / 1'000, bytes);
  std::promise<Result<v1::Receipt>> answered;
  plan_.door->enter_input(*command->method, std::move(command->request), plan_.settings.actor, id,
                          std::nullopt,
                          [&](Result<v1::Receipt> receipt) { answered.set_value(receipt); });
  const auto receipt = answered.get_future().get();
  if (!receipt && passes(receipt.error())) return fail(receipt.error());
  if (!receipt) return plan_.letters->rewrite(letter, receipt.error());
  return finish(letter);
}

Result<void> Inbox::finish(const v1::DeadLetter& letter) {
  const auto ended = plan_.letters->end(letter_id(letter));
  // Somebody dropped it meanwhile.
  if (ended || ended.error().code == Errc::kUnknownCode) return {};
  return fail(ended.error());
}

}  // namespace hansa::ops
