#include "ops/web_connection.h"

#include <arpa/inet.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <optional>

#include "ops/files.h"

namespace hansa::ops {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

using TlsStream = beast::ssl_stream<beast::tcp_stream>;

// The name, or the address, that the certificate must be for.
void expect_host(SSL* connection, const std::string& host) {
  in6_addr parsed;
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), &parsed) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
  if (is_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), host.c_str());
  } else {
    SSL_set_tlsext_host_name(connection, host.c_str());
    SSL_set1_host(connection, host.c_str());
  }
}

std::string why_no_tls(SSL* connection, const beast::error_code& error) {
  const long verdict = SSL_get_verify_result(connection);
  if (verdict == X509_V_OK) return error.message();
  return std::string("its certificate is not taken: ") + X509_verify_cert_error_string(verdict);
}

template <typename Stream>
asio::awaitable<Result<HttpAnswer>> exchange_on(Stream& stream, beast::flat_buffer& buffer,
                                                WebRequest& request, size_t bytes_max,
                                                bool& keeps_open) {
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_write(stream, request, token);
  http::response_parser<http::string_body> parser;
  parser.body_limit(bytes_max);
  if (!error) co_await http::async_read(stream, buffer, parser, token);
  keeps_open = !error && parser.get().keep_alive();
  if (error) co_return fail(Errc::kUnavailable, error.message());
  auto& answer = parser.get();
  co_return HttpAnswer{static_cast<int>(answer.result_int()),
                       std::string(answer[http::field::content_type]), std::move(answer.body()),
                       std::string(answer["Hansa-Entry-Sha256"])};
}

template <typename T>
Result<T> wait_for(asio::io_context& context, asio::awaitable<Result<T>> step) {
  Result<T> outcome = fail(Errc::kUnavailable, "it could not be asked");
  asio::co_spawn(context, std::move(step), [&](const std::exception_ptr& thrown, Result<T> answer) {
    if (!thrown) outcome = std::move(answer);
  });
  context.restart();
  context.run();
  return outcome;
}

}  // namespace

Result<WebAddress> parse_web_address(const std::string& url) {
  WebAddress address;
  std::string_view rest = url;
  address.is_tls = rest.starts_with("https://");
  if (address.is_tls || rest.starts_with("http://")) {
    rest.remove_prefix(address.is_tls ? 8 : 7);
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto authority = rest.substr(0, slash);
    address.path = rest.substr(slash);
    while (address.path.ends_with('/')) address.path.pop_back();
    const auto colon = authority.rfind(':');
    const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
    address.host = authority.substr(0, has_port ? colon : authority.size());
    address.port = has_port ? std::string(authority.substr(colon + 1))
                            : address.is_tls ? "443" : "80";
    if (address.host.starts_with('[') && address.host.ends_with(']')) {
      address.host = address.host.substr(1, address.host.size() - 2);
    }
    const bool is_plain = url.find_first_of(" \t\r\n?#@") == std::string::npos;
    const bool is_port = !address.port.empty() && address.port.size() <= 5 &&
                         address.port.find_first_not_of("0123456789") == std::string::npos;
    if (is_plain && is_port && !address.host.empty()) return address;
  }
  return fail(Errc::kBadRequest, "expected an address like https://city.example:8443/path, got `" +
                                     url.substr(0, 200) + "`");
}

Result<WebPage> parse_web_page(const std::string& url) {
  const auto query = std::min(url.find('?'), url.size());
  HANSA_TRY(auto address, parse_web_address(url.substr(0, query)));
  if (url.find_first_of(" \t\r\n#", query) != std::string::npos) {
    return fail(Errc::kBadRequest, "expected an address without blanks and `#`, got `" +
                                       url.substr(0, 200) + "`");
  }
  // A path keeps the `/` at its end, which an address does not have.
  const auto path = std::min(url.find('/', url.find("://") + 3), query);
  auto target = url.substr(path);
  if (!target.starts_with('/')) target.insert(0, "/");
  return WebPage{std::move(address), std::move(target)};
}

