// Goal: a store does not open over a file that RocksDB took in and cannot see into: its rows would
// be missing now and be back after some compaction.
// Method: RocksDB itself takes a sorted file into a store's folder through a file system that
// fails one read of that file, until one is found after which it says that all went well.
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/sst_file_writer.h>

#include <memory>

#include "projections/store.h"
#include "tests/projections/keeper_fixture.h"

namespace hansa::projections {
namespace {

using testing::ScratchFolder;

constexpr int kReadsMax = 100;
const std::string kTaken = "taken.sorted";

class CountedFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  CountedFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, int* reads_left)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), reads_left_(reads_left) {}

  rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& options,
                         rocksdb::Slice* found, char* scratch,
                         rocksdb::IODebugContext* context) const override {
    if ((*reads_left_)-- == 0) return rocksdb::IOStatus::IOError("the disk does not answer");
    return target()->Read(offset, size, options, found, scratch, context);
  }

 private:
  int* reads_left_;
};

class OneReadFails final : public rocksdb::FileSystemWrapper {
 public:
  explicit OneReadFails(int reads_before)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), reads_left_(reads_before) {}

  const char* Name() const override { return "OneReadFails"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* context) override {
    auto status = target()->NewRandomAccessFile(name, options, file, context);
    if (status.ok() && name.ends_with(kTaken)) {
      *file = std::make_unique<CountedFile>(std::move(*file), &reads_left_);
    }
    return status;
  }

 private:
  int reads_left_;
};

// Whether RocksDB says that the file is in.
bool take_in(const std::string& directory, const std::string& file, int reads_before) {
  const auto files = std::make_shared<OneReadFails>(reads_before);
  const auto env = rocksdb::NewCompositeEnv(files);
  rocksdb::Options options;
  options.env = env.get();
  rocksdb::DB* opened = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open(options, directory, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  return db->IngestExternalFile({file}, {}).ok();
}

TEST(StoreUnreadFile, AFileThatWasTakenInUnseenIsRefusedAtOpening) {
  const ScratchFolder folder;
  const std::string file = folder.path(kTaken);
  {
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions{}, rocksdb::Options{});
    ASSERT_TRUE(writer.Open(file).ok());
    ASSERT_TRUE(writer.Put("a", "one").ok());
    ASSERT_TRUE(writer.Finish().ok());
  }
  int refused = 0;
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const std::string directory = folder.path("rows" + std::to_string(reads));
    ASSERT_TRUE(Store::open(directory, make_store_budget(8, 8)).has_value());
    const bool taken = take_in(directory, file, reads);
    const auto store = Store::open(directory, make_store_budget(8, 8));
    if (store.has_value()) {
      const auto value = (*store)->get("a");
      ASSERT_TRUE(value.has_value());
      EXPECT_EQ(value->has_value(), taken) << "read " << reads;
      if (taken && refused > 0) return;  // behind the last read of it
      continue;
    }
    EXPECT_TRUE(taken) << "read " << reads;
    EXPECT_EQ(store.error().code, Errc::kBadFile);
    EXPECT_NE(store.error().detail.find("projection rebuild"), std::string::npos)
        << store.error().detail;
    ++refused;
  }
  FAIL() << refused << " refused; the file is read more than " << kReadsMax << " times";
}

}  // namespace
}  // namespace hansa::projections
