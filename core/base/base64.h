// Base64, the standard alphabet with padding.
//
// Shape:   to_base64(bytes) -> text; parse_base64(text) -> bytes.
// Errors:  parse_base64 answers nullopt for anything but the one text that to_base64 makes: no
//          white space, all of the padding, no bits behind the last byte.
// Threads: free for all.
// Source:  RFC 4648 §4 and §3.5; the arithmetic is libsodium's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hansa {

std::string to_base64(std::string_view bytes);
std::optional<std::string> parse_base64(std::string_view text);

}  // namespace hansa
