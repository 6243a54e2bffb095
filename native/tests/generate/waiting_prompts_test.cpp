// Which prompt begins where, and what of it is computed already: by hand.
#include "generate/waiting_prompts.h"

#include <gtest/gtest.h>

#include <limits>

namespace mmpo {
namespace {

using Tokens = std::vector<int32_t>;
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

// So many tokens of one beginning, then others.
Tokens text(int64_t shared, const Tokens& own) {
  Tokens tokens;
  for (int64_t i = 0; i < shared; ++i) tokens.push_back(static_cast<int32_t>(i));
  tokens.insert(tokens.end(), own.begin(), own.end());
  return tokens;
}

std::vector<WaitingPrompts::PromptTokens> views(const std::vector<Tokens>& texts) {
  return {texts.begin(), texts.end()};
}

void expect(const std::optional<WaitingPrompts::Admitted>& found, size_t prompt, int64_t place, int64_t source,
            int64_t num_cached) {
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->prompt, prompt);
  EXPECT_EQ(found->place, place);
  EXPECT_EQ(found->source, source);
  EXPECT_EQ(found->num_cached, num_cached);
}

TEST(WaitingPrompts, TheLongestBeginsFirstWherePlacesAreFree) {
  const std::vector<Tokens> texts = {{1}, {2, 3, 4}, {5, 6}};
  WaitingPrompts waiting(views(texts), 2, true);
  expect(waiting.next(kAny), 1, 0, 0, 0);
  expect(waiting.next(kAny), 2, 1, 1, 0);
  EXPECT_FALSE(waiting.next(kAny).has_value());
  waiting.computed();
  EXPECT_FALSE(waiting.empty());
  waiting.end(1);
  expect(waiting.next(kAny), 0, 1, 1, 0);
  EXPECT_TRUE(waiting.empty());
}

TEST(WaitingPrompts, ACommonBeginningIsComputedOnceAndThenCopied) {
  const std::vector<Tokens> texts = {text(40, {100, 101, 102}), text(40, {200}), text(40, {100, 102}), {7}};
  WaitingPrompts waiting(views(texts), 3, true);
  expect(waiting.next(kAny), 0, 0, 0, 0);
  // The second and third wait for the first; the last has nothing to wait for.
  expect(waiting.next(kAny), 3, 1, 1, 0);
  EXPECT_FALSE(waiting.next(kAny).has_value());
  waiting.computed();
  expect(waiting.next(kAny), 2, 2, 0, 41);
  waiting.computed();
  // The first has ended, and its place has most of the second, which takes it.
  waiting.end(1);
  waiting.end(0);
  expect(waiting.next(kAny), 1, 0, 0, 40);
}

// The row of the last token is what the first token is drawn from.
TEST(WaitingPrompts, TheLastTokenIsAlwaysComputed) {
  const std::vector<Tokens> texts = {text(20, {}), text(20, {})};
  WaitingPrompts waiting(views(texts), 2, true);
  expect(waiting.next(kAny), 0, 0, 0, 0);
  EXPECT_FALSE(waiting.next(kAny).has_value());
  waiting.computed();
  expect(waiting.next(kAny), 1, 1, 0, 19);
}

TEST(WaitingPrompts, NothingIsSharedWhereItMayNotBe) {
  const std::vector<Tokens> texts = {text(40, {100}), text(40, {})};
  WaitingPrompts waiting(views(texts), 2, false);
  expect(waiting.next(kAny), 0, 0, 0, 0);
  expect(waiting.next(kAny), 1, 1, 1, 0);
}

TEST(WaitingPrompts, AStepTakesNoMoreTokensThanItMay) {
  const std::vector<Tokens> texts = {{1, 2, 3}, {4, 5, 6}};
  WaitingPrompts waiting(views(texts), 2, true);
  expect(waiting.next(kAny), 0, 0, 0, 0);
  EXPECT_FALSE(waiting.next(2).has_value());
  expect(waiting.next(3), 1, 1, 1, 0);
}

}  // namespace
}  // namespace mmpo
