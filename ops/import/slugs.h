// Slugs: ids for names of other systems, the same for the same set of names.
//
// Shape:   a slug is the name in lower case, all but a-z and 0-9 turned into one '-', without
//          '-' at the ends. A name longer than 40, or with nothing left, ends in (or is) eight hex
//          digits of its SHA-256. Where several names of one file give the same slug, the first of
//          them in byte order has it and the others get those digits.
// Errors:  none.
// Threads: add() from one; after that free for all.
#pragma once

#include <map>
#include <set>
#include <string>

namespace hansa::ops {

std::string slug_of(const std::string& name);

class Slugs {
 public:
  void add(const std::string& name);
  // Of a name that was added or is new.
  std::string find(const std::string& name) const;
  // Slug -> name, for defining.
  std::map<std::string, std::string> all() const;

 private:
  std::map<std::string, std::set<std::string>> names_by_slug_;
};

}  // namespace hansa::ops
