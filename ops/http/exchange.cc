#include "ops/http/exchange.h"

#include "ops/problem.h"

namespace hansa::ops {

Reply problem_reply(const Error& error, std::string_view request_id) {
  Reply reply;
  reply.status = error_info(error.code).http_status;
  reply.content_type = "application/problem+json";
  reply.body = problem_json(error, request_id);
  reply.problem = error.code;
  if (const int wait_s = retry_after_s(error.code); wait_s > 0) {
    reply.headers += "Retry-After: " + std::to_string(wait_s) + "\r\n";
  }
  if (error.code == Errc::kUnauthenticated) reply.headers += "WWW-Authenticate: Bearer\r\n";
  if (error.seq != 0) reply.headers += "Hansa-Seq: " + std::to_string(error.seq) + "\r\n";
  return reply;
}

std::string_view media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  while (content_type.starts_with(' ')) content_type.remove_prefix(1);
  return content_type;
}

}  // namespace hansa::ops
