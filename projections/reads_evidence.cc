#include "core/alliance/identity.h"
#include "core/city/peers.h"
#include "projections/reads.h"
#include "projections/reads_tables.h"

namespace hansa::projections {

Result<v1::PublishedFiguresAnswer> answer(const v1::ListPublishedFigures& request,
                                          const ReadContext& context) {
  v1::PublishedFiguresAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kFigureRecordTable, request, context, [&] { return answer.add_figures(); }));
  return answer;
}

Result<v1::PublishedFiguresAnswer> answer(const v1::ListCityFigures& request,
                                          const ReadContext& context) {
  v1::PublishedFiguresAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kFigureRecordTable, request, context, [&] { return answer.add_figures(); },
                       peer_prefix(request.alliance())));
  return answer;
}

Result<v1::PeersAnswer> answer(const v1::ListPeers& request, const ReadContext& context) {
  v1::PeersAnswer answer;
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kMemberTable, request, context, [&] { return answer.add_peers(); },
                       peer_prefix(request.alliance())));
  return answer;
}

// The alliance's own ledger stands before the members' on the first page.
Result<v1::WitnessedAnswer> answer(const v1::ListWitnessed& request, const ReadContext& context) {
  v1::WitnessedAnswer answer;
  if (request.page_token().empty()) {
    const LedgerId own{std::string(kAllianceKind), request.alliance()};
    HANSA_TRY(auto row, context.snapshot.find(kWitnessedTable, own.text()));
    if (row) answer.add_witnessed()->Swap(&*row);
  }
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_table(kWitnessedTable, request, context, [&] { return answer.add_witnessed(); },
                       share_ledger(request.alliance(), "").text()));
  return answer;
}

}  // namespace hansa::projections
