// Result<T>: a value or an Error; the only way functions report failure across folders.
//
// Shape:   Error { code, detail, pointer, seq }. `code` fixes retry class and HTTP status
//          (core/base/errc.h); `detail` says what was expected, what came and what to do;
//          `pointer` is the JSON pointer of the offending field or empty; `seq` is the ledger
//          position that was looked at when the answer depends on state, else 0.
// Errors:  an unread Result is a compile error (warning as error).
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "core/base/errc.h"

namespace hansa {

struct Error {
  Errc code;
  std::string detail;
  std::string pointer{};
  uint64_t seq = 0;
};

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
 public:
  using tl::expected<void, Error>::expected;
};

// Makes the failed state of any Result: `return fail(Errc::kWrongState, "...")`.
inline tl::unexpected<Error> fail(Errc code, std::string detail, std::string pointer = {}) {
  return tl::unexpected<Error>(Error{code, std::move(detail), std::move(pointer), 0});
}

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace hansa

// Passes a failure on, or binds the value:  HANSA_TRY(auto row, find_row(key));
#define HANSA_CONCAT_INNER(a, b) a##b
#define HANSA_CONCAT(a, b) HANSA_CONCAT_INNER(a, b)
#define HANSA_TRY_IMPL(result, declaration, expression)                    \
  auto result = (expression);                                              \
  if (!result.has_value()) return ::hansa::fail(std::move(result).error()); \
  declaration = std::move(result).value()
#define HANSA_TRY(declaration, expression) \
  HANSA_TRY_IMPL(HANSA_CONCAT(hansa_try_, __LINE__), declaration, expression)
#define HANSA_CHECK(expression)                                                               \
  do {                                                                                        \
    if (auto hansa_check = (expression); !hansa_check.has_value()) {                          \
      return ::hansa::fail(std::move(hansa_check).error());                                   \
    }                                                                                         \
  } while (false)
