// Goal: a ledger holds a newer event only after it was raised, it is raised only by who knows what
// it is raised to, and never lowered; so an older binary meets nothing that it would misread.
// Method: a city and an alliance in memory; the events of entries held against the schema.
#include "core/ledger/schema_level.h"

#include <gtest/gtest.h>

#include "core/rules.h"
#include "tests/core/test_alliance.h"
#include "tests/core/test_city.h"

namespace hansa {
namespace {

const Principal kOperator = person("operator", {v1::Role::operator_});

v1::RaiseSchemaLevel raise_to(uint32_t level) {
  v1::RaiseSchemaLevel command;
  command.set_city("test");
  command.set_level(level);
  return command;
}

v1::Payload payload_with(uint32_t level) {
  v1::Payload payload;
  payload.add_events()->mutable_unit_defined()->set_unit("roads");
  payload.add_events()->mutable_schema_level_raised()->set_level(level);
  return payload;
}

class SchemaLevelTest : public testing::Test {
 protected:
  Result<Decision> decide(uint32_t level, uint16_t known = kSchemaLevel) {
    const DecideContext context{kOperator, {}, kStart, 100, known};
    return decide_command(kCityKind, city_.rows, raise_to(level), context);
  }
  // Folds what was decided.
  void raise(uint32_t level) {
    const auto decision = decide(level);
    ASSERT_TRUE(decision.has_value()) << decision.error().detail;
    for (const auto& event : decision->events) {
      ASSERT_TRUE(evolve_event_of_ledger(city_.rows, event, {100, kStart, {}}).has_value());
    }
  }
  Errc refusal(uint32_t level, uint16_t known = kSchemaLevel) {
    const auto decision = decide(level, known);
    return decision ? Errc::kInternal : decision.error().code;
  }

  TestCity city_;
};

TEST_F(SchemaLevelTest, ALedgerHasTheFirstLevelUntilItIsRaised) {
  EXPECT_EQ(schema_level_of(city_.rows), kFirstSchemaLevel);
  raise(kSchemaLevel);
  EXPECT_EQ(schema_level_of(city_.rows), kSchemaLevel);
}

TEST_F(SchemaLevelTest, WhatIsRaisedAlreadyIsUnchangedAndNothingIsLowered) {
  const auto first = decide(kFirstSchemaLevel);
  ASSERT_TRUE(first.has_value()) << first.error().detail;
  EXPECT_TRUE(first->unchanged);
  EXPECT_TRUE(first->events.empty());
  raise(kSchemaLevel);
  EXPECT_TRUE(decide(kSchemaLevel)->unchanged);
  EXPECT_EQ(refusal(kFirstSchemaLevel), Errc::kWrongState);
  EXPECT_EQ(refusal(0), Errc::kWrongState);
}

TEST_F(SchemaLevelTest, NobodyRaisesToWhatHisBinaryDoesNotKnow) {
  EXPECT_EQ(refusal(kSchemaLevel, kFirstSchemaLevel), Errc::kUpgradeNeeded);
  EXPECT_EQ(refusal(kSchemaLevel + 1), Errc::kUpgradeNeeded);
  EXPECT_EQ(refusal(65'536 + kSchemaLevel), Errc::kUpgradeNeeded);
  v1::Event event;
  event.mutable_schema_level_raised()->set_level(kSchemaLevel + 1);
  const auto folded = evolve_event_of_ledger(city_.rows, event, {100, kStart, {}});
  ASSERT_FALSE(folded.has_value());
  EXPECT_EQ(folded.error().code, Errc::kUpgradeNeeded) << folded.error().detail;
}

TEST_F(SchemaLevelTest, TheEntryThatRaisesHasTheNewLevelAndLaterOnesKeepIt) {
  EXPECT_EQ(level_of_entry(city_.rows, {}).value_or(0), kFirstSchemaLevel);
  EXPECT_EQ(level_of_entry(city_.rows, payload_with(kSchemaLevel)).value_or(0), kSchemaLevel);
  raise(kSchemaLevel);
  EXPECT_EQ(level_of_entry(city_.rows, {}).value_or(0), kSchemaLevel);
}

// SchemaLevelRaised is an event of level 2 itself.
TEST_F(SchemaLevelTest, AnEventThatTheLedgerMayNotHoldYetIsRefused) {
  const auto level = level_of_entry(city_.rows, payload_with(kFirstSchemaLevel));
  ASSERT_FALSE(level.has_value());
  EXPECT_EQ(level.error().code, Errc::kUpgradeNeeded) << level.error().detail;
}

// What it is, nobody knows yet: the fold is who refuses it.
TEST_F(SchemaLevelTest, AnEventWithoutAContentNeedsNoLevel) {
  v1::Payload payload;
  payload.add_events();
  EXPECT_EQ(level_of_entry(city_.rows, payload).value_or(0), kFirstSchemaLevel);
}

TEST(SchemaLevels, EveryEventIsOfALevelThatThisBinaryKnows) {
  const auto* event = v1::Event::descriptor();
  for (int i = 0; i < event->field_count(); ++i) {
    EXPECT_LE(event->field(i)->options().GetExtension(v1::since_level), kSchemaLevel)
        << event->field(i)->name();
  }
}

TEST(SchemaLevels, AnAllianceIsRaisedLikeACity) {
  TestAlliance alliance;
  v1::RaiseAllianceSchemaLevel raise;
  raise.set_alliance("delta");
  raise.set_level(kSchemaLevel);
  EXPECT_EQ(alliance.send(raise), "SchemaLevelRaised");
}

}  // namespace
}  // namespace hansa
