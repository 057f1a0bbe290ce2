// Goal:   a damaged or shortened embedded log is never read as if it were whole: it is refused, the
//         ledger and the place are named, and ledgers that are whole go on.
// Method: a log is closed or copied as a crash leaves it, then bytes of its files are flipped, cut
//         or deleted at many places, and it is opened again.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "streams/embedded_log.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;
const LedgerId kWhole{"city", "wholeburg"};
const LedgerId kDamaged{"city", "damagedburg"};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<fs::path> files_ending(const std::string& folder, const std::string& ending) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending) && fs::file_size(entry.path()) > 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class DamagedLog : public testing::Test {
 protected:
  static EmbeddedLogOptions options_for(const std::string& folder) {
    EmbeddedLogOptions options;
    options.folder = folder;
    options.fsync = false;
    return options;
  }
  void open() {
    auto opened = EmbeddedLog::open(options_for(folder / "log"));
    ASSERT_TRUE(opened) << opened.error().detail;
    log = std::move(*opened);
  }
  void append(const LedgerId& ledger, Texts values) {
    const Offset end = *log->end(ledger);
    ASSERT_TRUE(append_now(*log, ledger, std::move(values), end)[0].offset);
  }
  // Values that compression leaves as they are, so that they can be found in the files.
  Texts long_values(int count) {
    Texts values;
    for (int i = 0; i < count; ++i) values.push_back(env.random_bytes(1500));
    return values;
  }
  // Flips a byte of `value` in the one table file that holds it.
  void flip_in_tables(const std::string& value) {
    int flipped = 0;
    for (const auto& path : files_ending(folder / "log", ".sst")) {
      std::string bytes = read_file(path);
      const auto at = bytes.find(value.substr(0, 64));
      if (at == std::string::npos) continue;
      bytes[at + 10] = static_cast<char>(bytes[at + 10] ^ 0x40);
      write_file(path, bytes);
      ++flipped;
    }
    ASSERT_EQ(flipped, 1);
  }
  // A copy as a crash would leave it, with the write-ahead log of the open log in it.
  std::string crashed_copy() {
    const std::string copy = folder / ("crashed" + std::to_string(++copies));
    fs::copy(folder / "log", copy);
    return copy;
  }

  TempFolder folder;
  SeededEnv env{21, "damage"};
  std::unique_ptr<EmbeddedLog> log;
  int copies = 0;
};

// Either the log is refused, or every acknowledged record is there unchanged.
TEST_F(DamagedLog, AFlippedByteInTheWriteAheadLogIsRefusedOrHarmless) {
  open();
  Texts expected;
  for (int i = 0; i < 30; ++i) {
    expected.push_back("value " + std::to_string(i) + env.random_bytes(20));
    append(kWhole, {expected.back()});
  }
  const std::string crashed = crashed_copy();
  const auto wals = files_ending(crashed, ".log");
  ASSERT_EQ(wals.size(), 1u);
  const std::string sound = read_file(wals[0]);
  int refused = 0;
  for (size_t at = 3; at < sound.size(); at += 23) {
    const std::string copy = folder / "flipped";
    fs::remove_all(copy);
    fs::copy(crashed, copy);
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    write_file(copy + "/" + wals[0].filename().string(), bytes);
    auto opened = EmbeddedLog::open(options_for(copy));
    if (!opened) {
      ++refused;
      const Errc code = opened.error().code;
      EXPECT_TRUE(code == Errc::kChainBroken || code == Errc::kLogBehind)
          << opened.error().detail;
      continue;
    }
    EXPECT_EQ(read_all(**opened, kWhole), expected) << "byte " << at;
  }
  EXPECT_GT(refused, 20);
}

