#include "ops/outlet_record.h"

#include <algorithm>

#include "core/base/schema.h"
#include "ops/json.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// What happened, and the field of the event that holds it.
struct Content {
  const Message* message = nullptr;
  const FieldDescriptor* field = nullptr;
};

Result<Content> content_of(const v1::Event& event) {
  static const auto* const kOneof = v1::Event::descriptor()->FindOneofByName("event");
  const auto* reflection = event.GetReflection();
  const auto* field = reflection->GetOneofFieldDescriptor(event, kOneof);
  if (field == nullptr) {
    return fail(Errc::kUpgradeNeeded, "an event of a kind that this binary does not know; install "
                                      "a newer one");
  }
  return Content{&reflection->GetMessage(event, field), field};
}

// Makes the records of one entry.
class FeedRecords {
 public:
  FeedRecords(const LedgerId& ledger, Seq seq)
      : ledger_(ledger.text()), entry_(ledger_ + "/" + std::to_string(seq) + "/") {}

  // The value is the caller's to write.
  streams::KafkaRecord& add(size_t index, const Message& content, int64_t time_us,
                            const std::string& subject) {
    auto& record = all_.emplace_back();
    record.key = subject;
    record.headers = {{"ce_specversion", "1.0"},
                      {"ce_id", entry_ + std::to_string(index)},
                      {"ce_source", "urn:hansa:" + ledger_},
                      {"ce_type", content.GetDescriptor()->full_name()},
                      {"ce_time", time_text(time_us)},
                      {"content-type", "application/json"}};
    if (!subject.empty()) record.headers.emplace_back("ce_subject", subject);
    record.value.emplace();
    return record;
  }

  std::vector<streams::KafkaRecord> take() { return std::move(all_); }

 private:
  const std::string ledger_;
  const std::string entry_;
  std::vector<streams::KafkaRecord> all_;
};

v1::DataClass strictest(const Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  auto highest = v1::PUBLIC;
  for (const auto* field : present) {
    highest = std::max(highest, data_class(*field));
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      highest = std::max(highest, strictest(reflection->GetMessage(message, field)));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      highest = std::max(highest, strictest(reflection->GetRepeatedMessage(message, field, i)));
    }
  }
  return highest;
}

// Only what is shared can be named.
std::string shared_subject(const Message& content) {
  for (const char* name : {"case", "campaign", "finding"}) {
    const auto* field = content.GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) return content.GetReflection()->GetString(content, field);
  }
  return "";
}

Result<void> add_shared(FeedRecords& records, size_t index, const v1::Event& event,
                        int64_t time_us) {
  HANSA_TRY(const Content content, content_of(event));
  auto& record = records.add(index, *content.message, time_us, shared_subject(*content.message));
  // Of the whole event: that it happened has a class, too.
  std::string name = v1::DataClass_Name(strictest(event));
  std::transform(name.begin(), name.end(), name.begin(), ::tolower);
  record.headers.emplace_back("ce_dataclassification", std::move(name));
  append_set_json(*record.value, *content.message);
  return {};
}

Result<void> add_own(FeedRecords& records, size_t index, const v1::Event& event,
                     const v1::Payload& payload) {
  HANSA_TRY(const Content content, content_of(event));
  if (data_class(*content.field) > v1::INTERNAL) return {};
  auto& record = records.add(index, *content.message, payload.time_us(),
                             payload.cause().subject_id());
  append_json(*record.value, *content.message, v1::INTERNAL);
  return {};
}

}  // namespace

Result<std::vector<streams::KafkaRecord>> outlet_records(const LedgerId& ledger, Seq seq,
                                                         const v1::Payload& payload) {
  FeedRecords records(ledger, seq);
  size_t index = 0;
  for (const auto& event : payload.events()) {
    if (ledger.kind != kShareKind) {
      HANSA_CHECK(add_own(records, index++, event, payload));
      continue;
    }
    for (const auto& shared : event.entries_shared().events()) {
      HANSA_CHECK(add_shared(records, index++, shared.event(), shared.time_us()));
    }
    if (event.has_share_ended()) {
      HANSA_CHECK(add_shared(records, index++, event, payload.time_us()));
    }
  }
  return records.take();
}

}  // namespace hansa::ops
