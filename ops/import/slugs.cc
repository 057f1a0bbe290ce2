#include "ops/import/slugs.h"

#include "core/base/hash.h"

namespace hansa::ops {
namespace {

constexpr size_t kSlugMax = 40;
constexpr size_t kHashDigits = 8;

std::string with_digits(std::string slug, const std::string& name) {
  const auto digits = to_hex(sha256(name)).substr(0, kHashDigits);
  if (slug.size() > kSlugMax - kHashDigits - 1) slug.resize(kSlugMax - kHashDigits - 1);
  while (slug.ends_with('-')) slug.pop_back();
  return slug.empty() ? digits : slug + "-" + digits;
}

std::string plain_slug(const std::string& name) {
  std::string slug;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      slug += lower;
    } else if (!slug.empty() && !slug.ends_with('-')) {
      slug += '-';
    }
  }
  while (slug.ends_with('-')) slug.pop_back();
  return slug;
}

}  // namespace

std::string slug_of(const std::string& name) {
  auto slug = plain_slug(name);
  return slug.empty() || slug.size() > kSlugMax ? with_digits(slug, name) : slug;
}

void Slugs::add(const std::string& name) { names_by_slug_[slug_of(name)].insert(name); }

std::string Slugs::find(const std::string& name) const {
  const auto slug = slug_of(name);
  const auto it = names_by_slug_.find(slug);
  if (it == names_by_slug_.end() || *it->second.begin() == name) return slug;
  return with_digits(slug, name);
}

std::map<std::string, std::string> Slugs::all() const {
  std::map<std::string, std::string> slugs;
  for (const auto& [slug, names] : names_by_slug_) {
    for (const auto& name : names) slugs[find(name)] = name;
  }
  return slugs;
}

}  // namespace hansa::ops
