#include <boost/asio/post.hpp>

#include "core/rules.h"
#include "projections/forward.h"
#include "projections/keeper_loop.h"

namespace hansa::projections {
namespace {

// So long a command waits for the entry that the leader makes of it, and up to as much more as
// kJitterUs, so that those who gave up on a leader do not all begin at once.
constexpr int64_t kForwardUs = 500'000;
constexpr int64_t kJitterUs = 100'000;
// Whoever waited in vain does not wait again for so long.
constexpr int64_t kDoubtUs = 2'000'000;

// What an entry and the command it came of have in common.
std::string forward_key(v1::CauseKind::Value kind, std::string_view actor,
                        std::string_view command_id) {
  return std::to_string(kind) + '/' + std::string(actor) + std::string(command_id);
}

std::string import_key(const std::string& source_name, const std::string& source_id) {
  return source_name + '\0' + source_id;
}

std::string key_of(const Submission& submission, const ActorId& actor) {
  if (submission.kind != v1::CauseKind::import) {
    return forward_key(submission.kind, actor.view(), submission.id.view());
  }
  const auto& row = static_cast<const v1::ImportCase&>(*submission.command);
  return import_key(row.source_name(), row.source_id());
}

std::string key_of(const v1::Payload& payload) {
  const auto& cause = payload.cause();
  if (cause.kind() != v1::CauseKind::import) {
    return forward_key(cause.kind(), cause.actor(), cause.command_id());
  }
  for (const auto& event : payload.events()) {
    if (!event.has_case_imported()) continue;
    return import_key(event.case_imported().source_name(), event.case_imported().source_id());
  }
  return {};
}

}  // namespace

bool KeeperLoop::leads() const { return config.forward == nullptr || lead == Lead::kHere; }

// Whether the command is another node's to decide. What came from one already goes no further.
bool KeeperLoop::hands_on(const Pending& pending) const {
  if (pending.submission.is_asked) return false;
  return !leads() && lead != Lead::kUndecided && !pending.decide_here && in_doubt_us <= 0;
}

// What another node decided a moment ago may not be read yet: nobody is refused for that, or told
// that there is nothing to do.
bool KeeperLoop::reads_first(Pending& pending) {
  if (pending.has_read) return false;
  const bool had_read = read_this_round;
  switch (find_end()) {
    case End::kAtTip:
      if (read_this_round == had_read) return false;
      pending.has_read = true;
      queue.push_front(std::move(pending));
      break;
    case End::kLater: held.push_back(std::move(pending)); break;
    case End::kUnreadable: refuse_unread(std::move(pending)); break;
  }
  return true;
}

// What was only stamped is sent after this moment, and lands behind all that came before. What is
// on its way may have landed already, with others' entries behind it.
KeeperLoop::End KeeperLoop::find_end() {
  if (config.forward == nullptr || appender->has_stamped()) return End::kAtTip;
  if (flights > 0) return End::kLater;
  if (!read_this_round) read_this_round = read_to_end();
  return read_this_round ? End::kAtTip : End::kUnreadable;
}

// What is found before an error comes without the error: only a call that finds no more was not
// cut short.
bool KeeperLoop::read_to_end() {
  while (!stopped) {
    const auto steps = appender->follow();
    followed(steps);
    if (!steps) return false;
    if (steps->empty()) return true;
  }
  return false;
}

void KeeperLoop::hand_on(Pending pending) {
  if (pending.submission.is_forwarded) {
    return refuse_now(std::move(pending), {Errc::kUnavailable, "another node leads by now"});
  }
  if (forwarded.size() >= config.limits.queue_commands_max) {
    return refuse_now(std::move(pending),
                      {Errc::kRateLimited, "more commands wait for the node that leads " +
                                               config.ledger.text() +
                                               " than this one can hold; wait a second and send it "
                                               "again"});
  }
  config.forward(write_forward(pending.submission, config.ledger, config.secret, env.now_us()));
  ++forwarded_count;
  uint16_t chance = 0;
  env.random(reinterpret_cast<uint8_t*>(&chance), sizeof chance);
  std::string key = key_of(pending.submission, pending.actor);
  // From here on the leader may write it down.
  pending.maybe_landed = true;
  forwarded.emplace(std::move(key),
                    Forwarded{std::move(pending), kForwardUs + kJitterUs * chance / 65'536});
}

// The rows hold the entry of that name already: nothing is left to do where it says the same.
bool KeeperLoop::is_imported(const Pending& pending) const {
  const auto decision = decide_command(config.ledger.kind, *rows, *pending.submission.command,
                                       context_of(pending));
  return decision && decision->unchanged;
}

// An entry of another node: whoever waits for it is answered.
void KeeperLoop::answer_forwarded(Seq seq, const Hash& hash, const v1::Payload& payload) {
  if (forwarded.empty()) return;
  auto [first, last] = forwarded.equal_range(key_of(payload));
  if (first == last) return;
  in_doubt_us = 0;
  for (auto it = first; it != last; ++it) {
    Pending& pending = it->second.pending;
    const bool is_same = payload.cause().kind() == v1::CauseKind::import
                             ? is_imported(pending)
                             : payload.cause().request_mac() == pending.submission.request_mac;
    if (payload.has_refusal() || !is_same) {
      queue.push_back(std::move(pending));
      continue;
    }
    Open item;
    item.seq = seq;
    item.result = receipt_of(pending, seq, hash, payload);
    item.pending = std::move(pending);
    answer(item);
  }
  forwarded.erase(first, last);
}

// No entry came: decide here what was sent on in vain. The chain sees to it that it counts once.
void KeeperLoop::age_forwarded(int64_t by_us) {
  in_doubt_us = std::max<int64_t>(0, in_doubt_us - by_us);
  for (auto it = forwarded.begin(); it != forwarded.end();) {
    if (!leads()) it->second.left_us -= by_us;
    if (!leads() && it->second.left_us > 0) {
      ++it;
      continue;
    }
    Pending pending = std::move(it->second.pending);
    it = forwarded.erase(it);
    if (!leads()) {
      in_doubt_us = kDoubtUs;
      ++forward_timeouts;
    }
    pending.decide_here = true;
    queue.push_back(std::move(pending));
  }
}

void KeeperLoop::take_lead(Lead taken) {
  boost::asio::post(strand, [self = shared_from_this(), taken] {
    if (self->lead == taken) return;
    self->lead = taken;
    self->in_doubt_us = 0;
    self->age_forwarded(0);
    self->post_round();
  });
}

// From a thread of the log's: there may be more to read.
void KeeperLoop::arrived() {
  if (arrival_posted.exchange(true)) return;
  boost::asio::post(strand, [self = shared_from_this()] {
    self->arrival_posted = false;
    if (self->leads()) return;  // its own entries, for the most part; each tick looks for others
    self->follow_others();
    self->round();
  });
}

void KeeperLoop::watch_log() {
  if (config.forward == nullptr) return;
  log.watch(config.ledger, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->arrived();
  });
}

}  // namespace hansa::projections
