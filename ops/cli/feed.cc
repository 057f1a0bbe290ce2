#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "core/ledger/chain.h"
#include "federation/checkpoint.h"
#include "hansa/v1/alliance_reads.pb.h"
#include "ops/cli/cli.h"
#include "ops/confirmed.h"
#include "ops/files.h"
#include "ops/identity.h"
#include "ops/json.h"
#include "ops/key_statement.h"

namespace hansa::ops {
namespace {

constexpr std::chrono::seconds kFollowPause{1};
constexpr uint32_t kPage = 1'000;

struct FeedOptions {
  std::string alliance;  // files: identity.json of each
  std::string city;
  std::vector<std::string> statements;  // files, in the order in which they were made
  std::string state;
  bool follow = false;
  bool dry_run = false;
  RemoteServer server;
};

// What has been read, through the chain rule; the same whoever serves it.
struct Feed {
  v1::ListShareEntries request;
  LedgerId ledger;
  FoundingId founding_id;
  KnownKeys known;
  Chain chain;
  Seq covered = 0;
  Seq confirmed = 0;    // as the server says
  Seq last_shared = 0;  // the newest entry that shares an event
  std::map<Seq, Hash> uncovered;
  Seq withheld_from = 0;  // entries without content, up to the newest one; 0: it has some
};

Result<Feed> open_feed(const FeedOptions& options) {
  HANSA_TRY(const auto alliance, read_identity(options.alliance));
  HANSA_TRY(const auto city, read_identity(options.city));
  if (alliance.ledger.kind != kAllianceKind || city.ledger.kind != kCityKind) {
    return fail(Errc::kBadFile, "expected the identity of an alliance, then that of a city");
  }
  const auto founding_id = share_founding_id(*parse_hex<FoundingId>(alliance.founding_id),
                                             *parse_hex<FoundingId>(city.founding_id));
  ChainPosition from;
  from.tip = founding_hash(founding_id);
  if (!options.state.empty() && std::filesystem::exists(options.state)) {
    HANSA_TRY(const auto text, read_file(options.state));
    v1::ShareEntry reached;
    HANSA_CHECK(from_json(text, reached));
    const auto hash = parse_hex<Hash>(reached.sha256());
    if (!hash) return fail(Errc::kBadFile, options.state + ": expected seq and sha256");
    from = {reached.seq(), *hash, reached.seq(), 0};
  }
  Feed feed{{}, share_ledger(alliance.ledger.id, city.ledger.id), founding_id,
            {}, Chain(founding_id, from), from.seq, {}};
  feed.known = known_keys(city, feed.ledger);
  for (const auto& file : options.statements) HANSA_CHECK(take_statement(file, feed.known));
  feed.request.set_alliance(alliance.ledger.id);
  feed.request.set_city(city.ledger.id);
  feed.request.set_page_size(kPage);
  return feed;
}

Result<void> check_checkpoints(Feed& feed, const v1::ShareEntry& entry) {
  for (const auto& event : entry.events()) {
    if (!event.has_checkpoint_signed()) continue;
    const auto& checkpoint = event.checkpoint_signed();
    HANSA_CHECK(federation::verify_checkpoint(checkpoint, feed.known.keys, feed.ledger,
                                              feed.founding_id));
    const auto known = feed.uncovered.find(checkpoint.size());
    if (known != feed.uncovered.end() && to_hex(known->second) != checkpoint.sha256()) {
      return fail(Errc::kForkFound, "the checkpoint in entry " + std::to_string(entry.seq()) +
                                        " vouches for another entry " +
                                        std::to_string(checkpoint.size()) + " than was read");
    }
    feed.covered = std::max<Seq>(feed.covered, checkpoint.size());
    feed.uncovered.erase(feed.uncovered.begin(), feed.uncovered.upper_bound(checkpoint.size()));
  }
  return {};
}

void say_withheld(Feed& feed) {
  if (feed.withheld_from == 0) return;
  say("entries " + std::to_string(feed.withheld_from) + " to " +
      std::to_string(feed.chain.position().seq) + " of " + feed.ledger.text() +
      " are withheld: the reader's city has not ratified the version under which they were shared, "
      "or only afterwards");
  feed.withheld_from = 0;
}

// An entry that the reader may not see: the entry behind it, or a checkpoint, proves its hash.
Result<void> pass_over(Feed& feed, const v1::ShareEntry& entry) {
  const auto hash = parse_hex<Hash>(entry.sha256());
  if (!hash) {
    return fail(Errc::kChainBroken, "entry " + std::to_string(entry.seq()) +
                                        " comes without its content and without its hash");
  }
  if (feed.withheld_from == 0) feed.withheld_from = entry.seq();
  feed.chain = Chain(feed.founding_id, {entry.seq(), *hash, entry.seq(), 0});
  feed.uncovered.emplace(entry.seq(), *hash);
  return {};
}

// The next entry, or what is wrong with it.
Result<void> take(Feed& feed, const v1::ShareEntry& entry) {
  const Seq expected = feed.chain.position().seq + 1;
  if (entry.seq() != expected) {
    return fail(Errc::kForkFound, "a gap: expected entry " + std::to_string(expected) +
                                      ", got " + std::to_string(entry.seq()));
  }
  if (entry.value().empty()) return pass_over(feed, entry);
  say_withheld(feed);
  const auto verdict = feed.chain.apply(feed.chain.position().next_offset, entry.value());
  if (verdict.kind != VerdictKind::kValid) {
    return fail(Errc::kChainBroken, "entry " + std::to_string(entry.seq()) +
                                        " does not follow the one before it");
  }
  feed.uncovered.emplace(entry.seq(), verdict.hash);
  return check_checkpoints(feed, entry);
}

void print_events(const v1::ShareEntry& entry, Feed& feed) {
  for (const auto& event : entry.events()) {
    if (!event.entries_shared().events().empty()) feed.last_shared = entry.seq();
    for (const auto& shared : event.entries_shared().events()) {
      print_line("{\"seq\":" + std::to_string(entry.seq()) + ",\"city_seq\":" +
                 std::to_string(shared.seq()) + ",\"index\":" + std::to_string(shared.index()) +
                 ",\"event\":" + to_json(shared.event()) + "}");
    }
  }
}

Result<void> keep_state(const FeedOptions& options, const Feed& feed) {
  if (options.state.empty()) return {};
  v1::ShareEntry reached;
  reached.set_seq(feed.chain.position().seq);
  reached.set_sha256(to_hex(feed.chain.position().tip));
  return write_file(options.state, to_json(reached) + "\n");
}

Result<void> read_page(Client& client, const FeedOptions& options, Feed& feed, bool& more) {
  feed.request.set_from(feed.chain.position().seq + 1);
  v1::ShareEntriesAnswer answer;
  HANSA_CHECK(client.call(feed.request, answer));
  for (const auto& entry : answer.entries()) {
    HANSA_CHECK(take(feed, entry));
    print_events(entry, feed);
  }
  feed.confirmed = answer.confirmed_seq();
  more = !answer.entries().empty();
  if (!more) say_withheld(feed);
  return more ? keep_state(options, feed) : Result<void>();
}

int run_feed(const FeedOptions& options) {
  auto feed = open_feed(options);
  if (!feed) return report(feed.error());
  if (options.dry_run) {
    print_line(feed->ledger.text() + ", founding id " + to_hex(feed->founding_id) +
               ", from entry " + std::to_string(feed->chain.position().seq + 1) +
               " on; its checkpoints must be signed by " + keys_text(feed->known.keys));
    return kExitOk;
  }
  auto client = connect(options.server);
  if (!client) return report(client.error());
  while (true) {
    bool more = false;
    if (auto read = read_page(*client, options, *feed, more); !read) {
      const bool is_proof = read.error().code == Errc::kForkFound ||
                            read.error().code == Errc::kChainBroken ||
                            read.error().code == Errc::kBadSignature;
      auto error = read.error();
      if (error.code == Errc::kBadSignature) {
        error.detail += "; if the city says that it changed its key, give its statement by "
                        "--statement";
      }
      const int code = report(error);
      return is_proof ? kExitVerificationFailed : code;
    }
    if (more) continue;
    if (!options.follow) break;
    std::this_thread::sleep_for(kFollowPause);
  }
  say("read up to entry " + std::to_string(feed->chain.position().seq) + " of " +
      feed->ledger.text() + "; its key vouches for " + std::to_string(feed->covered) +
      "; what it shares is " + confirmed_text(feed->last_shared, feed->confirmed));
  return kExitOk;
}

}  // namespace

void add_feed(CLI::App& app, Chosen& chosen) {
  auto* verb = app.add_subcommand("feed", "Reads what a city shares, and checks every entry");
  auto options = std::make_shared<FeedOptions>();
  verb->add_option("--alliance", options->alliance, "The alliance's identity.json")->required();
  verb->add_option("--city", options->city, "The city's identity.json")->required();
  verb->add_option("--statement", options->statements,
                   "A file with what the city said of its key (`hansa key change`), oldest first");
  verb->add_option("--state", options->state, "A file that remembers how far it was read");
  verb->add_flag("--follow", options->follow, "Goes on until it is stopped");
  verb->add_flag("--dry-run", options->dry_run, "Only says what would be read and trusted");
  add_remote_server(*verb, options->server);
  set_example(*verb,
              "  hansa init alliance delta --dir delta\n"
              "  hansa init city river-town --dir river-town\n"
              "  hansa feed --alliance delta/identity.json --city river-town/identity.json "
              "--dry-run");
  verb->callback([&chosen, options] { chosen.run = [options] { return run_feed(*options); }; });
}

}  // namespace hansa::ops
