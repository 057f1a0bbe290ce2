#include "ops/ledger_copy.h"

#include <algorithm>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace hansa::ops {
namespace {

constexpr size_t kFlightRecords = 1'000;

Error conflict(const LedgerId& ledger, const std::string& what) {
  return {Errc::kLogConflict, ledger.text() + ": " + what + "; name an empty log to copy to"};
}

class Copy {
 public:
  Copy(streams::Log& from, streams::Log& to, const LedgerId& ledger)
      : from_(from), to_(to), ledger_(ledger) {}

  Result<CopyReport> run(const CopyProgress& progress) {
    HANSA_TRY(end_, from_.end(ledger_));
    HANSA_TRY(const Offset there, to_.end(ledger_));
    if (there > end_) {
      return fail(conflict(ledger_, "the target has " + std::to_string(there) +
                                        " records, the source " + std::to_string(end_)));
    }
    HANSA_CHECK(compare(there));
    Offset next = there;
    while (next < end_) {
      HANSA_TRY(auto read, from_.read(ledger_, next, kCopyBytes));
      HANSA_TRY(next, append(next, std::move(read.records)));
      if (progress && !progress(next, end_)) {
        return fail(Errc::kUnavailable, "the copy was cut off; copy again to go on");
      }
    }
    return CopyReport{next, next - there};
  }

 private:
  // What the target holds is the beginning of the source.
  Result<void> compare(Offset there) {
    Offset next = 0;
    while (next < there) {
      HANSA_TRY(const auto mine, from_.read(ledger_, next, kCopyBytes));
      HANSA_TRY(const auto theirs, to_.read(ledger_, next, kCopyBytes));
      const size_t count = std::min(mine.records.size(), theirs.records.size());
      for (size_t i = 0; i < count; ++i) {
        if (mine.records[i].offset == theirs.records[i].offset &&
            mine.records[i].value == theirs.records[i].value) {
          continue;
        }
        return fail(conflict(ledger_, "the record at offset " +
                                          std::to_string(mine.records[i].offset) +
                                          " is another one in the target"));
      }
      if (count == 0) return fail(Errc::kUnavailable, ledger_.text() + ": a log gave nothing");
      next = mine.records[count - 1].offset + 1;
    }
    return {};
  }

  Result<Offset> append(Offset next, std::vector<streams::Record> records) {
    std::vector<std::string> values;
    for (auto& record : records) {
      if (values.size() == kFlightRecords || record.offset >= end_) break;
      if (record.offset != next + values.size()) {
        return fail(conflict(ledger_, "the source holds nothing at offset " +
                                          std::to_string(next + values.size())));
      }
      values.push_back(std::move(record.value));
    }
    if (values.empty()) return fail(Errc::kUnavailable, ledger_.text() + ": a log gave nothing");
    std::promise<std::vector<streams::Delivery>> promise;
    auto answer = promise.get_future();
    to_.append(ledger_, std::move(values), next,
               [&promise](std::vector<streams::Delivery> deliveries) {
                 promise.set_value(std::move(deliveries));
               });
    for (const auto& delivery : answer.get()) {
      if (delivery.error) return fail(*delivery.error);
      if (delivery.offset && *delivery.offset == next) {
        ++next;
        continue;
      }
      return fail(conflict(ledger_, "somebody else appends to the target"));
    }
    return next;
  }

  streams::Log& from_;
  streams::Log& to_;
  const LedgerId& ledger_;
  Offset end_ = 0;
};

}  // namespace

Result<CopyReport> copy_ledger(streams::Log& from, streams::Log& to, const LedgerId& ledger,
                               const CopyProgress& progress) {
  return Copy(from, to, ledger).run(progress);
}

}  // namespace hansa::ops
