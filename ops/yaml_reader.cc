#include "ops/yaml_reader.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "ops/files.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

constexpr size_t kYamlBytesMax = 4 * 1024 * 1024;

std::string shown(const std::string& text) {
  return text.size() <= 60 ? "`" + text + "`" : "`" + text.substr(0, 57) + "...`";
}

}  // namespace

std::shared_ptr<YamlFile> parse_yaml(const std::string& text, const std::string& name) {
  auto file = std::make_shared<YamlFile>();
  file->name = name;
  try {
    file->root = YAML::Load(text);
    if (!file->root.IsDefined() || file->root.IsNull()) {
      file->root = YAML::Node(YAML::NodeType::Map);
    }
    if (!file->root.IsMap()) {
      file->error = Error{Errc::kBadConfig, name + ":1: expected sections like `node:`, got a " +
                                                "single value or a list"};
    }
  } catch (const YAML::Exception& exception) {
    file->error = Error{Errc::kBadConfig, name + ":" + std::to_string(exception.mark.line + 1) +
                                              ": expected YAML; " + exception.msg};
  }
  return file;
}

std::shared_ptr<YamlFile> read_yaml(const std::string& name) {
  auto text = read_file(name, kYamlBytesMax);
  if (text) return parse_yaml(*text, name);
  auto file = std::make_shared<YamlFile>();
  file->name = name;
  file->error = Error{Errc::kBadConfig, text.error().detail};
  return file;
}

Section::Section(std::shared_ptr<YamlFile> file, YAML::Node node, std::string path)
    : file_(std::move(file)), node_(std::move(node)), path_(std::move(path)) {}

Section Section::root(std::shared_ptr<YamlFile> file) {
  auto node = file->root;
  return Section(std::move(file), node, "");
}

