#include "ops/dead_letters.h"

#include <charconv>
#include <chrono>
#include <future>

#include "core/base/durations.h"
#include "core/base/hash.h"

namespace hansa::ops {
namespace {

constexpr size_t kReadRecords = 1'000;
constexpr int kFollowMs = 200;
constexpr std::chrono::milliseconds kRetryPause{200};
constexpr int64_t kDaysKept = 31;
// As far back as a node may have been away.
constexpr int64_t kDaysLookedBack = 90;
constexpr const char* kEvent = "DeadLetter";

// Source and offset of `<source>-<offset>`.
std::optional<std::pair<std::string, uint64_t>> place_of(const std::string& id) {
  const auto dash = id.rfind('-');
  uint64_t offset = 0;
  if (dash == std::string::npos) return std::nullopt;
  const char* const end = id.data() + id.size();
  const auto read = std::from_chars(id.data() + dash + 1, end, offset);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return std::pair(id.substr(0, dash), offset);
}

Error unknown_letter(const std::string& id) {
  return {Errc::kUnknownCode, "no dead letter `" + id.substr(0, 80) +
                                  "` is open; `hansa dead list` names those that are"};
}

}  // namespace

std::string dead_topic(const LedgerId& ledger) {
  return "hansa.dead." + ledger.kind + "." + ledger.id;
}

std::string letter_id(const v1::DeadLetter& letter) {
  return letter.topic().substr(letter.topic().rfind('.') + 1) + "-" +
         std::to_string(letter.offset());
}

DeadLetters::DeadLetters(std::string topic, projections::Keyring& keyring, Env& env)
    : topic_(std::move(topic)), keyring_(keyring), env_(env) {}

DeadLetters::~DeadLetters() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Result<std::unique_ptr<DeadLetters>> DeadLetters::open(const streams::KafkaOptions& options,
                                                       const LedgerId& ledger,
                                                       projections::Keyring& keyring, Env& env) {
  std::unique_ptr<DeadLetters> letters(new DeadLetters(dead_topic(ledger), keyring, env));
  HANSA_TRY(letters->writer_, streams::RecordWriter::open(options));
  HANSA_TRY(letters->reader_, streams::RecordReader::open(options, letters->topic_));
  HANSA_CHECK(letters->reader_->read_all(
      [&](const streams::KafkaRecord& record) { letters->apply(record); }));
  letters->thread_ = std::thread([raw = letters.get()] { raw->follow(); });
  return letters;
}

void DeadLetters::follow() {
  while (!stopping_) {
    const auto records = reader_->read(kReadRecords, kFollowMs);
    if (!records) {
      std::this_thread::sleep_for(kRetryPause);
      continue;
    }
    for (const auto& record : *records) {
      if (!is_own(record)) apply(record);
    }
  }
}

// What this node wrote was applied when it was written; its echo may be older than what is here.
bool DeadLetters::is_own(const streams::KafkaRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto found = echoes_.find(record.key);
  if (found == echoes_.end()) return false;
  if (--found->second == 0) echoes_.erase(found);
  return true;
}

void DeadLetters::apply(const streams::KafkaRecord& record) {
  const auto place = place_of(record.key);
  if (!place) return;
  v1::DeadLetter letter;
  const std::lock_guard lock(mutex_);
  if (record.value && letter.ParseFromString(*record.value)) {
    open_[*place] = std::move(letter);
  } else {
    open_.erase(*place);
  }
  ++version_;
}

// ---- what is open

std::vector<v1::DeadLetter> DeadLetters::list() const {
  std::vector<v1::DeadLetter> letters;
  const std::lock_guard lock(mutex_);
  for (const auto& [place, letter] : open_) letters.push_back(letter);
  return letters;
}

std::optional<v1::DeadLetter> DeadLetters::find(const std::string& id) const {
  const auto place = place_of(id);
  const std::lock_guard lock(mutex_);
  const auto found = place ? open_.find(*place) : open_.end();
  return found == open_.end() ? std::nullopt : std::optional(found->second);
}

bool DeadLetters::holds_key(const std::string& topic, const std::string& key_mac) const {
  if (key_mac.empty()) return false;
  const std::lock_guard lock(mutex_);
  for (const auto& [place, letter] : open_) {
    if (letter.topic() == topic && letter.key_mac() == key_mac) return true;
  }
  return false;
}

size_t DeadLetters::count() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

Result<DeadLetters::Opened> DeadLetters::open_letter(const v1::DeadLetter& letter) const {
  const auto under = parse_hex<PersonId>(letter.sealed_under());
  if (!under) return fail(Errc::kBadFile, "the letter does not say what it is sealed under");
  HANSA_TRY(auto value, keyring_.unseal({*under, kEvent, "value"}, letter.sealed_value()));
  HANSA_TRY(auto detail, keyring_.unseal({*under, kEvent, "detail"}, letter.sealed_detail()));
  return Opened{std::move(value), std::move(detail)};
}

// ---- writing

// Not a person: an id of the keyring that nobody else can have.
PersonId DeadLetters::day_key(int64_t day) const {
  const Hash hash = sha256(topic_ + " sealed on day " + std::to_string(day));
  return *PersonId::from(hash.view().substr(0, 16));
}

Result<void> DeadLetters::seal(v1::DeadLetter& letter, std::string_view value,
                               std::string_view detail) {
  const PersonId under = day_key(env_.now_us() / kDayUs);
  HANSA_CHECK(keyring_.add(under, "", ""));
  std::promise<Result<void>> durable;
  keyring_.flush([&](Result<void> done) { durable.set_value(std::move(done)); });
  HANSA_CHECK(durable.get_future().get());
  HANSA_TRY(auto sealed_value, keyring_.seal({under, kEvent, "value"}, value));
  HANSA_TRY(auto sealed_detail, keyring_.seal({under, kEvent, "detail"}, detail));
  letter.set_sealed_value(std::move(sealed_value));
  letter.set_sealed_detail(std::move(sealed_detail));
  letter.set_sealed_under(to_hex(under));
  return {};
}

Result<void> DeadLetters::write(const std::string& id, const v1::DeadLetter* letter) {
  streams::KafkaRecord record;
  record.key = id;
  if (letter != nullptr) record.value = letter->SerializeAsString();
  {
    const std::lock_guard lock(writing_);
    {
      const std::lock_guard counting(mutex_);
      ++echoes_[id];
    }
    if (auto sent = writer_->send(topic_, {record}); !sent) {
      (void)is_own(record);  // should it stand there all the same, it is taken as anybody's
      return fail(std::move(sent).error());
    }
  }
  apply(record);
  return {};
}

Result<void> DeadLetters::put(const std::string& topic, const streams::KafkaRecord& record,
                              const std::string& key_mac, const Error& reason, bool is_parked) {
  v1::DeadLetter letter;
  letter.set_topic(topic);
  letter.set_offset(record.offset);
  letter.set_key_mac(key_mac);
  letter.set_reason(is_parked ? kParked : std::string(error_info(reason.code).name));
  letter.set_pointer(reason.pointer);
  letter.set_sha256(to_hex(sha256(record.value.value_or(""))));
  letter.set_time_us(env_.now_us());
  HANSA_CHECK(seal(letter, record.value.value_or(""), reason.detail));
  return write(letter_id(letter), &letter);
}

Result<void> DeadLetters::rewrite(v1::DeadLetter letter, const Error& reason) {
  HANSA_TRY(const auto opened, open_letter(letter));
  letter.set_reason(std::string(error_info(reason.code).name));
  letter.set_pointer(reason.pointer);
  letter.set_retry_time_us(0);
  letter.set_time_us(env_.now_us());
  HANSA_CHECK(seal(letter, opened.value, reason.detail));
  return write(letter_id(letter), &letter);
}

Result<v1::DeadLetter> DeadLetters::ask_retry(const std::string& id) {
  auto letter = find(id);
  if (!letter) return fail(unknown_letter(id));
  if (letter->retry_time_us() == 0) letter->set_retry_time_us(env_.now_us());
  HANSA_CHECK(write(id, &*letter));
  return *std::move(letter);
}

Result<v1::DeadLetter> DeadLetters::end(const std::string& id) {
  auto letter = find(id);
  if (!letter) return fail(unknown_letter(id));
  HANSA_CHECK(write(id, nullptr));
  return *std::move(letter);
}

void DeadLetters::forget_old_days() {
  const int64_t today = env_.now_us() / kDayUs;
  if (forgotten_day_ == today) return;
  for (int64_t day = today - kDaysLookedBack; day <= today - kDaysKept; ++day) {
    // What cannot be destroyed now is tried again the next time.
    if (keyring_.knows(day_key(day)) && !keyring_.erase(day_key(day))) return;
  }
  // Nobody can read these any more; what waits behind them goes on.
  for (const auto& letter : list()) {
    if (letter.time_us() / kDayUs > today - kDaysKept) continue;
    if (!end(letter_id(letter))) return;
  }
  forgotten_day_ = today;
}

}  // namespace hansa::ops
