// TLS: the certificate that a server shows, and whose certificates its callers must have.
//
// Shape:   open() reads the files of TlsSettings; look_again() reads them anew when one of them has
//          changed, for the connections that come after. TLS 1.2 and 1.3.
// Units:   seconds since 1970 in expires_s.
// Errors:  open: kBadConfig, which file, what is wrong with it. look_again: files that do not
//          belong together are told in the log, once, and what was read before stays;
//          is_stale() is true from then to the next good reading.
// Threads: any.
// Source:  DESIGN §9.
#pragma once

#include <array>
#include <atomic>
#include <mutex>

#include "ops/config.h"
#include "ops/files.h"
#include "ops/web_connection.h"

namespace hansa::ops {

class ServerTls {
 public:
  static Result<std::shared_ptr<ServerTls>> open(const TlsSettings& settings);

  TlsContext context() const;
  // `now_us` is any monotonic time; the files are looked at once a second at most.
  void look_again(int64_t now_us);
  int64_t expires_s() const { return expires_s_; }
  bool is_stale() const { return is_stale_; }

 private:
  using Stamps = std::array<FileStamp, 3>;
  explicit ServerTls(TlsSettings settings) : settings_(std::move(settings)) {}
  Stamps stamps() const;
  Result<void> read();

  const TlsSettings settings_;
  mutable std::mutex mutex_;
  TlsContext context_;  // guarded by mutex_, as the next two
  Stamps stamps_{};
  int64_t looked_us_ = 0;
  std::atomic<int64_t> expires_s_{0};
  std::atomic<bool> is_stale_{false};
};

}  // namespace hansa::ops
