#include "ops/problem.h"

#include "ops/json.h"

namespace hansa::ops {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view text) {
  out += out.ends_with('{') ? "\"" : ",\"";
  out += name;
  out += "\":";
  append_json_text(out, text);
}

}  // namespace

std::string problem_json(const Error& error, std::string_view request_id) {
  const auto& info = error_info(error.code);
  std::string out = "{";
  append_field(out, "type", "urn:hansa:error:" + std::string(info.name));
  append_field(out, "code", info.name);
  append_field(out, "detail", error.detail.empty() ? info.meaning : error.detail);
  if (!error.pointer.empty()) append_field(out, "pointer", error.pointer);
  append_field(out, "retry", retry_name(info.retry));
  if (error.seq != 0) append_field(out, "seq", std::to_string(error.seq));
  if (!request_id.empty()) append_field(out, "request_id", request_id);
  out += '}';
  return out;
}

int retry_after_s(Errc code) { return error_info(code).retry == Retry::kLater ? 1 : 0; }

std::string error_info_json(const ErrorInfo& info) {
  std::string out = "{";
  append_field(out, "code", info.name);
  append_field(out, "type", "urn:hansa:error:" + std::string(info.name));
  out += ",\"http_status\":" + std::to_string(info.http_status);
  append_field(out, "retry", retry_name(info.retry));
  append_field(out, "meaning", info.meaning);
  out += '}';
  return out;
}

std::string error_list_json() {
  std::string out = "{\"errors\":[";
  for (const auto& info : error_table()) {
    if (!out.ends_with('[')) out += ',';
    out += error_info_json(info);
  }
  out += "]}";
  return out;
}

}  // namespace hansa::ops
