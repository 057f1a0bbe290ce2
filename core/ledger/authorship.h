// Authorship: tells the entries that a ledger's own nodes made from those that somebody else put
// into its log.
//
// Shape:   half of an envelope's salt (bytes 104 to 111) is the beginning of an HMAC-SHA256, by a
//          key that only those nodes have, over the value without these eight bytes. For everybody
//          else it is as random as the other half, which keeps every attempt different (L5).
//          Authorship goes over a ledger's entries in order: an entry is the ledger's own that
//          bears the mark, or that a checkpoint covers which bears it (a node vouches only for what
//          it knows for its own, so history outlives the key), or up to which an operator has said
//          so.
// Errors:  kForeignEntry, with the seq of the first entry that is not.
// Threads: one at a time; the functions are pure.
// Limits:  who can write to the log and guesses a mark is wrong in all but one of 2^64 tries, and
//          the first wrong one is found.
#pragma once

#include <string>
#include <string_view>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "hansa/v1/entry.pb.h"

namespace hansa {

std::string author_key(std::string_view ledger_secret);
// Puts the mark into an encoded entry that has a fresh salt.
void mark_author(std::string& value, std::string_view key);
bool bears_mark(std::string_view value, std::string_view key);

class Authorship {
 public:
  // No key: nobody else reads this ledger, and every entry is taken for its own.
  Authorship() = default;
  Authorship(LedgerId ledger, std::string key, Seq accepted_to);

  void take(Seq seq, std::string_view value, const v1::Payload& payload);
  Result<void> all_own() const;

 private:
  LedgerId ledger_;
  std::string key_;
  Seq accepted_to_ = 0;
  Seq first_foreign_ = 0;  // 0: none
  Seq last_foreign_ = 0;
};

}  // namespace hansa
