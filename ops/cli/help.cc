#include <cstdio>
#include <vector>

#include "ops/cli/cli.h"
#include "ops/nearest.h"

namespace hansa::ops {
namespace {

constexpr std::string_view kReferenceHead =
    "# Command line\n\n"
    "Every verb with what `--help` prints; this page is what `hansa help --markdown` prints.\n"
    "Every example on it runs in a test. Data goes to standard output, messages to standard\n"
    "error; [exit codes](errors.md) are the same for all.\n\n"
    "```text\n";

std::vector<CLI::App*> below(const CLI::App& app) {
  std::vector<CLI::App*> verbs;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    verbs.push_back(app.get_subcommand(verb->get_name()));
  }
  return verbs;
}

void append_verbs(const CLI::App& app, const std::string& before, std::string& text) {
  for (const auto* verb : below(app)) {
    const auto name = before + " " + verb->get_name();
    text += "\n## " + name + "\n\n```text\n" + verb->help(before) + "```\n";
    append_verbs(*verb, name, text);
  }
}

int print_markdown(const CLI::App& app) {
  std::string text = std::string(kReferenceHead) + std::string(overview()) + "```\n";
  append_verbs(app, app.get_name(), text);
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

int print_help(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  std::string before;
  for (const auto& word : words) {
    const CLI::App* next = nullptr;
    std::vector<std::string> names;
    for (const auto* verb : below(*at)) {
      names.push_back(verb->get_name());
      if (names.back() == word) next = verb;
    }
    if (next == nullptr) {
      return usage("`" + word + "` is no verb of " + at->get_name() + did_you_mean(word, names));
    }
    before += (before.empty() ? "" : " ") + at->get_name();
    at = next;
  }
  std::fputs(words.empty() ? std::string(overview()).c_str() : at->help(before).c_str(), stdout);
  return kExitOk;
}

}  // namespace

void add_help(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("help", "What hansa can do, or how one verb is used");
  auto words = std::make_shared<std::vector<std::string>>();
  verb->add_option("VERB", *words, "The verb, like `ledger verify`; none shows all");
  auto markdown = std::make_shared<bool>(false);
  verb->add_flag("--markdown", *markdown, "The page docs/reference/cli.md");
  set_example(*verb, "  hansa help ledger verify");
  verb->callback([&app, &chosen, words, markdown] {
    chosen.run = [&app, words, markdown] {
      return *markdown ? print_markdown(app) : print_help(app, *words);
    };
  });
}

}  // namespace hansa::ops
