// Workload: what the clients of a ledger ask, well and badly, from the dice.
//
// Shape:   setup() are the commands that found it, in order. next() makes a request. learn() tells
//          of what a command was about, and its state.
//          CityWorkload, of a city: reports, the next right step on a known case, any step on any
//          case, units, imported rows, erasures, and what nobody may do.
//          make_request() is a request by somebody who may make it.
// Errors:  none.
// Threads: one.
// Limits:  few names of everything, so that clients meet.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/schema.h"
#include "core/city/context.h"
#include "tests/sim/dice.h"

namespace hansa::sim {

// Begins every personal text, and nothing else.
inline constexpr std::string_view kSecretText = "+86 512 70";

struct Request {
  const MethodInfo* method = nullptr;
  std::unique_ptr<google::protobuf::Message> message;
  Principal who;
  std::string subject;
  std::string import_key;
  std::string address;  // of an import
  std::string reporter;  // whose key its personal texts are sealed under; empty: it has none
};

// An operator's word that every node of the city knows this level.
Request raise_level(Dice& dice, const std::string& city, uint32_t level);

Request make_request(Dice& dice, const std::string& method,
                     std::unique_ptr<google::protobuf::Message> message);

class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::vector<Request> setup() = 0;
  virtual Request next() = 0;
  virtual void learn(const std::string& subject, const std::string& state) = 0;
};

class CityWorkload final : public Workload {
 public:
  // `now_us` is when the city begins: imported cases are older, postponed ones come later. Without
  // `erases` nobody's data is erased.
  CityWorkload(Dice& dice, std::string city, int64_t now_us, bool erases);

  std::vector<Request> setup() override;
  Request next() override;
  void learn(const std::string& case_id, const std::string& state) override;

 private:
  struct KnownCase {
    std::string id;
    std::string state;
  };

  Request request(const std::string& method, std::unique_ptr<google::protobuf::Message> message);
  Request report();
  Request step_on_case();
  Request on_case(const std::string& method, const std::string& case_id);
  Request define_unit();
  Request import();
  Request erase();

  Dice& dice_;
  const std::string city_;
  const int64_t now_us_;
  const bool erases_;
  std::vector<KnownCase> cases_;
};

}  // namespace hansa::sim
