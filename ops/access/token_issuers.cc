#include "ops/access/token_issuers.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "ops/access/json_web_token.h"
#include "ops/files.h"
#include "ops/json_log.h"
#include "ops/system_env.h"
#include "ops/tls.h"

namespace hansa::ops {
namespace {

namespace json = boost::json;

constexpr int64_t kAskAgainUs = 10'000'000;
constexpr int64_t kLookAgainUs = 1'000'000;
constexpr size_t kWordsMax = 1'000;
constexpr auto kFirstKeysPause = std::chrono::seconds(5);

// The claim at `path`, whose parts dots divide; nullptr: there is none.
const json::value* claim_at(const json::object& claims, std::string_view path) {
  const json::object* at = &claims;
  while (true) {
    // A name with dots in it comes first: `https://hansa.example/roles`.
    if (const auto* whole = at->if_contains(path)) return whole;
    const auto dot = path.find('.');
    if (dot == std::string_view::npos) return nullptr;
    const auto* part = at->if_contains(path.substr(0, dot));
    if (part == nullptr || !part->is_object()) return nullptr;
    at = &part->get_object();
    path.remove_prefix(dot + 1);
  }
}

// Empty without a `path`. A token that lacks what limits its caller would be one without limits.
Result<std::string> text_of_claim(const json::object& claims, const std::string& path) {
  if (path.empty()) return std::string();
  const auto* found = claim_at(claims, path);
  if (found != nullptr && found->is_string() && !found->get_string().empty()) {
    return std::string(found->get_string());
  }
  return fail(Errc::kUnauthenticated, "expected a token with a text in its claim `" + path + "`");
}

// A list of texts, or one text of words with blanks between them (as `scope` is).
std::vector<std::string> words_of_claim(const json::object& claims, const std::string& path) {
  const auto* found = path.empty() ? nullptr : claim_at(claims, path);
  std::vector<std::string> words;
  if (found == nullptr) return words;
  if (found->is_array()) {
    for (const auto& one : found->get_array()) {
      if (one.is_string() && words.size() < kWordsMax) words.emplace_back(one.get_string());
    }
  } else if (found->is_string()) {
    const std::string_view text = found->get_string();
    for (size_t at = 0; at < text.size() && words.size() < kWordsMax;) {
      const auto end = std::min(text.find(' ', at), text.size());
      if (end > at) words.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
  }
  return words;
}

Result<TokenKeys> keys_in(const std::string& file) {
  HANSA_TRY(const auto text, read_file(file, kKeySetBytesMax));
  auto read = TokenKeys::parse(text);
  if (!read) return fail(read.error().code, file + ": " + read.error().detail);
  return read;
}

}  // namespace

Result<void> check_keys_file(const std::string& file) {
  HANSA_TRY(const auto keys, keys_in(file));
  return {};
}

struct TokenIssuers::Issuer {
  Issuer(IssuerSettings issuer_settings, KeysRead told)
      : settings(std::move(issuer_settings)), keys_read(std::move(told)) {}
  ~Issuer() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    if (thread.joinable()) thread.join();
  }

  Result<void> read_file_of_keys();
  void look_at_file();
  Result<TokenKeys> ask_for_keys();
  void follow_address();
  void tell(const Result<void>& read) const;
  Result<std::shared_ptr<const TokenKeys>> keys_for(const std::string& id);
  std::vector<std::string> cities_of(const json::object& claims) const;
  Result<Principal> principal_of(const json::object& claims) const;

  const IssuerSettings settings;
  const KeysRead keys_read;
  WebPage page;  // of keys_url
  std::shared_ptr<ClientTls> tls;
  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<const TokenKeys> keys;
  FileStamp stamp;
  int64_t looked_us = 0;  // at the file, or when the address was last asked for an unknown key
  bool wanted = false;    // the address is to be asked now
  bool stopping = false;
  std::thread thread;
};

Result<void> TokenIssuers::Issuer::read_file_of_keys() {
  stamp = file_stamp(settings.keys_file);  // what is wrong is told once
  HANSA_TRY(auto read, keys_in(settings.keys_file));
  keys = std::make_shared<const TokenKeys>(std::move(read));
  return {};
}

// Under `mutex`. A file that cannot be read leaves the keys that were read before.
void TokenIssuers::Issuer::look_at_file() {
  const int64_t now_us = monotonic_us();
  if (looked_us != 0 && now_us - looked_us < kLookAgainUs) return;
  looked_us = now_us;
  if (file_stamp(settings.keys_file) == stamp) return;
  tell(read_file_of_keys());
}

void TokenIssuers::Issuer::tell(const Result<void>& read) const {
  keys_read(settings.issuer, !read);
  if (read) return;
  JsonLine(LogLevel::kWarning, "token_keys_unread")
      .field("issuer", settings.issuer)
      .field("detail", read.error().detail);
}

Result<TokenKeys> TokenIssuers::Issuer::ask_for_keys() {
  boost::asio::io_context context(1);
  WebRequest question(boost::beast::http::verb::get, page.target, 11);
  question.set(boost::beast::http::field::accept, "application/json");
  const WebLimits limits{.bytes_max = kKeySetBytesMax};
  const auto answer =
      run(context, ask_once(context, page.address, tls ? tls->context() : nullptr,
                            std::move(question), limits));
  if (!answer) {
    return fail(answer.error().code, settings.keys_url + ": " + answer.error().detail);
  }
  if (answer->status != 200) {
    return fail(Errc::kUnavailable,
                settings.keys_url + " answered " + std::to_string(answer->status));
  }
  return TokenKeys::parse(answer->body);
}

void TokenIssuers::Issuer::follow_address() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    wanted = false;
    lock.unlock();
    auto read = ask_for_keys();
    tell(read ? Result<void>() : fail(read.error()));
    lock.lock();
    if (read) keys = std::make_shared<const TokenKeys>(*std::move(read));
    const auto pause = keys == nullptr ? kFirstKeysPause : std::chrono::seconds(settings.refresh_s);
    changed.wait_for(lock, pause, [this] { return stopping || wanted; });
  }
}

