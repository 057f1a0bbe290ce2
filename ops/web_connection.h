// Web connection: one connection to a web server, in clear or by TLS, and the requests sent on it.
//
// Shape:   connect() resolves, connects and, for https, shakes hands; exchange() sends one request
//          and reads the answer. TLS checks the server's certificate against `authorities`, its
//          name against the host of the address, and shows `certificate` to servers that ask for
//          one. ask_once: both on a connection of its own. run(): waits for one of these.
// Units:   waits in milliseconds, each for the whole of its step.
// Errors:  parse_web_address, parse_web_page: kBadRequest. client_tls: kBadFile, which file and
//          why. The others: kUnavailable, with what the system or the TLS library says.
// Threads: one at a time, on the context's.
// Limits:  answers up to `bytes_max`. Names are looked up one after the other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <string>

#include "core/base/result.h"

namespace hansa::ops {

struct WebAddress {
  bool is_tls = false;
  std::string host;
  std::string port;
  std::string path;  // "" or "/tlog"; never ends in "/"
};
// http[s]://host[:port][/path]
Result<WebAddress> parse_web_address(const std::string& url);

struct WebPage {
  WebAddress address;
  std::string target;  // what is asked for there, `/keys?policy=staff`; "/" at least
};
// http[s]://host[:port][/path][?query]
Result<WebPage> parse_web_page(const std::string& url);

// Whom to trust and as whom to come, each a file in PEM.
struct TlsTrust {
  std::string authorities;      // empty: the system's
  std::string certificate;      // own, the chain behind it; may be empty
  std::string certificate_key;  // of `certificate`
};

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;
Result<TlsContext> client_tls(const TlsTrust& trust);

struct HttpAnswer {
  int status = 0;
  std::string content_type;
  std::string body;
  std::string entry_sha256{};  // of a read: of the entry that it shows, 64 hex digits
};

using WebRequest = boost::beast::http::request<boost::beast::http::string_body>;

class WebConnection {
 public:
  // `tls` is asked for where the address is https.
  WebConnection(boost::asio::io_context& context, WebAddress address, TlsContext tls);
  ~WebConnection();

  bool is_open() const;
  void close();
  boost::asio::awaitable<Result<void>> connect(int wait_ms_max);
  // Closes where an error came, or the server will.
  boost::asio::awaitable<Result<HttpAnswer>> exchange(WebRequest& request, int wait_ms_max,
                                                      size_t bytes_max);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct WebLimits {
  int wait_ms_max = 10'000;
  size_t bytes_max = 256 * 1024;
};
boost::asio::awaitable<Result<HttpAnswer>> ask_once(boost::asio::io_context& context,
                                                    WebAddress address, TlsContext tls,
                                                    WebRequest request, WebLimits limits);

Result<void> run(boost::asio::io_context& context, boost::asio::awaitable<Result<void>> step);
Result<HttpAnswer> run(boost::asio::io_context& context,
                       boost::asio::awaitable<Result<HttpAnswer>> step);

}  // namespace hansa::ops
