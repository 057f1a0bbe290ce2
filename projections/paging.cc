#include "projections/paging.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

namespace hansa::projections {
namespace {

constexpr char kTokenVersion = 1;
constexpr size_t kBindingBytes = 8;

std::string token_head(std::string_view prefix) {
  std::string head(1, kTokenVersion);
  head.append(sha256({"page token", prefix}).view().substr(0, kBindingBytes));
  return head;
}

}  // namespace

std::string behind_prefix(std::string_view prefix) {
  std::string end(prefix);
  HANSA_ASSERT(!end.empty() && end.back() != '\xff', "a prefix ends with a byte below 0xff");
  ++end.back();
  return end;
}

Result<uint32_t> page_size_of(uint32_t asked) {
  if (asked > kPageSizeMax) {
    return fail(Errc::kBadRequest,
                "page_size is " + std::to_string(asked) + "; at most " +
                    std::to_string(kPageSizeMax) + " rows come at once",
                "/page_size");
  }
  return asked == 0 ? kPageSizeDefault : asked;
}

Result<Page> open_page(std::string prefix, uint32_t page_size, const std::string& page_token) {
  HANSA_TRY(const uint32_t size, page_size_of(page_size));
  Page page{std::move(prefix), size, ""};
  if (page_token.empty()) return page;
  const std::string head = token_head(page.prefix);
  const auto token = from_hex(page_token);
  if (!token || !token->starts_with(head) || token->size() == head.size()) {
    return fail(Errc::kBadRequest,
                "page_token is none that this list gave; leave it out to begin at the start",
                "/page_token");
  }
  page.after = page.prefix + token->substr(head.size());
  return page;
}

std::string page_token(const Page& page, std::string_view last_key) {
  return to_hex(token_head(page.prefix) + std::string(last_key.substr(page.prefix.size())));
}

Result<std::string> read_page(const Snapshot& snapshot, const Page& page, const PageRange& range,
                              const TakeRow& take) {
  std::string from = range.from.empty() ? page.prefix : range.from;
  std::string to = range.to.empty() ? behind_prefix(page.prefix) : range.to;
  if (!page.after.empty()) {
    if (range.descending) {
      to = std::min(to, page.after);
    } else {
      from = std::max(from, page.after + '\0');
    }
  }
  size_t taken = 0;
  std::string last;
  bool more = false;
  Result<void> outcome;
  const auto visit = [&](std::string_view key, std::string_view value) {
    if (taken == page.size) {
      more = true;
      return false;
    }
    ++taken;
    last = key;
    outcome = take(key, value);
    return outcome.has_value();
  };
  HANSA_CHECK(range.descending ? snapshot.scan_descending(from, to, visit)
                               : snapshot.scan(from, to, visit));
  if (!outcome) return fail(outcome.error());
  if (!more) return std::string();
  return page_token(page, last);
}

}  // namespace hansa::projections
