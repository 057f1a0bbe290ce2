#include "ops/serving.h"

#include <algorithm>

#include "ops/system_env.h"

namespace hansa::ops {

SignalWait::SignalWait() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

void SignalWait::wait() {
  int signal = 0;
  ::sigwait(&signals_, &signal);
}

Result<std::unique_ptr<Serving>> Serving::start(const Config& config, Env& env) {
  std::unique_ptr<Serving> serving(new Serving());
  serving->limits_ = config.limits;
  HANSA_TRY(serving->node_, Node::open(config, env, serving->figures_));
  auto& figures = serving->figures_;
  const auto keys_read = [&figures](const std::string& issuer, bool is_stale) {
    figures.token_keys_read(issuer, is_stale);
  };
  HANSA_TRY(serving->issuers_, TokenIssuers::open(config, env, keys_read));
  serving->service_ =
      std::make_unique<Service>(*serving->node_, figures, serving->issuers_.get());
  ServerOptions api{config.http.listen, config.http.threads, config.limits};
  if (config.http.tls.is_on()) {
    HANSA_TRY(api.tls, ServerTls::open(config.http.tls));
  }
  HANSA_TRY(serving->api_server_,
            Server::start(
                api,
                [service = serving->service_.get()](const Call& call) {
                  return service->answer(call);
                },
                serving->figures_));
  ServerOptions metrics{config.metrics.listen, 1, config.limits};
  HANSA_TRY(serving->metrics_server_,
            Server::start(metrics, metrics_handler(*serving->node_, serving->figures_),
                          serving->figures_));
  return serving;
}

Result<void> Serving::check_files(const Config& config) {
  if (config.http.tls.is_on()) {
    HANSA_TRY(const auto tls, ServerTls::open(config.http.tls));
  }
  HANSA_TRY(const auto trust, client_tls({config.http.trusted_authorities}));
  for (const auto& issuer : config.issuers) {
    if (!issuer.keys_file.empty()) HANSA_CHECK(check_keys_file(issuer.keys_file));
  }
  return {};
}

Serving::~Serving() { stop(); }

Endpoint Serving::api() const { return api_server_->listening(); }
Endpoint Serving::metrics() const { return metrics_server_->listening(); }

bool Serving::stop() {
  const int64_t deadline_us = monotonic_us() + int64_t{limits_.stop_ms_max} * 1000;
  const auto left_ms = [&] {
    return std::max<int64_t>(100, (deadline_us - monotonic_us()) / 1000);
  };
  if (node_ != nullptr) node_->leave();
  bool in_time = true;
  // The keepers get the last fifth of the time to answer and to commit.
  if (api_server_ != nullptr) in_time = api_server_->stop(left_ms() * 4 / 5);
  if (metrics_server_ != nullptr) metrics_server_->stop(100);
  api_server_.reset();
  metrics_server_.reset();
  if (node_ != nullptr) node_->close(left_ms());
  service_.reset();
  issuers_.reset();
  node_.reset();
  return in_time;
}

}  // namespace hansa::ops
