// The steps that are timed were gone through before, and the device has ended them.
#include "timed_steps.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace {

TEST(TimedSteps, AreGoneThroughOnceBefore) {
  std::string calls;
  const double seconds = seconds_of(
      3,
      [&](int64_t number) {
        const bool is_timed = calls.find('w') != std::string::npos;
        std::this_thread::sleep_for(std::chrono::milliseconds(is_timed ? 1 : 100));
        calls += std::to_string(number);
      },
      [&] { calls += 'w'; });
  EXPECT_EQ(calls, "012w012w");
  EXPECT_GE(seconds, 3e-3);
  EXPECT_LT(seconds, 0.3);
}

}  // namespace
