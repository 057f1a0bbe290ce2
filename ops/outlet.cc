#include "ops/outlet.h"

#include <charconv>
#include <chrono>
#include <utility>

#include "ops/json_log.h"
#include "ops/outlet_record.h"
#include "streams/ledger_reader.h"

namespace hansa::ops {
namespace {

constexpr std::chrono::milliseconds kFollowPause{200};
constexpr std::chrono::seconds kRetryPause{1};
constexpr int kReadMs = 5'000;

std::optional<uint64_t> number(const streams::KafkaRecord& record, const char* name) {
  const std::string* text = record.header(name);
  uint64_t value = 0;
  if (text == nullptr) return std::nullopt;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

std::optional<Hash> hash(const streams::KafkaRecord& record, const char* name) {
  const std::string* text = record.header(name);
  return text == nullptr ? std::nullopt : parse_hex<Hash>(*text);
}

}  // namespace

LedgerId outlet_topic(const LedgerId& ledger) {
  return {ledger.kind == kShareKind ? "feed" : "outlet." + ledger.kind, ledger.id};
}

Outlet::Outlet(Plan plan)
    : plan_(std::move(plan)), topic_(outlet_topic(plan_.ledger).topic()) {
  thread_ = std::thread([this] { follow(); });
}

Outlet::~Outlet() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopping_begun_.notify_all();
  thread_.join();
}

OutletHealth Outlet::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void Outlet::follow() {
  bool resumed = false;
  while (true) {
    const Result<void> result = go_on(resumed);
    std::unique_lock lock(mutex_);
    if (!result && !health_.waits) {
      JsonLine(LogLevel::kWarning, "outlet_waits")
          .field("ledger", plan_.ledger.text())
          .field("code", error_info(result.error().code).name)
          .field("detail", result.error().detail);
    }
    health_.waits = result ? std::nullopt : std::optional(result.error());
    if (result) {
      health_.given_seq = reached_.seq;
      health_.given_events = sequence_;
    } else if (streams::stops_ledger(result.error().code)) {
      return;
    }
    const std::chrono::milliseconds pause = result ? kFollowPause : kRetryPause;
    if (stopping_begun_.wait_for(lock, pause, [this] { return stopping_; })) return;
  }
}

Result<void> Outlet::go_on(bool& resumed) {
  const bool was_resumed = std::exchange(resumed, false);
  if (plan_.leads && !plan_.leads()) {
    reached_ = {};
    sequence_ = 0;
    return {};
  }
  if (!was_resumed) HANSA_CHECK(resume());
  const bool reads = !was_resumed || covered_ ||
                     plan_.log->has_more(plan_.ledger, reached_.next_offset);
  if (reads) HANSA_CHECK(give_out());
  resumed = true;
  return {};
}

Result<std::optional<streams::KafkaRecord>> Outlet::last_record() const {
  HANSA_TRY(const auto reader, streams::RecordReader::open(plan_.kafka, topic_));
  HANSA_TRY(const auto range, reader->range());
  if (range.end == range.first) return std::optional<streams::KafkaRecord>();
  HANSA_CHECK(reader->seek(range.end - 1));
  HANSA_TRY(auto records, reader->read(1, kReadMs));
  if (records.empty()) {
    return fail(Errc::kUnavailable, topic_ + ": its last record does not come; try again later");
  }
  return std::optional(std::move(records.front()));
}

// The newest record says where its entry stands; what of that entry was given out is not repeated.
Result<void> Outlet::resume() {
  batch_.clear();
  reached_ = {};
  sequence_ = events_known_ = 0;
  covered_.reset();
  HANSA_TRY(const auto last, last_record());
  if (last) {
    const auto offset = number(*last, "ce_ledgeroffset");
    const auto seq = number(*last, "ce_ledgerseq");
    const auto before = hash(*last, "ce_previoussha256");
    const auto first = number(*last, "ce_entrysequence");
    const auto sequence = number(*last, "ce_sequence");
    if (!offset || !seq || *seq == 0 || !before || !first || *first == 0 || !sequence) {
      return fail(Errc::kLogBehind, topic_ + ": its last record was not given out by this ledger; "
                                             "name an empty topic");
    }
    reached_ = {*seq - 1, *before, *offset, 0};
    sequence_ = *first - 1;
    events_known_ = *sequence;
  }
  if (plan_.keys.empty()) return {};
  covered_.emplace(*plan_.log,
                   federation::SignedReader::Source{plan_.ledger, plan_.founding_id, plan_.keys},
                   reached_);
  // Else the log may be late to see that there is something to read.
  HANSA_CHECK(plan_.log->end(plan_.ledger));
  return {};
}

Result<void> Outlet::give_out() {
  const Seq from = reached_.seq;
  HANSA_CHECK(covered_ ? read_covered() : read_all());
  const Seq known = covered_ ? covered_->known_seq() : reached_.seq;
  if (sequence_ < events_known_ && known == from) {
    return fail(Errc::kChainBroken, topic_ + ": its last record names an entry that " +
                                        plan_.ledger.text() +
                                        " does not have; it was made from another ledger");
  }
  return send();
}

Result<void> Outlet::read_all() {
  v1::Payload payload;
  streams::LedgerVisitor visitor;
  visitor.valid = [&](Seq seq, Offset offset, const Hash& hash,
                      std::string_view value) -> Result<void> {
    const auto bytes = payload_of(value);
    if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return fail(Errc::kUpgradeNeeded, "entry " + std::to_string(seq) + " of " +
                                            plan_.ledger.text() +
                                            " cannot be read by this binary; install a newer one");
    }
    return take(seq, offset, hash, payload);
  };
  HANSA_TRY(reached_, streams::read_ledger(*plan_.log, plan_.ledger, plan_.founding_id, reached_,
                                           visitor));
  return {};
}

Result<void> Outlet::read_covered() {
  while (true) {
    HANSA_TRY(const auto entries, covered_->read());
    if (entries.empty()) return {};
    for (const auto& entry : entries) {
      HANSA_CHECK(take(entry.seq, entry.next_offset - 1, entry.hash, entry.payload));
    }
  }
}

Result<void> Outlet::take(Seq seq, Offset offset, const Hash& hash, const v1::Payload& payload) {
  const uint64_t first = sequence_ + 1;
  HANSA_TRY(auto records, outlet_records(plan_.ledger, seq, payload));
  for (auto& record : records) {
    if (++sequence_ <= events_known_) continue;
    record.headers.insert(record.headers.end(),
                          {{"ce_sequence", std::to_string(sequence_)},
                           {"ce_ledgerseq", std::to_string(seq)},
                           {"ce_ledgeroffset", std::to_string(offset)},
                           {"ce_entrysequence", std::to_string(first)},
                           {"ce_previoussha256", to_hex(reached_.tip)}});
    batch_.push_back(std::move(record));
  }
  reached_ = {seq, hash, offset + 1, 0};
  return batch_.size() < kOutletEvents ? Result<void>() : send();
}

Result<void> Outlet::send() {
  if (batch_.empty()) return {};
  if (writer_ == nullptr) {
    HANSA_TRY(writer_, streams::RecordWriter::open(plan_.kafka));
  }
  if (auto sent = writer_->send(topic_, batch_); !sent) return fail(std::move(sent).error());
  batch_.clear();
  const std::lock_guard lock(mutex_);
  health_.given_seq = reached_.seq;
  health_.given_events = sequence_;
  return {};
}

}  // namespace hansa::ops
