#include "ops/outlet.h"

#include <charconv>
#include <chrono>
#include <utility>

#include "core/base/schema.h"
#include "ops/json.h"
#include "ops/json_log.h"
#include "ops/time_text.h"
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

// The message inside, and the class of what it says.
struct Given {
  const google::protobuf::Message* message = nullptr;
  v1::DataClass highest = v1::PERSONAL;
};

Given given(const v1::Event& event) {
  const auto* reflection = event.GetReflection();
  const auto* field = reflection->GetOneofFieldDescriptor(
      event, v1::Event::descriptor()->FindOneofByName("event"));
  if (field == nullptr) return {};
  return {&reflection->GetMessage(event, field), data_class(*field)};
}

}  // namespace

LedgerId outlet_topic(const LedgerId& ledger) { return {"outlet." + ledger.kind, ledger.id}; }

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
    Result<void> result;
    if (!resumed) result = resume();
    const bool reads = !resumed || plan_.log->has_more(plan_.ledger, reached_.next_offset);
    if (result && reads) result = give_out();
    resumed = result.has_value();
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
  HANSA_TRY(const auto last, last_record());
  if (!last) return {};
  const auto offset = number(*last, "ce_ledgeroffset");
  const auto seq = number(*last, "ce_ledgerseq");
  const auto before = hash(*last, "ce_previoussha256");
  const auto first = number(*last, "ce_entrysequence");
  const auto sequence = number(*last, "ce_sequence");
  if (!offset || !seq || *seq == 0 || !before || !first || *first == 0 || !sequence) {
    return fail(Errc::kLogBehind,
                topic_ + ": its last record was not given out by this ledger; name an empty topic");
  }
  reached_ = {*seq - 1, *before, *offset, 0};
  sequence_ = *first - 1;
  events_known_ = *sequence;
  return {};
}

Result<void> Outlet::give_out() {
  const ChainPosition from = reached_;
  bool fits = events_known_ == 0 || sequence_ >= events_known_;
  v1::Payload payload;
  streams::LedgerVisitor visitor;
  visitor.valid = [&](Seq seq, Offset offset, const Hash& hash,
                      std::string_view bytes) -> Result<void> {
    fits = true;
    if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return fail(Errc::kUpgradeNeeded, "entry " + std::to_string(seq) + " of " +
                                            plan_.ledger.text() +
                                            " cannot be read by this binary; install a newer one");
    }
    HANSA_CHECK(take(seq, offset, hash, payload));
    return batch_.size() < kOutletEvents ? Result<void>() : send();
  };
  HANSA_TRY(reached_, streams::read_ledger(*plan_.log, plan_.ledger, plan_.founding_id, from,
                                           visitor));
  if (!fits) {
    return fail(Errc::kChainBroken, topic_ + ": its last record names an entry that " +
                                        plan_.ledger.text() +
                                        " does not have; it was made from another ledger");
  }
  return send();
}

Result<void> Outlet::take(Seq seq, Offset offset, const Hash& hash, const v1::Payload& payload) {
  const std::string entry = plan_.ledger.text() + "/" + std::to_string(seq) + "/";
  const uint64_t first = sequence_ + 1;
  for (int i = 0; i < payload.events_size(); ++i) {
    const Given event = given(payload.events(i));
    if (event.message == nullptr || event.highest > v1::INTERNAL) continue;
    if (++sequence_ <= events_known_) continue;
    streams::KafkaRecord record;
    record.key = payload.cause().subject_id();
    record.headers = {{"ce_specversion", "1.0"},
                      {"ce_id", entry + std::to_string(i)},
                      {"ce_source", "urn:hansa:" + plan_.ledger.text()},
                      {"ce_type", event.message->GetDescriptor()->full_name()},
                      {"ce_time", time_text(payload.time_us())},
                      {"ce_subject", record.key},
                      {"ce_sequence", std::to_string(sequence_)},
                      {"ce_ledgerseq", std::to_string(seq)},
                      {"ce_ledgeroffset", std::to_string(offset)},
                      {"ce_entrysequence", std::to_string(first)},
                      {"ce_previoussha256", to_hex(reached_.tip)},
                      {"content-type", "application/json"}};
    append_json(record.value.emplace(), *event.message, v1::INTERNAL);
    batch_.push_back(std::move(record));
  }
  reached_ = {seq, hash, offset + 1, 0};
  return {};
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
