// Goal: how fast and in how much memory a whole ledger is read, verified and folded.
// Method: `fill` makes the ledger of fold_workload.h. Each other mode is a process of its own, so
// that its peak of memory is its own, on that log: `read` only fetches records, `verify` also
// follows the chain, `reference` keeps a row a case and counters per unit and community, written
// with the position as sorted files, `naive` does the same by Get and Put for every event (of the
// first kNaiveEntries), `product` folds all rows of a city. Prints one JSON object.
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>

#include "core/city/case.h"
#include "projections/catch_up.h"
#include "streams/ledger_reader.h"
#include "tests/bench/bench_log.h"
#include "tests/bench/fold_workload.h"
#include "tests/bench/measure.h"

namespace hansa::bench {
namespace {

using projections::Change;
using projections::CommitWay;
using projections::Meta;
using projections::Store;

constexpr uint64_t kNaiveEntries = 100'000;
constexpr size_t kDirtyRowsMax = 500'000;

std::unique_ptr<Store> open_store(const std::string& folder) {
  const std::string directory = folder + "/rows";
  std::filesystem::remove_all(directory);
  return must(Store::open(directory, projections::make_store_budget(256, 128)),
              "opening the store");
}

// ---- the reference fold: what it takes to keep a case and two counters, and no more

constexpr size_t kEventKinds = 32;

struct CaseRow {
  uint64_t times_us[kEventsOfCase] = {};
  uint32_t steps = 0;
  char unit[20] = {};
  char community[20] = {};
};

// Of one unit or community: how many events of each kind.
struct CounterRow {
  uint64_t events[kEventKinds] = {};
};

size_t kind_of(const v1::Event& event) {
  return static_cast<size_t>(event.event_case() - v1::Event::kCaseReported) % kEventKinds;
}

void set_text(char (&field)[20], const std::string& text) {
  std::memcpy(field, text.data(), std::min(sizeof(field) - 1, text.size()));
}

void apply(CaseRow& row, const v1::Event& event, int64_t time_us) {
  row.times_us[row.steps++ % kEventsOfCase] = static_cast<uint64_t>(time_us);
  if (event.has_case_reported()) {
    set_text(row.community, event.case_reported().place().community());
  }
  if (event.has_case_assigned()) set_text(row.unit, event.case_assigned().lead_unit());
}

// The number in `c17`.
uint64_t number_of(std::string_view case_id) {
  uint64_t number = 0;
  for (const char digit : case_id.substr(1)) {
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  return number;
}

template <typename Row>
std::string bytes_of(const Row& row) {
  return std::string(reinterpret_cast<const char*>(&row), sizeof(row));
}

class ReferenceFold {
 public:
  explicit ReferenceFold(Store& store) : store_(store) {}
  ~ReferenceFold() { finish(); }

  void fold(const v1::Payload& payload) {
    for (const auto& event : payload.events()) {
      if (event.event_case() < v1::Event::kCaseReported) continue;
      auto& row = change(cases_, number_of(payload.cause().subject_id()));
      apply(row, event, payload.time_us());
      ++change(counters_, std::string_view(row.unit)).events[kind_of(event)];
      ++change(counters_, std::string_view(row.community)).events[kind_of(event)];
    }
  }

  size_t dirty() const { return dirty_; }

  // Sorted and written on another core while the next entries are folded.
  void commit(Seq seq) {
    finish();
    std::vector<Change> changes;
    changes.reserve(dirty_);
    write(TableId::kCase, cases_, changes);
    write(TableId::kCounter, counters_, changes);
    dirty_ = 0;
    writing_ = std::async(std::launch::async, [this, seq, changes = std::move(changes)]() mutable {
      std::sort(changes.begin(), changes.end(),
                [](const Change& left, const Change& right) { return left.key < right.key; });
      Meta meta;
      meta.position.seq = seq;
      must(store_.commit(changes, meta, CommitWay::kSortedFile), "committing");
    });
  }

  void finish() {
    if (writing_.valid()) writing_.get();
  }

 private:
  template <typename Row>
  struct Kept {
    using Type = Row;
    Row row;
    bool dirty = false;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return boost::hash<std::string_view>()(text); }
  };
  using Cases = boost::unordered_flat_map<uint64_t, Kept<CaseRow>>;
  using Counters =
      boost::unordered_flat_map<std::string, Kept<CounterRow>, TextHash, std::equal_to<>>;

  template <typename Rows, typename Key>
  typename Rows::mapped_type::Type& change(Rows& rows, const Key& key) {
    auto found = rows.find(key);
    if (found == rows.end()) {
      found = rows.emplace(typename Rows::key_type(key), typename Rows::mapped_type()).first;
    }
    auto& kept = found->second;
    if (!kept.dirty) ++dirty_;
    kept.dirty = true;
    return kept.row;
  }

  static std::string key_text(uint64_t number) { return big_endian(number); }
  static const std::string& key_text(const std::string& text) { return text; }

  template <typename Rows>
  void write(TableId table, Rows& rows, std::vector<Change>& changes) {
    for (auto& [key, kept] : rows) {
      if (kept.dirty) changes.push_back({stored_key(table, key_text(key)), bytes_of(kept.row)});
      kept.dirty = false;
    }
    // A case that has all its events is not touched again and need not be kept.
    if constexpr (std::is_same_v<Rows, Cases>) {
      boost::unordered::erase_if(
          rows, [](const auto& item) { return item.second.row.steps >= kEventsOfCase; });
    }
  }

  Store& store_;
  Cases cases_;
  Counters counters_;
  size_t dirty_ = 0;
  std::future<void> writing_;
};

template <typename Row>
Row stored(const Store& store, const std::string& key) {
  Row row;
  const auto bytes = must(store.get(key), "reading a row");
  if (bytes) std::memcpy(&row, bytes->data(), sizeof(row));
  return row;
}

void fold_naively(Store& store, const v1::Payload& payload, Seq seq) {
  for (const auto& event : payload.events()) {
    if (event.event_case() < v1::Event::kCaseReported) continue;
    const std::string key =
        stored_key(TableId::kCase, big_endian(number_of(payload.cause().subject_id())));
    auto row = stored<CaseRow>(store, key);
    apply(row, event, payload.time_us());
    std::vector<Change> changes = {{key, bytes_of(row)}};
    for (const char* name : {row.unit, row.community}) {
      const std::string counter_key = stored_key(TableId::kCounter, name);
      auto counter = stored<CounterRow>(store, counter_key);
      ++counter.events[kind_of(event)];
      changes.push_back({counter_key, bytes_of(counter)});
    }
    Meta meta;
    meta.position.seq = seq;
    must(store.commit(changes, meta), "committing");
  }
}

// ---- modes

uint64_t read(streams::Log& log) {
  const Offset end = must(log.end(fold_ledger()), "the end of the log");
  Offset next = 0;
  while (next < end) {
    next = must(log.read(fold_ledger(), next, streams::kReadBytesMax), "reading").next;
  }
  return next;
}

using Take = std::function<Result<void>(Seq, const v1::Payload&)>;

uint64_t follow(streams::Log& log, const Take& take) {
  v1::Payload payload;
  Seq last = 0;
  streams::LedgerVisitor visitor;
  visitor.valid = [&](Seq seq, Offset, const Hash&, std::string_view value) -> Result<void> {
    last = seq;
    if (!take) return {};
    const auto bytes = payload_of(value);
    if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      give_up("an entry cannot be read");
    }
    return take(seq, payload);
  };
  const auto end = streams::read_ledger(log, fold_ledger(), fold_founding_id(), {}, visitor);
  // The naive fold says itself when it has seen enough.
  if (!end && end.error().code != Errc::kNotYet) give_up(end.error().detail);
  return last;
}

uint64_t reference(streams::Log& log, const std::string& folder) {
  const auto store = open_store(folder);
  ReferenceFold fold(*store);
  const Seq last = follow(log, [&](Seq seq, const v1::Payload& payload) -> Result<void> {
    fold.fold(payload);
    if (fold.dirty() >= kDirtyRowsMax) fold.commit(seq);
    return {};
  });
  fold.commit(last);
  fold.finish();
  return last;
}

uint64_t naive(streams::Log& log, const std::string& folder) {
  const auto store = open_store(folder);
  return follow(log, [&](Seq seq, const v1::Payload& payload) -> Result<void> {
    fold_naively(*store, payload, seq);
    if (seq >= kNaiveEntries) return fail(Errc::kNotYet, "enough");
    return {};
  });
}

uint64_t product(streams::Log& log, const std::string& folder) {
  const auto store = open_store(folder);
  projections::RowCache rows(*store, 256 * 1024 * 1024);
  const auto reached = must(projections::catch_up(log, fold_ledger(), fold_founding_id(), *store,
                                                  rows, {}, {}),
                            "folding");
  return reached.position.seq;
}

uint64_t run_mode(const std::string& mode, streams::Log& log, const std::string& folder) {
  if (mode == "read") return read(log);
  if (mode == "verify") return follow(log, {});
  if (mode == "reference") return reference(log, folder);
  if (mode == "naive") return naive(log, folder);
  if (mode == "product") return product(log, folder);
  give_up("expected fill, read, verify, reference, naive or product, got " + mode);
}

void run(const std::string& mode, const std::string& folder) {
  const auto log = open_bench_log(folder + "/log", false, {fold_ledger()});
  const Measured measured;
  const uint64_t entries = run_mode(mode, *log, folder);
  std::printf("{%s}\n", measured.text(entries).c_str());
}

}  // namespace
}  // namespace hansa::bench

int main(int count, char** words) {
  const std::string mode = count > 2 ? words[1] : "";
  if (mode == "fill" && count == 4) {
    std::filesystem::remove_all(words[2]);
    std::filesystem::create_directories(std::string(words[2]) + "/log");
    hansa::bench::fill_fold_log(std::string(words[2]) + "/log", std::stoull(words[3]));
    std::printf("{\"entries\": %s}\n", words[3]);
    return 0;
  }
  if (count != 3) hansa::bench::give_up("expected `fill FOLDER ENTRIES` or `MODE FOLDER`");
  hansa::bench::run(mode, words[2]);
  return 0;
}
