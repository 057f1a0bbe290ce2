// OpenAPI: the whole interface as one OpenAPI 3.1 document, built from the schema's descriptors.
//
// Shape:   one path per route, parameters from path and query fields, request and answer schemas
//          from the messages (`#/components/schemas/<Message>`), roles in `x-hansa-roles`, data
//          classes in `x-hansa-class`. Comments of the protos are not in the binary; the summary
//          of a method is its option.
// Errors:  none.
// Threads: pure; the text is made anew at each call.
// Source:  https://spec.openapis.org/oas/v3.1.0; core/schema/hansa/v1/options.proto.
#pragma once

#include <string>

namespace hansa::ops {

std::string openapi();

}  // namespace hansa::ops
