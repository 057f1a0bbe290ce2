#include "ops/tls.h"

#include <openssl/asn1.h>
#include <openssl/ssl.h>

#include "core/base/durations.h"
#include "ops/json_log.h"
#include "ops/time_text.h"

namespace hansa::ops {
namespace {

namespace asio = boost::asio;

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

Error bad_file(const std::string& file, const std::string& expected,
               const boost::system::error_code& error) {
  return {Errc::kBadConfig, file + ": expected " + expected + ": " + error.message()};
}

}  // namespace

Result<std::shared_ptr<ServerTls>> ServerTls::open(const TlsSettings& settings) {
  std::shared_ptr<ServerTls> tls(new ServerTls(settings));
  tls->stamps_ = tls->stamps();
  HANSA_CHECK(tls->read());
  return tls;
}

TlsContext ServerTls::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

ServerTls::Stamps ServerTls::stamps() const {
  return {file_stamp(settings_.certificate), file_stamp(settings_.key),
          file_stamp(settings_.caller_authorities)};
}

void ServerTls::look_again(int64_t now_us) {
  const std::lock_guard lock(mutex_);
  if (now_us - looked_us_ < kSecondUs) return;
  looked_us_ = now_us;
  const auto found = stamps();
  if (found == stamps_) return;
  stamps_ = found;
  const auto read_anew = read();
  is_stale_ = !read_anew;
  if (read_anew) {
    JsonLine(LogLevel::kInfo, "tls_read_anew")
        .field("expires", time_text(expires_s_ * kSecondUs));
  } else {
    JsonLine(LogLevel::kWarning, "tls_unread").field("detail", read_anew.error().detail);
  }
}

// Under `mutex_`, or before anybody else knows of this.
Result<void> ServerTls::read() {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  auto* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  boost::system::error_code error;
  context->use_certificate_chain_file(settings_.certificate, error);
  if (error) {
    return fail(bad_file(settings_.certificate, "a certificate in PEM and the chain behind it",
                         error));
  }
  context->use_private_key_file(settings_.key, asio::ssl::context::pem, error);
  if (error) {
    return fail(bad_file(settings_.key,
                         "the private key, in PEM, of the certificate in " + settings_.certificate,
                         error));
  }
  if (!settings_.caller_authorities.empty()) {
    context->load_verify_file(settings_.caller_authorities, error);
    if (error) {
      return fail(bad_file(settings_.caller_authorities, "certificates of authorities in PEM",
                           error));
    }
    context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  }
  expires_s_ = seconds_of(X509_get0_notAfter(SSL_CTX_get0_certificate(native)));
  context_ = std::move(context);
  return {};
}

Result<std::shared_ptr<ClientTls>> ClientTls::open(const TlsTrust& trust) {
  std::shared_ptr<ClientTls> tls(new ClientTls(trust));
  tls->stamps_ = tls->stamps();
  HANSA_TRY(tls->context_, client_tls(trust));
  return tls;
}

ClientTls::Stamps ClientTls::stamps() const {
  return {file_stamp(trust_.authorities), file_stamp(trust_.certificate),
          file_stamp(trust_.certificate_key)};
}

TlsContext ClientTls::context() {
  const std::lock_guard lock(mutex_);
  const auto found = stamps();
  if (found == stamps_) return context_;
  stamps_ = found;
  auto read_anew = client_tls(trust_);
  if (read_anew) {
    context_ = *std::move(read_anew);
  } else {
    JsonLine(LogLevel::kWarning, "tls_unread").field("detail", read_anew.error().detail);
  }
  return context_;
}

}  // namespace hansa::ops
