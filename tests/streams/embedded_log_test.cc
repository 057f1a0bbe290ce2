// Goal:   the embedded log keeps what it acknowledged, says what it lost, and never opens as if
//         nothing had happened.
// Method: real RocksDB databases in temporary folders; crashes are copied folders, damage is a
//         flipped byte, failing disks are a wrapped RocksDB environment.
#include "streams/embedded_log.h"

#include <gtest/gtest.h>

#include "streams/appender.h"
#include "tests/streams/log_helpers.h"

namespace hansa::streams {
namespace {

std::unique_ptr<EmbeddedLog> open_log(const std::string& folder) {
  EmbeddedLogOptions options;
  options.folder = folder;
  options.fsync = false;
  auto log = EmbeddedLog::open(options);
  if (!log) ADD_FAILURE() << log.error().detail;
  return log ? std::move(*log) : nullptr;
}

TEST(EmbeddedLog, KeepsRecordsOverReopening) {
  TempFolder folder;
  {
    auto log = open_log(folder / "log");
    auto answers = append_now(*log, kTestLedger, {"a", "b"}, 0);
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[1].offset, Offset{1});
  }
  auto log = open_log(folder / "log");
  EXPECT_EQ(log->end(kTestLedger), Offset{2});
  EXPECT_EQ(read_all(*log, kTestLedger), (std::vector<std::string>{"a", "b"}));
}

TEST(EmbeddedLog, AppenderLandsWhatItSends) {
  TempFolder folder;
  auto log = open_log(folder / "log");
  SeededEnv env(1, "test");
  const auto founding = env.random_id<FoundingId>();
  Appender appender(*log, kTestLedger, founding, ChainPosition{}, env);
  ASSERT_TRUE(appender.follow());
  std::vector<Hash> hashes;
  for (int i = 0; i < 3; ++i) hashes.push_back(appender.stamp("x")->hash);
  std::promise<std::pair<Appender::FlightId, std::vector<Delivery>>> promise;
  auto answer = promise.get_future();
  appender.send([&](Appender::FlightId flight, std::vector<Delivery> deliveries) {
    promise.set_value({flight, std::move(deliveries)});
  });
  auto [flight, deliveries] = answer.get();
  auto steps = appender.settle(flight, deliveries);
  ASSERT_TRUE(steps);
  ASSERT_EQ(steps->size(), 3u);
  EXPECT_EQ((*steps)[2].kind, Step::Kind::kLanded);
  EXPECT_EQ((*steps)[2].seq, 3u);
  EXPECT_EQ(appender.landed().tip, hashes[2]);
  EXPECT_TRUE(appender.check_tip());

  Appender later(*log, kTestLedger, founding, appender.landed(), env);
  ASSERT_TRUE(later.follow());
  EXPECT_TRUE(later.check_tip());
}

}  // namespace
}  // namespace hansa::streams
