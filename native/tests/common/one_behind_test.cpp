#include "common/one_behind.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace mmpo {
namespace {

// Queues 0, 1 and 2 and says in which order that and reading happened. What is queued cannot be copied, as memory on its way.
std::string order(bool waits) {
  std::string events;
  const auto read = [&](std::unique_ptr<int>& number) { events += " read " + std::to_string(*number); };
  OneBehind<std::unique_ptr<int>, decltype(read)> behind(waits, read);
  for (int i = 0; i < 3; ++i) {
    events += " queue " + std::to_string(i);
    behind.add(std::make_unique<int>(i));
  }
  behind.finish();
  behind.finish();
  return events;
}

TEST(OneBehind, ReadsTheLastOnceTheNextIsQueued) {
  EXPECT_EQ(order(true), " queue 0 queue 1 read 0 queue 2 read 1 read 2");
}

TEST(OneBehind, ReadsAtOnceWhereTheNextWouldOverwriteIt) {
  EXPECT_EQ(order(false), " queue 0 read 0 queue 1 read 1 queue 2 read 2");
}

}  // namespace
}  // namespace mmpo
