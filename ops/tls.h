// TLS: the certificate that a server shows, and whose certificates its callers must have; the one
// that this node shows to others, and whom it trusts.
//
// Shape:   ServerTls: open() reads the files of TlsSettings; look_again() reads them anew when one
//          of them has changed, for the connections that come after. ClientTls: the same for
//          TlsTrust, with each context() that is asked for. TLS 1.2 and 1.3.
// Units:   seconds since 1970 in expires_s.
// Errors:  open: kBadConfig (of a server) or kBadFile, which file, what is wrong with it. Files
//          that later do not belong together are told in the log, once, and what was read before
//          stays; is_stale() is true from then to the next good reading.
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

class ClientTls {
 public:
  static Result<std::shared_ptr<ClientTls>> open(const TlsTrust& trust);

  TlsContext context();

 private:
  using Stamps = std::array<FileStamp, 3>;
  explicit ClientTls(TlsTrust trust) : trust_(std::move(trust)) {}
  Stamps stamps() const;

  const TlsTrust trust_;
  std::mutex mutex_;
  TlsContext context_;  // guarded by mutex_, as the next
  Stamps stamps_{};
};

}  // namespace hansa::ops
