// YamlReader: reads a YAML file strictly and says where each mistake stands.
//
// Shape:   a Section is one mapping. Every read of a key marks it as known; finish() refuses keys
//          that nobody asked for, and keys given twice. The first mistake wins; later reads do
//          nothing, so that a caller reads everything and asks for the error once.
//          With `reads` set the reader tells which keys it asks for, instead of reading a file.
// Errors:  kBadConfig: `file:line: section.key: expected …, got `…``, with the nearest known name.
// Threads: one at a time.
// Limits:  files up to 4 MiB.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace hansa::ops {

// One key that a reader asks for.
struct KeyRead {
  std::string path;      // ledgers[].founding_id
  std::string expected;  // as the message on a mistake says it
  std::string value;     // without the key; empty: nothing
  bool is_needed = false;
};

struct YamlFile {
  std::string name;
  YAML::Node root;
  std::optional<Error> error;
  // Values laid over the file: dotted path -> (where it comes from, text).
  std::map<std::string, std::pair<std::string, std::string>> overrides;
  // Set: each read is noted here, every list has one empty item, and nothing is a mistake.
  std::vector<KeyRead>* reads = nullptr;
};

// An unreadable or malformed file is in `error` of the answer.
std::shared_ptr<YamlFile> parse_yaml(const std::string& text, const std::string& name);
std::shared_ptr<YamlFile> read_yaml(const std::string& name);

class Section {
 public:
  Section(std::shared_ptr<YamlFile> file, YAML::Node node, std::string path);
  static Section root(std::shared_ptr<YamlFile> file);

  bool has(const std::string& key);
  // The value stays as it is when the key is absent.
  void text(const std::string& key, std::string& value);
  void required_text(const std::string& key, std::string& value);
  void number(const std::string& key, uint32_t& value, uint32_t low, uint32_t high);
  void flag(const std::string& key, bool& value);
  void texts(const std::string& key, std::vector<std::string>& values);
  // A mapping of words to words, in the order of the file.
  void words(const std::string& key, std::vector<std::pair<std::string, std::string>>& values);
  // Reads a text through `parse`, which answers what was expected, or ""; `value` is what stands
  // without the key.
  using Parse = std::function<std::string(const std::string& text)>;
  void parsed(const std::string& key, const Parse& parse, std::string value = "");
  Section section(const std::string& key);
  std::vector<Section> list(const std::string& key);
  // The key is known but must be empty: what it would switch on is not offered.
  void nothing_yet(const std::string& key, const std::string& why);

  void fail_at(const std::string& key, const std::string& expected);
  void finish();
  const std::string& path() const { return path_; }

 private:
  YAML::Node find(const std::string& key);
  YAML::Node find_key(const std::string& key) const;
  // A key of the file that was probably meant to be `key`; "" if none.
  std::string misspelt(const std::string& key) const;
  std::string path_of(const std::string& key) const;
  std::string where(const YAML::Node& node) const;
  void fail(std::string message);
  void note(const std::string& key, const std::string& expected, const std::string& value);
  std::optional<std::string> scalar(const std::string& key, const std::string& expected);

  std::shared_ptr<YamlFile> file_;
  YAML::Node node_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace hansa::ops