Result<TlsContext> client_tls(const TlsTrust& trust) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  beast::error_code error;
  const auto wrong = [&](const std::string& file, const char* what) {
    return fail(Errc::kBadFile, file + ": expected " + what + ": " + error.message());
  };
  context->set_verify_mode(asio::ssl::verify_peer, error);
  if (trust.authorities.empty()) {
    context->set_default_verify_paths(error);
    if (error) return wrong("the system's certificates", "to be readable");
  } else {
    context->load_verify_file(trust.authorities, error);
    if (error) return wrong(trust.authorities, "certificates of authorities in PEM");
  }
  if (trust.certificate.empty()) return context;
  context->use_certificate_chain_file(trust.certificate, error);
  if (error) return wrong(trust.certificate, "a certificate in PEM and the chain behind it");
  context->use_private_key_file(trust.certificate_key, asio::ssl::context::pem, error);
  if (error) return wrong(trust.certificate_key, "the private key of the certificate in PEM");
  return context;
}

struct WebConnection::Impl {
  asio::io_context& context;
  WebAddress address;
  TlsContext tls;
  std::optional<beast::tcp_stream> plain;
  std::optional<TlsStream> secure;
  beast::flat_buffer buffer{};

  beast::tcp_stream& lowest() { return secure ? secure->next_layer() : *plain; }
};

WebConnection::WebConnection(asio::io_context& context, WebAddress address, TlsContext tls)
    : impl_(new Impl{context, std::move(address), std::move(tls), {}, {}}) {}
WebConnection::~WebConnection() = default;

bool WebConnection::is_open() const { return impl_->plain || impl_->secure; }

void WebConnection::close() {
  impl_->plain.reset();
  impl_->secure.reset();
  impl_->buffer.clear();
}

asio::awaitable<Result<void>> WebConnection::connect(int wait_ms_max) {
  auto& at = *impl_;
  if (is_open()) co_return Result<void>();
  if (at.address.is_tls) {
    at.secure.emplace(at.context, *at.tls);
  } else {
    at.plain.emplace(at.context);
  }
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  tcp::resolver resolver(at.context);
  const auto endpoints = co_await resolver.async_resolve(at.address.host, at.address.port, token);
  at.lowest().expires_after(std::chrono::milliseconds(wait_ms_max));
  if (!error) co_await at.lowest().async_connect(endpoints, token);
  if (!error) at.lowest().socket().set_option(tcp::no_delay(true), error);
  std::string why = error.message();
  if (!error && at.secure) {
    expect_host(at.secure->native_handle(), at.address.host);
    co_await at.secure->async_handshake(asio::ssl::stream_base::client, token);
    if (error) why = why_no_tls(at.secure->native_handle(), error);
  }
  if (!error) co_return Result<void>();
  close();
  co_return fail(Errc::kUnavailable, why);
}

asio::awaitable<Result<HttpAnswer>> WebConnection::exchange(WebRequest& request, int wait_ms_max,
                                                            size_t bytes_max) {
  auto& at = *impl_;
  if (!is_open()) co_return fail(Errc::kUnavailable, "it is not connected");
  at.lowest().expires_after(std::chrono::milliseconds(wait_ms_max));
  bool keeps_open = false;
  Result<HttpAnswer> answer;
  if (at.secure) {
    answer = co_await exchange_on(*at.secure, at.buffer, request, bytes_max, keeps_open);
  } else {
    answer = co_await exchange_on(*at.plain, at.buffer, request, bytes_max, keeps_open);
  }
  if (!keeps_open) close();
  co_return answer;
}

asio::awaitable<Result<HttpAnswer>> ask_once(asio::io_context& context, WebAddress address,
                                             TlsContext tls, WebRequest request, WebLimits limits) {
  request.version(11);
  request.set(http::field::host, address.host + ":" + address.port);
  request.set(http::field::connection, "close");
  request.prepare_payload();
  WebConnection connection(context, std::move(address), std::move(tls));
  auto connected = co_await connection.connect(limits.wait_ms_max);
  if (!connected) co_return fail(connected.error());
  co_return co_await connection.exchange(request, limits.wait_ms_max, limits.bytes_max);
}

Result<void> run(asio::io_context& context, asio::awaitable<Result<void>> step) {
  return wait_for(context, std::move(step));
}

Result<HttpAnswer> run(asio::io_context& context, asio::awaitable<Result<HttpAnswer>> step) {
  return wait_for(context, std::move(step));
}

}  // namespace hansa::ops
