#include "ops/cli/ledger_source.h"

#include "hansa/v1/reads.pb.h"
#include "ops/cli/offline.h"

namespace hansa::ops {
namespace {

constexpr uint32_t kPageRecords = 500;

// The records of a ledger as a server gives them out.
class ServerRecords final : public Records {
 public:
  ServerRecords(Client& client, std::string city) : client_(client), city_(std::move(city)) {}

  Result<streams::ReadResult> read(Offset from) override {
    v1::ListEntries request;
    request.set_city(city_);
    request.set_from_offset(from);
    request.set_page_size(kPageRecords);
    answer_.Clear();
    HANSA_CHECK(client_.call(request, answer_));
    streams::ReadResult result;
    for (auto& record : *answer_.mutable_records()) {
      result.records.push_back({record.offset(), std::move(*record.mutable_value())});
    }
    result.next = std::max<Offset>(from, answer_.next_offset());
    return result;
  }
  const v1::EntriesAnswer& answer() const { return answer_; }

 private:
  Client& client_;
  std::string city_;
  v1::EntriesAnswer answer_;
};

Result<StoppedNode> open_files(const LedgerSource& source, const LedgerId& ledger) {
  if (!source.config.empty()) {
    HANSA_TRY(const auto config, read_config(source.config, process_environment()));
    return StoppedNode::of(config, ledger);
  }
  HANSA_CHECK(check_has_log(source.data_dir, ledger));
  return StoppedNode::open(source.data_dir, ledger);
}

}  // namespace

void add_ledger_source(CLI::App& verb, LedgerSource& source) {
  verb.add_option("--ledger", source.ledger, "The ledger, like city/suzhou-js")->required();
  add_records_source(verb, source);
}

void add_records_source(CLI::App& verb, LedgerSource& source) {
  verb.add_option("--data", source.data_dir,
                  "Data folder of a stopped node; without it the server is asked");
  verb.add_option("--config", source.config,
                  "Configuration of a node, whose log is read; on Kafka while nodes run");
  add_remote_server(verb, source.server);
}

int on_ledger(const LedgerSource& source, const OnLedger& work) {
  const auto ledger = LedgerId::parse(source.ledger);
  if (!ledger) return usage("expected --ledger like city/suzhou-js, got `" + source.ledger + "`");
  if (!source.data_dir.empty() && !source.config.empty()) {
    return usage("expected --data or --config, not both");
  }
  if (!source.data_dir.empty() || !source.config.empty()) {
    auto opened = open_files(source, *ledger);
    if (!opened) return report(opened.error());
    LogRecords records(opened->log(), *ledger);
    return work(records, *ledger, opened->founding_id());
  }
  auto client = connect(source.server);
  if (!client) return report(client.error());
  ServerRecords records(*client, ledger->id);
  // The first page says which founding the server's configuration names.
  if (auto first = records.read(0); !first) return report(first.error());
  const auto founding_id = FoundingId::from(records.answer().founding_id());
  if (!founding_id) return report(Error{Errc::kInternal, "the server gave no founding id"});
  return work(records, *ledger, *founding_id);
}

}  // namespace hansa::ops