Result<std::shared_ptr<const TokenKeys>> TokenIssuers::Issuer::keys_for(const std::string& id) {
  const std::lock_guard lock(mutex);
  if (!settings.keys_file.empty()) look_at_file();
  if (keys != nullptr && keys->find(id) != nullptr) return keys;
  const int64_t now_us = monotonic_us();
  const bool may_ask = keys == nullptr || looked_us == 0 || now_us - looked_us >= kAskAgainUs;
  if (settings.keys_url.empty() || !may_ask) {
    return fail(Errc::kUnauthenticated,
                "the token is signed by a key that " + settings.issuer +
                    " does not publish; get a new one there");
  }
  if (keys != nullptr) looked_us = now_us;  // the first answer is being waited for already
  wanted = keys != nullptr;
  changed.notify_all();
  return fail(Errc::kUnavailable, "the keys of " + settings.issuer + " are being read; try again");
}

// What a token may say is bounded by where the configuration lets its issuer speak.
std::vector<std::string> TokenIssuers::Issuer::cities_of(const json::object& claims) const {
  if (settings.cities_claim.empty()) return settings.cities;
  const auto is_bounded = std::ranges::find(settings.cities, "*") == settings.cities.end();
  auto cities = words_of_claim(claims, settings.cities_claim);
  std::erase_if(cities, [&](const std::string& city) {
    return is_bounded && std::ranges::find(settings.cities, city) == settings.cities.end();
  });
  return cities;
}

Result<Principal> TokenIssuers::Issuer::principal_of(const json::object& claims) const {
  Principal principal;
  principal.issuer = settings.issuer;
  HANSA_TRY(principal.subject, text_of_claim(claims, "sub"));
  for (const auto& word : words_of_claim(claims, settings.roles_claim)) {
    for (const auto& [name, role] : settings.roles) {
      if (name == word && !principal.has_role(role)) principal.roles.push_back(role);
    }
  }
  principal.cities = cities_of(claims);
  HANSA_TRY(principal.unit, text_of_claim(claims, settings.unit_claim));
  HANSA_TRY(principal.grid_prefix, text_of_claim(claims, settings.grid_prefix_claim));
  HANSA_TRY(principal.person, text_of_claim(claims, settings.person_claim));
  if (!principal.person.empty() && !parse_hex<PersonId>(principal.person)) {
    return fail(Errc::kUnauthenticated, "expected in the claim `" + settings.person_claim +
                                            "` the 32 hexadecimal digits of a person id");
  }
  principal.alliance = settings.alliance;
  return principal;
}

TokenIssuers::TokenIssuers(Env& env) : env_(env) {}
TokenIssuers::~TokenIssuers() = default;

Result<std::unique_ptr<TokenIssuers>> TokenIssuers::open(const Config& config, Env& env,
                                                         KeysRead keys_read) {
  std::unique_ptr<TokenIssuers> issuers(new TokenIssuers(env));
  for (const auto& one : config.issuers) {
    auto& issuer = *issuers->issuers_.emplace_back(std::make_unique<Issuer>(one, keys_read));
    keys_read(one.issuer, false);
    if (!one.keys_file.empty()) {
      HANSA_CHECK(issuer.read_file_of_keys());
      continue;
    }
    HANSA_TRY(issuer.page, parse_web_page(one.keys_url));
    if (issuer.page.address.is_tls) {
      HANSA_TRY(issuer.tls, ClientTls::open({config.http.trusted_authorities}));
    }
    issuer.thread = std::thread([&issuer] { issuer.follow_address(); });
  }
  return issuers;
}

Result<Principal> TokenIssuers::principal_of(std::string_view token) {
  HANSA_TRY(auto read, read_token(token));
  const auto found = std::ranges::find_if(
      issuers_, [name = read.issuer()](const auto& one) { return one->settings.issuer == name; });
  if (found == issuers_.end()) {
    return fail(Errc::kUnauthenticated, "the token's issuer is none that this server knows");
  }
  auto& issuer = **found;
  const auto key_id = read.key_id;
  HANSA_TRY(const auto keys, issuer.keys_for(key_id));
  const TokenRules rules{issuer.settings.issuer, issuer.settings.audience,
                         issuer.settings.leeway_s};
  HANSA_TRY(const auto claims,
            verify_token(std::move(read), *keys->find(key_id), rules, env_.now_us()));
  return issuer.principal_of(claims);
}

}  // namespace hansa::ops
