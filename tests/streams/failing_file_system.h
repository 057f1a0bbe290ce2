// Failing file system: RocksDB's own with a disk that can be full, not sync, or fail a read.
//
// Shape:   while `full`, a write puts down half of its bytes and answers "no space", as a real one
//          does; while `sync_fails`, what was written stays but a sync answers an error. Of the
//          reads of table files the one that counts `reads_left` down to 0 answers an error.
// Errors:  RocksDB statuses.
// Threads: the switches may be turned from any thread.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

namespace hansa::streams {

class FailingFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FailingFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  static const char* kClassName() { return "FailingFileSystem"; }
  const char* Name() const override { return kClassName(); }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> inner;
    auto status = FileSystemWrapper::NewWritableFile(name, options, &inner, debug);
    if (status.ok()) *file = std::make_unique<File>(std::move(inner), *this);
    return status;
  }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSRandomAccessFile> inner;
    auto status = FileSystemWrapper::NewRandomAccessFile(name, options, &inner, debug);
    if (status.ok()) *file = std::make_unique<TableFile>(std::move(inner), *this);
    return status;
  }

  std::atomic<bool> full{false};
  std::atomic<bool> sync_fails{false};
  std::atomic<int> reads_left{0};

 private:
  class TableFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    TableFile(std::unique_ptr<rocksdb::FSRandomAccessFile> inner, FailingFileSystem& disk)
        : FSRandomAccessFileOwnerWrapper(std::move(inner)), disk_(disk) {}

    rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* debug) const override {
      if (disk_.reads_left > 0 && --disk_.reads_left == 0) {
        return rocksdb::IOStatus::IOError("the test's disk does not read");
      }
      return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
    }

   private:
    FailingFileSystem& disk_;
  };

  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> inner, FailingFileSystem& disk)
        : FSWritableFileOwnerWrapper(std::move(inner)), disk_(disk) {}

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      if (!disk_.full) return FSWritableFileOwnerWrapper::Append(data, options, debug);
      const rocksdb::Slice half(data.data(), data.size() / 2);
      FSWritableFileOwnerWrapper::Append(half, options, debug).PermitUncheckedError();
      return rocksdb::IOStatus::NoSpace("the test's disk is full");
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo&,
                             rocksdb::IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      if (disk_.sync_fails) return rocksdb::IOStatus::IOError("the test's disk does not sync");
      return FSWritableFileOwnerWrapper::Sync(options, debug);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      if (disk_.sync_fails) return rocksdb::IOStatus::IOError("the test's disk does not sync");
      return FSWritableFileOwnerWrapper::Fsync(options, debug);
    }

   private:
    FailingFileSystem& disk_;
  };
};

}  // namespace hansa::streams