// What RocksDB takes for the torn tail of a crash, the end marker knows to be a loss.
TEST_F(DamagedLog, ACutWriteAheadLogIsRefusedWithBothNumbers) {
  open();
  for (int i = 0; i < 20; ++i) append(kWhole, {"value " + std::to_string(i)});
  const std::string crashed = crashed_copy();
  const auto wal = files_ending(crashed, ".log").at(0);
  fs::resize_file(wal, fs::file_size(wal) - 5);
  auto opened = EmbeddedLog::open(options_for(crashed));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kLogBehind);
  for (const std::string part : {"city/wholeburg", "19", "20"}) {
    EXPECT_NE(opened.error().detail.find(part), std::string::npos) << opened.error().detail;
  }
}

TEST_F(DamagedLog, ADeletedWriteAheadLogIsRefused) {
  open();
  append(kWhole, {"a", "b"});
  const std::string crashed = crashed_copy();
  fs::remove(files_ending(crashed, ".log").at(0));
  auto opened = EmbeddedLog::open(options_for(crashed));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kLogBehind);
}

TEST_F(DamagedLog, ATornTailThatNobodyWasPromisedIsDropped) {
  open();
  append(kWhole, {"a", "b"});
  const std::string crashed = crashed_copy();
  const auto wal = files_ending(crashed, ".log").at(0);
  std::string bytes = read_file(wal);
  write_file(wal, bytes + bytes.substr(0, 11));  // the head of a record whose rest never came
  auto opened = EmbeddedLog::open(options_for(crashed));
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(read_all(**opened, kWhole), (Texts{"a", "b"}));
}

TEST_F(DamagedLog, AMissingEndMarkerIsRefusedAndAnEmptyOneMakesNoClaim) {
  open();
  append(kWhole, {"a"});
  log.reset();
  fs::remove(folder / "log/end_marker");
  auto opened = EmbeddedLog::open(options_for(folder / "log"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kLogBehind);
  EXPECT_NE(opened.error().detail.find("empty file"), std::string::npos) << "says the way out";
  write_file(folder / "log/end_marker", "");
  open();
  EXPECT_EQ(read_all(*log, kWhole), Texts{"a"});
}

TEST_F(DamagedLog, ADamagedEndMarkerIsRefused) {
  open();
  append(kWhole, {"a"});
  append(kDamaged, {"b"});
  log.reset();
  const std::string sound = read_file(folder / "log/end_marker");
  ASSERT_EQ(sound.size(), 64u);
  for (size_t at = 0; at < sound.size(); ++at) {
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    write_file(folder / "log/end_marker", bytes);
    const auto marker = EndMarker::open(folder / "log/end_marker", false);
    ASSERT_TRUE(marker);
    EXPECT_EQ((*marker)->read().error().code, Errc::kChainBroken) << at;
  }
  write_file(folder / "log/end_marker", sound.substr(0, 63));
  auto opened = EmbeddedLog::open(options_for(folder / "log"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kChainBroken);
}

TEST_F(DamagedLog, AnEndMarkerAheadOfOneLedgerNamesThatLedger) {
  open();
  append(kWhole, {"a"});
  append(kDamaged, {"b"});
  const std::string earlier = crashed_copy();
  append(kDamaged, {"c"});
  fs::copy(folder / "log/end_marker", earlier + "/end_marker",
           fs::copy_options::overwrite_existing);
  auto opened = EmbeddedLog::open(options_for(earlier));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kLogBehind);
  EXPECT_NE(opened.error().detail.find(kDamaged.text()), std::string::npos);
}

TEST_F(DamagedLog, AFlippedByteInARecordNamesLedgerAndOffset) {
  open();
  const Texts values = long_values(100);
  append(kDamaged, values);
  append(kWhole, long_values(100));
  log.reset();
  flip_in_tables(values[50]);
  open();
  Offset next = 0;
  Result<ReadResult> read = log->read(kDamaged, 0, 1 << 20);
  while (read && read->next > next) {
    for (const auto& record : read->records) EXPECT_EQ(record.value, values[next++]);
    read = log->read(kDamaged, next, 1 << 20);
  }
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kChainBroken);
  EXPECT_LE(next, 50u);
  EXPECT_GT(next, 20u) << "what stands before the damaged block is read";
  const std::string place = "city/damagedburg: the record at offset " + std::to_string(next);
  EXPECT_NE(read.error().detail.find(place), std::string::npos) << read.error().detail;
  EXPECT_EQ(read_all(*log, kWhole).size(), 100u);
}

