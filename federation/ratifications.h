// Ratifications: since when each member of an alliance has ratified which version.
//
// Shape:   since() reads the alliance's ledger on from where the last call left it, to `end`, and
//          answers the ledger time of the newest CityRatified of that city and version; nullopt:
//          there is none. Whether the ratification still stands is in the row Member, which does
//          not keep since when.
// Units:   microseconds since 1970 UTC.
// Errors:  of the log and the chain (streams/ledger_reader.h).
// Threads: any; one reads at a time.
// Limits:  a number for each city and version ever ratified; the first call reads the whole ledger.
// Source:  DESIGN §8, "Readers".
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/ledger/chain.h"
#include "streams/log.h"

namespace hansa::federation {

class Ratifications {
 public:
  struct Source {
    streams::Log& log;
    LedgerId alliance;
    FoundingId founding_id;
    Offset end = 0;  // behind the last record that counts
  };
  Result<std::optional<int64_t>> since(const Source& source, const std::string& city,
                                       uint32_t version);

 private:
  struct Read {
    Chain chain;
    std::map<std::pair<std::string, uint32_t>, int64_t> times_us;  // by city and version
  };
  Result<void> read_on(const Source& source, Read& read);

  std::mutex mutex_;
  std::map<LedgerId, Read> read_;  // guarded by mutex_
};

}  // namespace hansa::federation
