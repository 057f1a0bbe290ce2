// Mini keeper: the smallest honest user of an Appender, for the tests of its rules.
//
// Shape:   a command is a text; an entry's payload is that text. demand() asks for a command to be
//          recorded once; round() stamps and sends what is wanted and not yet known, follow() and
//          deliver() carry out the appender's steps as the keeper does: fold, undo, look up.
//          prefix is what it has folded: it must always be a prefix of the ledger.
// Errors:  the last error of the appender is kept in `error`; kUnavailable is retried by the test.
// Threads: the test's own.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "streams/appender.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {

class MiniKeeper {
 public:
  struct Folded {
    Hash hash;
    std::string command;
    auto operator<=>(const Folded&) const = default;
  };
  struct Answer {
    Appender::FlightId flight;
    std::vector<Delivery> deliveries;
  };

  MiniKeeper(Log& log, const FoundingId& founding_id, SeededEnv& env,
             const ChainPosition& from = {}, std::vector<Folded> prefix = {},
             const LedgerId& ledger = kTestLedger)
      : appender(log, ledger, founding_id, from, env), prefix_(std::move(prefix)) {
    for (size_t i = 0; i < prefix_.size(); ++i) known_[prefix_[i].command] = i + 1;
  }

  // Records the command once; asking again for one that is known does nothing.
  void demand(const std::string& command) {
    if (known_.count(command) == 0) wanted_.insert(command);
  }

  // Decides what is wanted on the present state and sends it. L4: what the chain this builds on
  // already holds is not put on it again.
  bool round(size_t flight_max = Appender::kFlightEntriesMax) {
    size_t stamped = 0;
    for (const auto& command : wanted_) {
      if (stamped == flight_max) break;
      if (known_.count(command) > 0 || open_commands_.count(command) > 0) continue;
      auto entry = appender.stamp(command);
      if (!entry) {
        error = entry.error();
        return false;
      }
      EXPECT_EQ(entry->seq, prefix_.size() + open_.size() + 1);
      open_.push_back({entry->hash, command});
      open_commands_.insert(command);
      ++stamped;
    }
    if (stamped == 0) return false;
    last_flight = appender.send([this](Appender::FlightId flight, std::vector<Delivery> answer) {
      answers.push_back({flight, std::move(answer)});
    });
    return true;
  }

  // Hands over every answer that came; deliver(answer) does it with one the test has altered.
  void deliver() {
    while (!answers.empty()) {
      Answer answer = std::move(answers.front());
      answers.pop_front();
      deliver(std::move(answer));
    }
  }
  std::vector<Step> deliver(Answer answer) {
    return carry_out(appender.settle(answer.flight, std::move(answer.deliveries)));
  }
  std::vector<Step> follow() { return carry_out(appender.follow()); }

  const std::vector<Folded>& prefix() const { return prefix_; }
  // command -> seq under which its caller was answered
  const std::map<std::string, Seq>& acknowledged() const { return acknowledged_; }
  size_t open_count() const { return open_.size(); }
  bool wants_more() const { return !wanted_.empty(); }

  Appender appender;
  std::deque<Answer> answers;
  Appender::FlightId last_flight = 0;
  std::optional<Error> error;
  uint64_t undone = 0;
  uint64_t foreign = 0;

 private:
  std::vector<Step> carry_out(Result<std::vector<Step>> steps) {
    if (!steps) {
      error = steps.error();
      return {};
    }
    error.reset();
    for (const auto& step : *steps) {
      if (step.kind == Step::Kind::kLanded) {
        if (nothing_open()) return *steps;
        EXPECT_EQ(step.seq, prefix_.size() + 1);
        EXPECT_EQ(step.entry.hash, open_.front().hash);
        open_commands_.erase(open_.front().command);
        fold(open_.front());
        open_.pop_front();
      } else if (step.kind == Step::Kind::kUndo) {
        ++undone;
        open_.clear();
        open_commands_.clear();
      } else {
        ++foreign;
        EXPECT_TRUE(open_.empty()) << "a foreign entry is folded on a clean state";
        EXPECT_EQ(step.entry.seq, prefix_.size() + 1);
        fold({step.entry.hash, std::string(step.entry.payload())});
      }
    }
    EXPECT_EQ(appender.landed().seq, prefix_.size());
    return *steps;
  }

  void fold(const Folded& entry) {
    prefix_.push_back(entry);
    EXPECT_TRUE(known_.emplace(entry.command, prefix_.size()).second)
        << entry.command << " is valid twice";
    if (wanted_.erase(entry.command) > 0) acknowledged_[entry.command] = prefix_.size();
  }

  bool nothing_open() const {
    if (open_.empty()) ADD_FAILURE() << "landed without having been stamped";
    return open_.empty();
  }

  std::vector<Folded> prefix_;
  std::map<std::string, Seq> known_;
  std::set<std::string> wanted_;
  std::deque<Folded> open_;  // stamped and not landed
  std::set<std::string> open_commands_;
  std::map<std::string, Seq> acknowledged_;
};

}  // namespace hansa::streams