std::string Section::path_of(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

std::string Section::where(const YAML::Node& node) const {
  const auto line = node.Mark().line < 0 ? 0 : node.Mark().line;
  return file_->name + ":" + std::to_string(line + 1) + ": ";
}

void Section::note(const std::string& key, const std::string& expected,
                   const std::string& value) {
  if (file_->reads) file_->reads->push_back({path_of(key), expected, value});
}

void Section::fail(std::string message) {
  if (!file_->error && !file_->reads) file_->error = Error{Errc::kBadConfig, std::move(message)};
}

YAML::Node Section::find(const std::string& key) {
  known_.push_back(key);
  if (file_->error || !node_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
  for (const auto& item : node_) {
    if (item.first.IsScalar() && item.first.Scalar() == key) return item.second;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

YAML::Node Section::find_key(const std::string& key) const {
  for (const auto& item : node_) {
    if (item.first.IsScalar() && item.first.Scalar() == key) return item.first;
  }
  return node_;
}

std::string Section::misspelt(const std::string& key) const {
  for (const auto& item : node_) {
    const auto name = item.first.IsScalar() ? item.first.Scalar() : std::string();
    const bool is_known = std::find(known_.begin(), known_.end(), name) != known_.end();
    if (!is_known && !name.empty() && !nearest(name, {key}).empty()) return name;
  }
  return "";
}

bool Section::has(const std::string& key) {
  return find(key).IsDefined() || file_->overrides.contains(path_of(key));
}

void Section::fail_at(const std::string& key, const std::string& expected) {
  const auto path = path_of(key);
  if (file_->reads) {
    for (auto& read : *file_->reads) read.is_needed |= read.path == path;
    return;
  }
  if (const auto it = file_->overrides.find(path); it != file_->overrides.end()) {
    return fail(it->second.first + ": expected " + expected + ", got " + shown(it->second.second));
  }
  const auto node = find(key);
  if (!node.IsDefined()) {
    const auto name = misspelt(key);
    if (name.empty()) return fail(where(node_) + path + ": expected " + expected);
    return fail(where(find_key(name)) + "unknown key `" + path_of(name) + "`; did you mean `" +
                key + "`?");
  }
  const auto got = node.IsScalar() ? shown(node.Scalar())
                   : node.IsNull() ? "nothing"
                   : node.IsMap()  ? "a mapping"
                                   : "a list";
  fail(where(node.IsScalar() ? node : find_key(key)) + path + ": expected " + expected +
       ", got " + got);
}

std::optional<std::string> Section::scalar(const std::string& key, const std::string& expected) {
  const auto node = find(key);
  if (file_->error) return std::nullopt;
  const auto it = file_->overrides.find(path_of(key));
  if (it != file_->overrides.end()) return it->second.second;
  if (!node.IsDefined()) return std::nullopt;
  if (node.IsScalar()) return node.Scalar();
  fail_at(key, expected);
  return std::nullopt;
}

void Section::text(const std::string& key, std::string& value) {
  note(key, "a text", value);
  if (auto text = scalar(key, "a text")) value = *text;
}

void Section::required_text(const std::string& key, std::string& value) {
  text(key, value);
  if (!file_->error && value.empty()) fail_at(key, "a text");
}

void Section::number(const std::string& key, uint32_t& value, uint32_t low, uint32_t high) {
  const auto expected =
      "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  note(key, expected, std::to_string(value));
  const auto text = scalar(key, expected);
  if (!text) return;
  uint32_t parsed = 0;
  const auto* end = text->data() + text->size();
  const auto result = std::from_chars(text->data(), end, parsed);
  if (result.ec != std::errc() || result.ptr != end || parsed < low || parsed > high) {
    return fail_at(key, expected);
  }
  value = parsed;
}

void Section::flag(const std::string& key, bool& value) {
  note(key, "true or false", value ? "true" : "false");
  const auto text = scalar(key, "true or false");
  if (!text) return;
  if (*text != "true" && *text != "false") return fail_at(key, "true or false");
  value = *text == "true";
}

void Section::texts(const std::string& key, std::vector<std::string>& values) {
  note(key, "a list of texts like [a, b]", "");
  const auto node = find(key);
  if (!node.IsDefined() || file_->error) return;
  if (!node.IsSequence()) return fail_at(key, "a list of texts like [a, b]");
  values.clear();
  for (const auto& item : node) {
    if (!item.IsScalar()) return fail_at(key, "a list of texts like [a, b]");
    values.push_back(item.Scalar());
  }
}

void Section::words(const std::string& key,
                    std::vector<std::pair<std::string, std::string>>& values) {
  note(key, "pairs of words like {name: value}", "");
  const auto node = find(key);
  if (!node.IsDefined() || file_->error) return;
  if (!node.IsMap()) return fail_at(key, "pairs of words like {name: value}");
  for (const auto& item : node) {
    if (!item.first.IsScalar() || !item.second.IsScalar()) {
      return fail_at(key, "pairs of words like {name: value}");
    }
    values.emplace_back(item.first.Scalar(), item.second.Scalar());
  }
}

void Section::parsed(const std::string& key, const Parse& parse, std::string value) {
  if (file_->reads) note(key, parse(""), value);
  const auto text = scalar(key, "a text");
  if (!text) return;
  if (const auto expected = parse(*text); !expected.empty()) fail_at(key, expected);
}

Section Section::section(const std::string& key) {
  auto node = find(key);
  if (node.IsDefined() && !node.IsNull() && !node.IsMap()) {
    fail_at(key, "a section with keys of its own");
  }
  if (!node.IsDefined() || !node.IsMap()) node = YAML::Node(YAML::NodeType::Map);
  return Section(file_, node, path_of(key));
}

std::vector<Section> Section::list(const std::string& key) {
  std::vector<Section> sections;
  const auto node = find(key);
  if (file_->reads) return {Section(file_, YAML::Node(YAML::NodeType::Map), path_of(key) + "[]")};
  if (!node.IsDefined() || node.IsNull()) return sections;
  if (!node.IsSequence()) {
    fail_at(key, "a list, each item beginning with `- `");
    return sections;
  }
  for (size_t i = 0; i < node.size(); ++i) {
    const auto path = path_of(key) + "[" + std::to_string(i) + "]";
    if (!node[i].IsMap()) {
      fail(where(node[i]) + path + ": expected keys like `id: x`");
      return sections;
    }
    sections.emplace_back(file_, node[i], path);
  }
  return sections;
}

void Section::nothing_yet(const std::string& key, const std::string& why) {
  const auto node = find(key);
  if (!node.IsDefined() || node.IsNull() || file_->error) return;
  if (node.size() > 0 || (node.IsScalar() && !node.Scalar().empty())) {
    fail(where(find_key(key)) + path_of(key) + ": expected nothing here: " + why);
  }
}

void Section::finish() {
  if (file_->error || !node_.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& item : node_) {
    const auto key = item.first.IsScalar() ? item.first.Scalar() : std::string("?");
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      const auto path = path_of(key);
      const auto guess = nearest(key, known_);
      std::string known;
      for (const auto& name : std::set<std::string>(known_.begin(), known_.end())) {
        known += (known.empty() ? "" : ", ") + name;
      }
      return fail(where(item.first) + "unknown key `" + path + "`; expected one of: " + known +
                  (guess.empty() ? "" : "; did you mean `" + guess + "`?"));
    }
    if (!seen.insert(key).second) {
      return fail(where(item.first) + "expected `" + path_of(key) + "` once, it stands here again");
    }
  }
}

}  // namespace hansa::ops
