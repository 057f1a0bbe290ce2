// Rows: the tables of one ledger's projection as core sees them, wherever they are kept.
//
// Shape:   a row is a protobuf message under (table, key); keys are byte strings whose order is the
//          order of scans. Tables are declared once, below, with the message they hold.
//          RowsView reads; Rows also writes. put() gives the row to be changed, fresh if absent.
//          projections/row_cache.h keeps rows in front of RocksDB; MapRows (here) keeps them in
//          memory for tests and for slow second reckonings.
// Errors:  none: absence is nullptr. A row that cannot be read stops the ledger below this line.
// Threads: one thread at a time. Pointers and references hold until the next put or erase of the
//          same row, or the end of the round.
// Limits:  keys up to 1 KiB.
// Source:  DESIGN §5, §6.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "hansa/v1/rows.pb.h"

namespace hansa {

// The first byte of every stored key. Numbers are stored: never reuse or renumber them.
enum class TableId : uint8_t {
  kMeta = 0,  // projections' own bookkeeping, not a table of core
  kCity = 1,
  kDistrict = 2,
  kGridCell = 3,
  kUnit = 4,
  kService = 5,
  kPolicy = 6,
  kCase = 10,
  kImported = 11,
  kNearCases = 12,
  kRecentClosures = 13,
  kTimer = 14,
  kErasedPerson = 15,
  kAnswered = 16,
  kInput = 17,
  kLedgerHead = 18,
  kTreeTile = 19,
  kAffiliation = 20,
  kHeardAgreement = 21,
  kHeardCampaign = 22,
  kHeardFinding = 23,
  kHandover = 24,
  kShareReached = 25,
  kWitnessed = 27,
  kFigureRecord = 28,
  kFigureOnce = 29,
  kCounter = 30,
  kStateCount = 31,
  kHeat = 32,
  kCaseFacts = 33,
  kDayTally = 34,
  kAirDay = 35,
  kAirYear = 36,
  kPopulation = 37,
  kAlliance = 40,
  kMember = 41,
  kAgreement = 42,
  kCampaign = 43,
  kCampaignCity = 44,
  kJointAction = 45,
  kFinding = 46,
  kConfirmingMembers = 47,
  kSchemaLevel = 48,
  kIndex = 60,  // keys computed from rows (projections/index.h); values are empty
};

template <typename Row>
struct Table {
  TableId id;
};

inline constexpr Table<v1::City> kCityTable{TableId::kCity};                     // key: ""
inline constexpr Table<v1::District> kDistrictTable{TableId::kDistrict};         // district
inline constexpr Table<v1::GridCell> kGridCellTable{TableId::kGridCell};         // d/s/c
inline constexpr Table<v1::Unit> kUnitTable{TableId::kUnit};                     // unit
inline constexpr Table<v1::Service> kServiceTable{TableId::kService};            // service
inline constexpr Table<v1::Policy> kPolicyTable{TableId::kPolicy};               // policy
inline constexpr Table<v1::Case> kCaseTable{TableId::kCase};                     // case_key()
inline constexpr Table<v1::ImportedRow> kImportedTable{TableId::kImported};      // SHA-256
inline constexpr Table<v1::NearCases> kNearCasesTable{TableId::kNearCases};      // service|cell
inline constexpr Table<v1::RecentClosures> kRecentClosuresTable{TableId::kRecentClosures};
inline constexpr Table<v1::Timer> kTimerTable{TableId::kTimer};                  // timer_key()
inline constexpr Table<v1::ErasedPerson> kErasedPersonTable{TableId::kErasedPerson};
inline constexpr Table<v1::AnsweredCommand> kAnsweredTable{TableId::kAnswered};  // fold.h
inline constexpr Table<v1::InputReached> kInputTable{TableId::kInput};            // topic or ledger
inline constexpr Table<v1::LedgerHead> kLedgerHeadTable{TableId::kLedgerHead};    // key: ""
inline constexpr Table<v1::TreeTile> kTreeTileTable{TableId::kTreeTile};  // evidence/tree_rows.h
inline constexpr Table<v1::Affiliation> kAffiliationTable{TableId::kAffiliation};  // alliance
inline constexpr Table<v1::AgreementVersion> kHeardAgreementTable{
    TableId::kHeardAgreement};  // heard_key()
inline constexpr Table<v1::HeardCampaign> kHeardCampaignTable{
    TableId::kHeardCampaign};  // heard_campaign_key()
inline constexpr Table<v1::HeardFinding> kHeardFindingTable{
    TableId::kHeardFinding};  // heard_finding_key()
inline constexpr Table<v1::Handover> kHandoverTable{TableId::kHandover};          // handover_key()
inline constexpr Table<v1::ShareReached> kShareReachedTable{TableId::kShareReached};  // key: ""
inline constexpr Table<v1::Witnessed> kWitnessedTable{TableId::kWitnessed};       // ledger
inline constexpr Table<v1::FigureRecord> kFigureRecordTable{
    TableId::kFigureRecord};  // figure_key()
inline constexpr Table<v1::FigureOnce> kFigureOnceTable{TableId::kFigureOnce};    // rows.proto
inline constexpr Table<v1::Counter> kCounterTable{TableId::kCounter};
inline constexpr Table<v1::StateCount> kStateCountTable{TableId::kStateCount};
inline constexpr Table<v1::HeatCell> kHeatTable{TableId::kHeat};
inline constexpr Table<v1::CaseFacts> kCaseFactsTable{TableId::kCaseFacts};      // case_key()
inline constexpr Table<v1::DayTally> kDayTallyTable{TableId::kDayTally};         // metrics/scope.h
inline constexpr Table<v1::AirDay> kAirDayTable{TableId::kAirDay};               // 2014-01-31
inline constexpr Table<v1::AirYear> kAirYearTable{TableId::kAirYear};            // year, BE8
inline constexpr Table<v1::Population> kPopulationTable{TableId::kPopulation};   // year, BE8
inline constexpr Table<v1::Alliance> kAllianceTable{TableId::kAlliance};         // key: ""
inline constexpr Table<v1::Member> kMemberTable{
    TableId::kMember};  // city; in a city's ledger as city/peers.h says
inline constexpr Table<v1::ConfirmingMembers> kConfirmingMembersTable{
    TableId::kConfirmingMembers};  // key: ""
inline constexpr Table<v1::SchemaLevel> kSchemaLevelTable{TableId::kSchemaLevel};  // key: ""
inline constexpr Table<v1::AgreementVersion> kAgreementTable{TableId::kAgreement};  // version, BE8
inline constexpr Table<v1::Campaign> kCampaignTable{TableId::kCampaign};         // campaign_key()
inline constexpr Table<v1::CampaignCity> kCampaignCityTable{
    TableId::kCampaignCity};  // alliance/campaign.h
inline constexpr Table<v1::JointAction> kJointActionTable{
    TableId::kJointAction};  // alliance/joint_action.h
inline constexpr Table<v1::Finding> kFindingTable{TableId::kFinding};            // finding_key()

// An empty message of the table's type; nullptr for kMeta, kIndex and unknown numbers.
const google::protobuf::Message* row_prototype(TableId table);

class RowsView {
 public:
  virtual ~RowsView() = default;

