// Figure judge: reckons what was published to an alliance anew, from what was shared, and says in
// the alliance's ledger what came of it.
//
// Shape:   poke() takes the next step, if there is one: for the first figure that nobody judged yet
//          it reads the share ledgers that are its sources from their first entries on, as far as
//          they vouch for themselves (federation/signed_reader.h): a city's up to the entry that
//          tells of the publication, of the alliance's own figure exactly the sizes it names. Then
//          it compares (core/metrics/published.h) and submits JudgeFigure, with sizes, last hashes
//          and roots of what it read:
//            proved           the figure claims it, and the same was reckoned
//            does_not_follow  it claims it, and another value was reckoned; or it names entries
//                             that its sources do not have
//            attested         it does not claim to be proved
//          After a restart it begins with the figure again.
// Errors:  in health().waits. What the sources do not vouch for yet is waited for; a source that
//          cannot be read on holds up its own figures only, until its keys change or the node
//          starts again.
// Threads: poke and health from one thread; answers of keepers come on theirs.
// Limits:  a poke reads about SignedReader::kReadBytesMax; one figure at a time.
// Source:  DESIGN §8 "Figures".
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "federation/relay.h"
#include "federation/signed_reader.h"

namespace hansa::federation {

// What an entry of a share tells of the city's publication; it points into the payload.
struct ToldFigure {
  Seq seq = 0;  // of the city's ledger; 0: it does not tell of it
  const v1::PublishedFigure* figure = nullptr;
};
ToldFigure told_in(const v1::Payload& payload, const std::string& publication);
// That the city told the figure as the alliance has it, and with the entry behind those it counts;
// kDoesNotFollow.
Result<void> check_told(const ToldFigure& told, const v1::FigureRecord& record);

class FigureJudge {
 public:
  struct Plan {
    std::shared_ptr<projections::Keeper> keeper;  // of the alliance
    streams::Log* log = nullptr;
  };
  explicit FigureJudge(Plan plan);
  ~FigureJudge();

  // True: something was begun or is on its way.
  bool poke();
  LinkHealth health() const;

 private:
  struct Case;  // one figure, as far as it is read
  struct Step;
  Result<void> look();
  Result<bool> is_readable(const v1::FigureRecord& record);
  Result<void> open_source();
  // True: the source is read as far as the figure needs it.
  Result<bool> read_on();
  void close_source(const SignedEntry& last);
  void judge();
  void submit();
  void settle();

  Plan plan_;
  Seq looked_at_ = 0;  // of the alliance's rows, when nothing was left to judge
  std::unique_ptr<Case> case_;
  std::shared_ptr<Step> step_;  // on its way
  // Figures whose source cannot be read on, by their key, with the keys it was read by.
  std::map<std::string, std::string> stuck_;
  std::optional<Error> waits_;
};

}  // namespace hansa::federation
