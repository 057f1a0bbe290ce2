// Tlog pages: what is served of the transparency logs of this node, and its cities as witnesses.
//
// Shape:   a log's prefix is /tlog/alliance/<id>/ or /tlog/share/<alliance>/<city>/. Under it are
//          checkpoint, tile/…, tile/entries/…, vkey and proof/<seq> (federation/tlog.h). All of it
//          is under confirmed/ too, where the checkpoint is the newest confirmed one.
//          POST /tlog/city/<id>/add-checkpoint asks the witness of a city to cosign, and
//          GET /tlog/city/<id>/<hex SHA-256 of the origin>/checkpoint is the newest that it
//          cosigned; where one city alone is hosted, both stand at /tlog/ too. Whether that city
//          has a witness says the answer. A request is federation::WitnessRequest, the answer the
//          lines of signatures.
//          Everything is public but the entries: those are for roles that may read what cities
//          share, and of a share for callers from whom nothing of it is withheld
//          (ops/http/shares.h).
//          Tiles never change and are cached for ever; a checkpoint for a second.
// Errors:  of add-checkpoint as in C2SP tlog-witness: 400 for a body or a size that cannot be, 403
//          for a checkpoint that its key has not signed, 404 for an unknown log, 409 with the size
//          to begin from as text/x.tlog.size, 422 for a proof that does not hold and for another
//          tree than was cosigned. kUnknownLog: no such log is here, or it was not cosigned;
//          kUnknownRoute: nothing, and no witness, is at that address; kUnauthenticated and
//          kForbidden for entries; kTooLarge.
// Threads: any. A cosignature is answered once it has landed, within limits.request_ms_max.
// Source:  SPEC §9; C2SP tlog-tiles, tlog-witness.
#pragma once

#include "federation/tlog.h"
#include "ops/access/access.h"
#include "ops/http/exchange.h"
#include "ops/node.h"

namespace hansa::ops {

inline constexpr std::string_view kTlogPath = "/tlog/";

class TlogPages {
 public:
  TlogPages(Node& node, Access& access) : node_(node), access_(access) {}

  // Of a path that begins with kTlogPath. `allow` names the verbs that its address has.
  boost::asio::awaitable<Result<Reply>> answer(const Call& call, std::string& allow);

 private:
  Result<Reply> page_of(const Call& call, std::string_view path);
  Result<Reply> tile(const Call& call, const LedgerId& ledger, const TransparencyLog& log,
                     std::string_view path);
  Result<void> may_read_entries(const Call& call, const LedgerId& ledger);
  Result<std::shared_ptr<federation::Witness>> witness_of(std::string_view path) const;
  boost::asio::awaitable<Result<Reply>> cosign(const Call& call, std::string_view path);
  boost::asio::awaitable<Result<Reply>> newest_cosigned(const Call& call, std::string_view path);

  Node& node_;
  Access& access_;
  federation::EntryBundles bundles_;
};

}  // namespace hansa::ops
