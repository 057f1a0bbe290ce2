// Paging: pieces of a list that begins with one key prefix, and the tokens that lead on.
//
// Shape:   open_page(prefix, page_size, page_token) -> Page, the place to go on from;
//          read_page(snapshot, page, range, take) calls `take` for at most page.size rows and
//          answers the token of the next page, "" at the end. A token is the hex of one version
//          byte, 8 bytes that bind it to its list, and the rest of the last key behind the prefix.
// Errors:  kBadRequest for a page size above kPageSizeMax or a token of another list; what `take`
//          answers is passed on.
// Threads: pure.
#pragma once

#include <functional>

#include "projections/store.h"

namespace hansa::projections {

inline constexpr uint32_t kPageSizeDefault = 50;
inline constexpr uint32_t kPageSizeMax = 1'000;

struct Page {
  std::string prefix;  // stored key
  size_t size = 0;
  std::string after;  // last key of the page before; empty on the first page
};

struct PageRange {
  bool descending = false;
  // Bounds inside the prefix, from <= key < to; empty: all of it.
  std::string from{};
  std::string to{};
};

Result<uint32_t> page_size_of(uint32_t asked);
Result<Page> open_page(std::string prefix, uint32_t page_size, const std::string& page_token);

// For lists that are not rows one by one.
std::string page_token(const Page& page, std::string_view last_key);

using TakeRow = std::function<Result<void>(std::string_view stored_key, std::string_view value)>;
Result<std::string> read_page(const Snapshot& snapshot, const Page& page, const PageRange& range,
                              const TakeRow& take);

// The first key behind all keys that begin so; the last byte must not be 0xff.
std::string behind_prefix(std::string_view prefix);

}  // namespace hansa::projections
