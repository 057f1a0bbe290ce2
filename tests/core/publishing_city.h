// PublishingCity: a TestCity whose figures follow its cases, and that can join the alliance delta.
//
// Shape:   grants_of() is an agreement that grants exactly what figures need; bring_in_force()
//          leads the city to share by it, with time before and after. count() folds what landed
//          since into the tallies; shared() is what its share ledger says then.
// Threads: one.
#pragma once

#include "core/city/figures.h"
#include "core/metrics/metrics_fold.h"
#include "core/metrics/published.h"
#include "tests/core/affiliated_city.h"

namespace hansa {

inline v1::Agreement grants_of(
    const std::vector<std::pair<const MetricInfo*, Scope>>& figures, uint32_t smallest_cell) {
  v1::Agreement terms;
  std::map<std::string, std::set<std::string>> fields;
  for (const auto& [metric, scope] : figures) {
    auto& named = *terms.add_metrics();
    named.set_metric(std::string(metric->id) + "@" + std::to_string(metric->version));
    named.add_scopes(scope_name(scope));
    for (const auto& input : figure_inputs(*metric, scope)) {
      const auto dot = input.find('.');
      fields[input.substr(0, dot)].insert(input.substr(dot + 1));
    }
  }
  for (const auto& [event, names] : fields) {
    auto& grant = *terms.add_grants();
    grant.set_event(event);
    for (const auto& name : names) grant.add_fields(name);
  }
  terms.set_smallest_cell(smallest_cell);
  return terms;
}

inline v1::PublishMetric publishing(const std::string& metric, const std::string& scope,
                                    const std::string& from, const std::string& to) {
  v1::PublishMetric command;
  command.set_city("test");
  command.set_alliance("delta");
  command.set_metric(metric);
  command.set_scope(scope);
  command.set_from_day(from);
  command.set_to_day(to);
  return command;
}

class PublishingCity : public TestCity {
 public:
  void hear(const std::function<void(v1::Event&)>& fill) {
    v1::TakeHeard command;
    command.set_alliance("delta");
    command.set_city("test");
    auto& heard = *command.add_heard();
    heard.set_seq(++alliance_seq_);
    fill(*heard.mutable_event());
    accept(command, kAdmin);
  }

  void join() {
    accept(joining("delta"), kAdmin);
    hear([](auto& event) {
      auto& admitted = *event.mutable_city_admitted();
      admitted.set_city("test");
      admitted.set_founding_id(std::string(32, 'a'));
      admitted.set_public_key(std::string(64, 'b'));
    });
    hear([](auto& event) { event.mutable_city_joined()->set_city("test"); });
  }

  void ratify(const v1::Agreement& terms) {
    const uint32_t version = ++versions_;
    const std::string sha256 = agreement_sha256(terms);
    hear([&](auto& event) {
      auto& proposed = *event.mutable_agreement_proposed();
      proposed.set_version(version);
      *proposed.mutable_agreement() = terms;
      proposed.set_sha256(sha256);
    });
    auto command = to_alliance<v1::RatifyAgreement>("delta", version);
    command.set_sha256(sha256);
    accept(command, kAdmin);
  }

  void bring_in_force(const v1::Agreement& terms) {
    if (versions_ == 0) join();
    ratify(terms);
    now_us += kSecond;
    hear([&](auto& event) { event.mutable_agreement_took_effect()->set_version(versions_); });
    now_us += kSecond;
  }

  void adopt_offset(int offset_s) {
    count();
    v1::AdoptCalendar command;
    command.set_city("test");
    *command.mutable_calendar() = default_calendar();
    command.mutable_calendar()->set_time_zone("Etc/Test");
    auto& offset = *command.mutable_calendar()->add_offsets();
    offset.set_utc_time_s(946'684'800);
    offset.set_offset_s(offset_s);
    accept(command, kAdmin);
    now_us += kSecond;
  }

  void count() {
    for (; counted_ < landed.size(); ++counted_) {
      for (const auto& event : landed[counted_].events) {
        const auto folded = fold_metrics(rows, event, landed[counted_].entry);
        ASSERT_TRUE(folded.has_value()) << folded.error().detail;
      }
    }
  }

  Result<Decision> publish(const v1::PublishMetric& command) {
    count();
    return send(command, kAdmin);
  }

  std::vector<v1::Payload> shared() {
    std::vector<v1::Payload> payloads;
    MapRows share;
    for (Seq reached = 0; reached < seq;) {
      v1::RelayEntries command;
      command.set_alliance("delta");
      command.set_city("test");
      for (Seq next = reached + 1; next <= seq; ++next) {
        auto& source = *command.add_entries();
        source.set_seq(next);
        source.mutable_payload()->set_time_us(landed[next - 1].entry.time_us);
        for (const auto& event : landed[next - 1].events) {
          *source.mutable_payload()->add_events() = event;
        }
      }
      command.set_newest_seq(seq);
      *command.mutable_newest() = *rows.find(kAffiliationTable, "delta");
      const DecideContext context{kAdmin, {}, kStart, 1};
      const auto decision = decide_command(kShareKind, share, command, context);
      if (!decision) {
        ADD_FAILURE() << decision.error().detail;
        return payloads;
      }
      auto& payload = payloads.emplace_back();
      for (const auto& event : decision->events) {
        *payload.add_events() = event;
        EXPECT_TRUE(evolve_event_of_ledger(share, event, {payloads.size(), kStart, {}}));
      }
      reached = share.find(kShareReachedTable, "")->seq();
    }
    return payloads;
  }

 private:
  uint64_t alliance_seq_ = 0;
  uint32_t versions_ = 0;
  size_t counted_ = 0;
};

// The first thing in which what is shared gives another figure; empty: none.
inline std::string recomputed_difference(const v1::PublishedFigure& figure,
                                         const std::vector<v1::Payload>& shared) {
  auto again = Recomputation::of(figure);
  if (!again) return again.error().detail;
  for (const auto& payload : shared) {
    const auto taken = again->take("share/delta/test", payload);
    if (!taken) return taken.error().detail;
  }
  const auto reckoned = again->figure();
  return reckoned ? first_difference(figure, *reckoned) : reckoned.error().detail;
}

}  // namespace hansa
