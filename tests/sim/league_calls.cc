#include "tests/sim/league_calls.h"

#include <algorithm>
#include <utility>

#include "core/base/durations.h"

namespace hansa::sim {
namespace {

constexpr int64_t kPatienceUs = 5 * kSecondUs;

Error away(const std::string& city) {
  return {Errc::kUnavailable, "the witness of " + city + " did not answer"};
}

}  // namespace

void LeagueCalls::send(const std::shared_ptr<bool>& is_answered,
                       const std::function<void()>& deliver) {
  auto& dice = world_.dice;
  if (dice.chance(world_.faults.call_lost)) return world_.trace.note("call is lost");
  const int copies = dice.chance(world_.faults.call_doubled) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const int64_t late_us =
        dice.chance(world_.faults.call_late) ? dice.between(0, kPatienceUs + kSecondUs) : 0;
    parcels_.push_back({world_.now.time_us + late_us, is_answered, deliver});
  }
}

// Answers are taken once, whoever gives them.
template <typename Answer, typename Ask>
void LeagueCalls::call(const std::string& city, const Ask& ask, Answer answer) {
  const auto is_answered = std::make_shared<bool>(false);
  const auto answer_once = [is_answered, answer = std::move(answer)](auto result) {
    if (!std::exchange(*is_answered, true)) answer(std::move(result));
  };
  parcels_.push_back({world_.now.time_us + kPatienceUs, is_answered,
                      [answer_once, city] { answer_once(fail(away(city))); }});
  send(is_answered, [this, city, ask, answer_once, is_answered] {
    const auto witness = world_.witness(city);
    world_.trace.note("call arrives", {witness != nullptr}, city);
    if (witness == nullptr) return;
    ask(*witness, [this, answer_once, is_answered](auto result) {
      send(is_answered, [answer_once, result = std::move(result)] { answer_once(result); });
    });
  });
}

void LeagueCalls::add_checkpoint(const v1::Member& member,
                                 const federation::WitnessRequest& request,
                                 federation::Cosigned cosigned) {
  notes_.push_back(request.note);
  const std::string text = federation::request_text(request);
  call(member.city(),
       [text](const federation::Witness& witness, federation::Cosigned answer) {
         const auto read = federation::parse_witness_request(text);
         if (!read) return answer(fail(read.error()));
         witness.add_checkpoint(*read, std::move(answer));
       },
       std::move(cosigned));
}

void LeagueCalls::newest(const v1::Member& member, const LedgerId& ledger, const std::string&,
                         federation::NewestCosigned answer) {
  call(member.city(),
       [name = ledger.text()](const federation::Witness& witness,
                              federation::NewestCosigned told) {
         witness.newest(name, std::move(told));
       },
       std::move(answer));
}

void LeagueCalls::forget_answered() {
  std::erase_if(parcels_, [](const Parcel& parcel) { return *parcel.is_answered; });
}

bool LeagueCalls::step() {
  forget_answered();
  std::vector<size_t> due;
  for (size_t i = 0; i < parcels_.size(); ++i) {
    if (parcels_[i].due_us <= world_.now.time_us) due.push_back(i);
  }
  if (due.empty()) return false;
  const size_t which = due[world_.dice.pick(due.size())];
  const auto deliver = std::move(parcels_[which].deliver);
  parcels_.erase(parcels_.begin() + static_cast<ptrdiff_t>(which));
  deliver();
  return true;
}

bool LeagueCalls::is_idle() {
  forget_answered();
  return parcels_.empty();
}

}  // namespace hansa::sim
