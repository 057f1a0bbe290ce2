// Witness client: asks the witnesses of other nodes, over HTTP, for the ledgers of this one.
//
// Shape:   a federation::WitnessCaller: POST <witness_url>/add-checkpoint and
//          GET <witness_url>/<hex SHA-256 of the origin>/checkpoint, of the member's admission.
//          Each question has a connection of its own, all of them one thread: a witness that is
//          slow or away holds up no other.
// Errors:  what the witness says: kBadRequest (400), kBadSignature (403), kUnknownLog (404),
//          kOtherSize (409, with the size), kBadProof (422); 404 to the question for the newest
//          checkpoint is the answer that there is none. kUnavailable: the member was admitted
//          without an address, or with one that is none; nobody answers within
//          kWitnessWaitMsMax; or with what is no answer of a witness, a signature of another key
//          among it. Whether a cosignature is good is for the caller to check.
// Threads: any; answers come on the client's own thread, none after its destructor has begun.
// Limits:  answers of kNoteBytesMax bytes.
// Source:  C2SP tlog-witness.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <thread>

#include "federation/witness.h"
#include "ops/tls.h"

namespace hansa::ops {

inline constexpr int kWitnessWaitMsMax = 10'000;

class WitnessClient final : public federation::WitnessCaller {
 public:
  // Without `tls`, witnesses at https are not asked.
  explicit WitnessClient(std::shared_ptr<ClientTls> tls = nullptr,
                         int wait_ms_max = kWitnessWaitMsMax);
  ~WitnessClient() override;

  void add_checkpoint(const v1::Member& witness, const federation::WitnessRequest& request,
                      federation::Cosigned cosigned) override;
  void newest(const v1::Member& witness, const LedgerId& ledger, const std::string& origin,
              federation::NewestCosigned answer) override;

 private:
  using Answered = std::function<void(Result<HttpAnswer>)>;
  Result<WebAddress> address_of(const v1::Member& member) const;
  void ask(const WebAddress& address, WebRequest request, Answered answered);

  const std::shared_ptr<ClientTls> tls_;
  const WebLimits limits_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace hansa::ops
