#include "core/base/rows.h"

#include <array>
#include <charconv>

#include "core/base/assert.h"
#include "core/base/ids.h"

namespace hansa {
namespace {

template <typename Row>
std::pair<TableId, const google::protobuf::Message*> entry(Table<Row> table) {
  return {table.id, &Row::default_instance()};
}

constexpr size_t kCaseKeyBytes = 12;

// A letter, a seq and, behind a dash, an index; what begins otherwise is no row's key.
std::string seq_and_index_key(char letter, std::string_view id) {
  uint64_t seq = 0;
  uint32_t index = 0;
  const char* end = id.data() + id.size();
  if (!id.starts_with(letter)) return std::string("\0", 1);
  auto parsed = std::from_chars(id.data() + 1, end, seq);
  if (parsed.ptr != end && *parsed.ptr == '-') std::from_chars(parsed.ptr + 1, end, index);
  std::string key = big_endian(seq);
  for (int i = 3; i >= 0; --i) key.push_back(static_cast<char>(index >> (8 * i)));
  return key;
}

}  // namespace

const google::protobuf::Message* row_prototype(TableId table) {
  static const std::array kPrototypes = {
      entry(kCityTable),       entry(kDistrictTable),       entry(kGridCellTable),
      entry(kUnitTable),       entry(kServiceTable),        entry(kPolicyTable),
      entry(kCaseTable),       entry(kImportedTable),       entry(kNearCasesTable),
      entry(kTimerTable),      entry(kRecentClosuresTable), entry(kErasedPersonTable),
      entry(kAnsweredTable),   entry(kCounterTable),        entry(kStateCountTable),
      entry(kHeatTable),       entry(kCaseFactsTable),      entry(kDayTallyTable),
      entry(kInputTable),      entry(kAllianceTable),       entry(kMemberTable),
      entry(kAgreementTable),  entry(kLedgerHeadTable),     entry(kAffiliationTable),
      entry(kHeardAgreementTable), entry(kShareReachedTable),
      entry(kAirDayTable),     entry(kAirYearTable),
      entry(kPopulationTable),
      entry(kHeardCampaignTable),  entry(kHeardFindingTable),
      entry(kCampaignTable),   entry(kCampaignCityTable),   entry(kJointActionTable),
      entry(kFindingTable),    entry(kHandoverTable),       entry(kTreeTileTable),
      entry(kWitnessedTable),  entry(kFigureRecordTable),   entry(kFigureOnceTable),
      entry(kConfirmingMembersTable), entry(kSchemaLevelTable),
  };
  for (const auto& [id, prototype] : kPrototypes) {
    if (id == table) return prototype;
  }
  return nullptr;
}

std::string stored_key(TableId table, std::string_view key) {
  std::string stored;
  stored.reserve(key.size() + 1);
  stored.push_back(static_cast<char>(table));
  stored.append(key);
  return stored;
}

std::string big_endian(uint64_t number) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (8 * (7 - i)));
  return bytes;
}

std::string case_key(std::string_view case_id) { return seq_and_index_key('c', case_id); }

std::string finding_key(std::string_view finding_id) {
  return seq_and_index_key('f', finding_id);
}

std::string campaign_key(std::string_view campaign_id) {
  uint64_t number = 0;
  if (!campaign_id.starts_with('k')) return std::string("\0", 1);
  std::from_chars(campaign_id.data() + 1, campaign_id.data() + campaign_id.size(), number);
  return big_endian(number);
}

std::string case_id_of(std::string_view case_key) {
  HANSA_ASSERT(case_key.size() == kCaseKeyBytes, "a case key is a seq and an index");
  uint64_t number = 0;
  for (const char byte : case_key.substr(0, 8)) number = number << 8 | static_cast<uint8_t>(byte);
  uint32_t index = 0;
  for (const char byte : case_key.substr(8)) index = index << 8 | static_cast<uint8_t>(byte);
  return case_id(number, index);
}

std::string timer_key(const v1::Timer& timer) {
  std::string key = big_endian(static_cast<uint64_t>(timer.due_time_us()));
  key += timer.subject().empty() ? case_key(timer.case_()) : std::string(kCaseKeyBytes, '\0');
  key.push_back(static_cast<char>(timer.clock()));
  return key + timer.subject();
}

std::string place_key(std::string_view district, std::string_view street,
                      std::string_view community) {
  std::string key(district);
  key.append("/").append(street).append("/").append(community);
  return key;
}

std::string place_key(const v1::Place& place) {
  return place_key(place.district(), place.street(), place.community());
}

void MapRows::scan(TableId table, std::string_view from, std::string_view to,
                   const Visit& visit) {
  const std::string end = stored_key(table, to);
  for (auto it = rows_.lower_bound(stored_key(table, from)); it != rows_.end(); ++it) {
    if (it->first >= end) return;
    if (!visit(std::string_view(it->first).substr(1), *it->second)) return;
  }
}

void MapRows::erase_row(TableId table, std::string_view key) {
  rows_.erase(stored_key(table, key));
}

std::map<std::string, std::string> MapRows::dump() const {
  std::map<std::string, std::string> all;
  for (const auto& [key, row] : rows_) all[key] = row->SerializeAsString();
  return all;
}

const google::protobuf::Message* MapRows::find_row(TableId table, std::string_view key) {
  auto it = rows_.find(stored_key(table, key));
  return it == rows_.end() ? nullptr : it->second.get();
}

google::protobuf::Message& MapRows::put_row(TableId table, std::string_view key) {
  auto& slot = rows_[stored_key(table, key)];
  if (slot == nullptr) {
    const auto* prototype = row_prototype(table);
    HANSA_ASSERT(prototype != nullptr, "every table that is written has a row type");
    slot.reset(prototype->New());
  }
  return *slot;
}

}  // namespace hansa
