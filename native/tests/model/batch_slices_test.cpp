#include "model/batch_slices.h"

#include <gtest/gtest.h>

#include "model_testing.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using Tokens = BatchBuilder::Tokens;

// Groups of 6, 3, 9 and 4 tokens, all different.
BatchBuilder four_groups() {
  BatchBuilder builder;
  builder.add({1, 2}, {{3, 4}, {5, 6}});
  builder.add({7}, {{8, 9}});
  builder.add({10, 11, 12}, {{13}, {14, 15}, {16, 17, 18}});
  builder.add({19}, {{20}, {21, 22}});
  return builder;
}

std::vector<int64_t> groups_of_slices(const mmpo_batch& batch, int64_t max_tokens) {
  std::vector<int64_t> groups;
  for (const BatchSlice& slice : slice_batch(batch, max_tokens)) groups.push_back(slice.batch.num_groups);
  return groups;
}

TEST(BatchSlices, HoldAsManyGroupsAsFitAndAtLeastOne) {
  const BatchBuilder builder = four_groups();
  const mmpo_batch batch = builder.batch();
  EXPECT_EQ(groups_of_slices(batch, 22), (std::vector<int64_t>{4}));
  EXPECT_EQ(groups_of_slices(batch, 21), (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(groups_of_slices(batch, 9), (std::vector<int64_t>{2, 1, 1}));
  EXPECT_EQ(groups_of_slices(batch, 8), (std::vector<int64_t>{1, 1, 1, 1}));
  EXPECT_EQ(groups_of_slices(batch, 1), (std::vector<int64_t>{1, 1, 1, 1}));
}

TEST(BatchSlices, AreTheMicroBatchOneAfterAnother) {
  const BatchBuilder builder = four_groups();
  const mmpo_batch batch = builder.batch();
  Tokens tokens, prompt_lengths, group_sizes, completion_lengths;
  const auto append = [](Tokens& to, const int32_t* from, int64_t count) { to.insert(to.end(), from, from + count); };
  for (const BatchSlice& slice : slice_batch(batch, 9)) {
    EXPECT_EQ(slice.first_completion, static_cast<int64_t>(completion_lengths.size()));
    EXPECT_NO_THROW(check_batch(slice.batch, 23));
    append(tokens, slice.batch.tokens, slice.batch.num_tokens);
    append(prompt_lengths, slice.batch.prompt_lengths, slice.batch.num_groups);
    append(group_sizes, slice.batch.group_sizes, slice.batch.num_groups);
    append(completion_lengths, slice.batch.completion_lengths, slice.batch.num_completions);
  }
  const auto all = [](const int32_t* values, int64_t count) { return Tokens(values, values + count); };
  EXPECT_EQ(tokens, all(batch.tokens, batch.num_tokens));
  EXPECT_EQ(prompt_lengths, all(batch.prompt_lengths, batch.num_groups));
  EXPECT_EQ(group_sizes, all(batch.group_sizes, batch.num_groups));
  EXPECT_EQ(completion_lengths, all(batch.completion_lengths, batch.num_completions));
}

}  // namespace
}  // namespace mmpo
