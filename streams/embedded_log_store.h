// How the embedded log uses RocksDB: keys, options, and what its statuses mean here.
//
// Shape:   see streams/embedded_log.h for the keys; these functions make and read them.
// Errors:  to_error never answers for a status that is ok.
// Threads: free for all.
#pragma once

#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "streams/embedded_log.h"

namespace hansa::streams {

inline constexpr std::string_view kLogFormat = "1";

std::string number_bytes(uint32_t number);
uint64_t number_in(rocksdb::Slice bytes);
std::string format_key();
std::string ledger_key(const std::string& name);
std::string record_key(uint32_t ledger_number, Offset offset);
Offset offset_of(rocksdb::Slice key);

rocksdb::Options database_options(const EmbeddedLogOptions& options, bool without_compaction);
Error to_error(const rocksdb::Status& status, const std::string& where);

}  // namespace hansa::streams