TEST_F(DamagedLog, ALedgerWhoseEndIsDamagedIsRefusedAndTheOthersGoOn) {
  open();
  append(kDamaged, long_values(60));
  const Texts last = long_values(1);
  append(kDamaged, last);
  append({"city", "neighbour"}, long_values(30));  // shares the damaged block, and its fate
  append(kWhole, long_values(60));
  log.reset();
  flip_in_tables(last[0]);
  open();
  EXPECT_EQ(log->end(kDamaged).error().code, Errc::kChainBroken);
  // What stands before the damage is read all the same, so that its place can be named.
  Offset next = 0;
  auto read = log->read(kDamaged, next, 1);
  for (; read && read->next > next; read = log->read(kDamaged, next, 1)) next = read->next;
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kChainBroken);
  EXPECT_GT(next, 20u);
  EXPECT_LE(next, 60u);
  EXPECT_EQ(append_now(*log, kDamaged, {"x"}, 61)[0].error->code, Errc::kChainBroken);
  append(kWhole, {"goes on"});
  EXPECT_EQ(read_all(*log, kWhole).size(), 61u);
  for (const auto& summary : log->list_ledgers()) {
    EXPECT_EQ(summary.damage.has_value(), summary.ledger == kDamaged);
  }
}

// Compaction reads every file of the log sooner or later; what it meets must not stop the city that
// is whole.
TEST_F(DamagedLog, DamageFoundByCompactionStopsCompactionOnly) {
  Texts first;
  for (int i = 0; i < 4; ++i) {
    open();
    const Texts values = long_values(30);
    if (i == 0) first = values;
    append(kDamaged, values);
    append(kWhole, long_values(30));
    log.reset();
    if (i == 0) flip_in_tables(first[10]);
  }
  open();
  while (log->rocksdb_property("rocksdb.background-errors") == 0) std::this_thread::yield();
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const Offset end = *log->end(kWhole);
    const auto answer = append_now(*log, kWhole, {"goes on"}, end)[0];
    if (!answer.offset) ++refused;
  }
  EXPECT_EQ(refused, 1) << "the one that met the stopped database";
  EXPECT_EQ(read_all(*log, kWhole).size(), 4u * 30 + 19);
  EXPECT_EQ(log->read(kDamaged, 10, 1 << 20).error().code, Errc::kChainBroken);
}

TEST_F(DamagedLog, AMissingRecordIsFoundByReading) {
  open();
  append(kDamaged, {"a", "b", "c"});
  log.reset();
  rocksdb::DB* database = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), folder / "log", &database).ok());
  const std::string second_record("\0\0\0\1\0\0\0\0\0\0\0\1", 12);
  ASSERT_TRUE(database->Delete(rocksdb::WriteOptions(), second_record).ok());
  delete database;
  open();
  auto read = log->read(kDamaged, 0, 100);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->records.size(), 1u);
  auto beyond = log->read(kDamaged, 1, 100);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::kChainBroken);
  EXPECT_NE(beyond.error().detail.find("offset 1 is missing"), std::string::npos);
}

TEST_F(DamagedLog, ALogOfALaterFormatIsNotTouched) {
  open();
  append(kWhole, {"a"});
  log.reset();
  rocksdb::DB* database = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), folder / "log", &database).ok());
  ASSERT_TRUE(
      database->Put(rocksdb::WriteOptions(), std::string("\0\0\0\0format", 10), "2").ok());
  delete database;
  auto opened = EmbeddedLog::open(options_for(folder / "log"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kUpgradeNeeded);
}

}  // namespace
}  // namespace hansa::streams