  template <typename Row>
  const Row* find(Table<Row> table, std::string_view key) {
    return static_cast<const Row*>(find_row(table.id, key));
  }
  const google::protobuf::Message* find_any(TableId table, std::string_view key) {
    return find_row(table, key);
  }
  // Rows of `table` with from <= key < to in key order, until `visit` answers false.
  using Visit = std::function<bool(std::string_view key, const google::protobuf::Message& row)>;
  virtual void scan(TableId table, std::string_view from, std::string_view to,
                    const Visit& visit) = 0;

 protected:
  virtual const google::protobuf::Message* find_row(TableId table, std::string_view key) = 0;
};

class Rows : public RowsView {
 public:
  template <typename Row>
  Row& put(Table<Row> table, std::string_view key) {
    return static_cast<Row&>(put_row(table.id, key));
  }
  template <typename Row>
  void erase(Table<Row> table, std::string_view key) {
    erase_row(table.id, key);
  }
  virtual void erase_row(TableId table, std::string_view key) = 0;

 protected:
  virtual google::protobuf::Message& put_row(TableId table, std::string_view key) = 0;
};

class MapRows final : public Rows {
 public:
  void scan(TableId table, std::string_view from, std::string_view to,
            const Visit& visit) override;
  void erase_row(TableId table, std::string_view key) override;
  // table byte and key -> serialised row, for comparing whole states.
  std::map<std::string, std::string> dump() const;

 protected:
  const google::protobuf::Message* find_row(TableId table, std::string_view key) override;
  google::protobuf::Message& put_row(TableId table, std::string_view key) override;

 private:
  std::map<std::string, std::unique_ptr<google::protobuf::Message>, std::less<>> rows_;
};

// Key texts. Numbers are big-endian so that byte order is number order.
std::string stored_key(TableId table, std::string_view key);
std::string big_endian(uint64_t number);
// `c12-1` -> big-endian seq, then index: cases in the order of their making.
std::string case_key(std::string_view case_id);
std::string case_id_of(std::string_view case_key);
// `k12` -> big-endian number.
std::string campaign_key(std::string_view campaign_id);
// `f12-1` -> as a case's.
std::string finding_key(std::string_view finding_id);
// Due time; then case and clock, or twelve zero bytes (no case has seq 0), clock and subject.
std::string timer_key(const v1::Timer& timer);
std::string place_key(const v1::Place& place);
std::string place_key(std::string_view district, std::string_view street,
                      std::string_view community);

}  // namespace hansa
