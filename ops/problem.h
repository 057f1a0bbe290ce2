// Problem: an Error as the document that HTTP callers get.
//
// Shape:   application/problem+json (RFC 9457): type `urn:hansa:error:<code>`, code, detail,
//          pointer (where one is known), retry, seq (the ledger position looked at, where the
//          answer depends on state), request_id. http_status and retry class come from the code.
// Units:   retry_after_s in seconds, 0 where no header Retry-After is due.
// Threads: pure.
// Source:  SPEC §2.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace hansa::ops {

std::string problem_json(const Error& error, std::string_view request_id);
int retry_after_s(Errc code);

// One row of the error table as JSON, for GET /v1/errors/{code}; all of them for GET /v1/errors.
std::string error_info_json(const ErrorInfo& info);
std::string error_list_json();

}  // namespace hansa::ops
