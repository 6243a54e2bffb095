#include "dist/shard_plan.h"

#include <gtest/gtest.h>

#include "model_testing.h"

namespace mmpo {
namespace {

// A vector, a matrix of 1,000 elements, and after a gap one of 3 blocks; then the head, which backward completes before them.
std::vector<Parameter> parameters() {
  return {{"embedding", 10, 30, 0, kEmbeddingUnit},
          {"layer.norm", 40, 0, 320, 0},
          {"layer.matrix", 100, 10, 384, 0},
          {"head", 768, 0, 1408, head_unit(1)}};
}

TEST(ShardPlan, UnitsComeInTheOrderOfBackward) {
  const ShardPlan plan(parameters(), 2);
  ASSERT_EQ(plan.units().size(), 3U);
  EXPECT_EQ(plan.units()[0].number, 1);
  EXPECT_EQ(plan.units()[1].number, 0);
  EXPECT_EQ(plan.units()[2].number, kEmbeddingUnit);
}

// By hand: the head's 768 elements are cut in the middle, 384, which is half a block from 256 and from 512; the layer's 320 to 1384 at
// 852, 468 into the matrix, nearest to block 2 of it; the embedding's 300 at 150, nearest to 256.
TEST(ShardPlan, CutsLieAtBlocksOfAParameter) {
  const ShardPlan plan(parameters(), 2);
  EXPECT_EQ(plan.units()[0].cuts, (std::vector<int64_t>{1408, 1408 + 512, 1408 + 768}));
  EXPECT_EQ(plan.units()[1].cuts, (std::vector<int64_t>{320, 384 + 512, 1384}));
  EXPECT_EQ(plan.units()[2].cuts, (std::vector<int64_t>{0, 256, 300}));
  const auto ranges = plan.ranges(1);
  ASSERT_EQ(ranges.size(), 3U);
  EXPECT_EQ(ranges[0].parameter.name, "embedding");
  EXPECT_EQ(ranges[0].begin, 256);
  EXPECT_EQ(ranges[0].count, 44);
  EXPECT_EQ(ranges[1].parameter.name, "layer.matrix");
  EXPECT_EQ(ranges[1].begin, 512);
  EXPECT_EQ(ranges[1].count, 488);
  EXPECT_EQ(plan.ranges(0)[1].parameter.name, "layer.norm");
  EXPECT_TRUE(plan.ranges(0)[1].is_whole());
  // An array of rank 1's: 256 of the head, 488 of the layer, 44 of the embedding.
  EXPECT_EQ(plan.size(1), 256 + 488 + 44);
  EXPECT_EQ(plan.place(1, ranges[1].offset()), 256);
  EXPECT_EQ(plan.place(1, ranges[0].offset() + 3), 256 + 488 + 3);
}

TEST(ShardPlan, EveryElementHasOneOwnerAndSharesAreNearlyEqual) {
  for (const int num_ranks : {1, 2, 3, 4, 7}) {
    SCOPED_TRACE(num_ranks);
    const ParameterLayout layout{ModelConfig(testing::wide_config())};
    const ShardPlan plan(layout.parameters(), num_ranks);
    std::vector<int> owners(static_cast<size_t>(layout.size()));
    int64_t elements = 0;
    for (const Parameter& parameter : layout.parameters()) elements += parameter.size();
    for (int rank = 0; rank < num_ranks; ++rank) {
      int64_t owned = 0;
      for (const ParameterRange& range : plan.ranges(rank)) {
        EXPECT_EQ(range.begin % 256, 0) << range.parameter.name;
        EXPECT_TRUE(range.count % 256 == 0 || range.begin + range.count == range.parameter.size());
        for (int64_t i = 0; i < range.count; ++i) owners[static_cast<size_t>(range.offset() + i)] += 1;
        owned += range.count;
      }
      EXPECT_NEAR(static_cast<double>(owned), static_cast<double>(elements) / num_ranks,
                  256.0 * static_cast<double>(plan.units().size()));
    }
    for (const Parameter& parameter : layout.parameters()) {
      for (int64_t i = 0; i < parameter.size(); ++i) {
        ASSERT_EQ(owners[static_cast<size_t>(parameter.offset + i)], 1) << parameter.name << " " << i;
      }
    }
  }
}

TEST(ShardPlan, BucketsAreWholeUnitsAndChangeNoOwner) {
  const ShardPlan plan(parameters(), 2);
  EXPECT_EQ(plan.buckets(1).size(), 3U);
  EXPECT_EQ(plan.buckets(1 << 20).size(), 1U);
  const auto buckets = plan.buckets(768 + 1064);
  ASSERT_EQ(buckets.size(), 2U);
  EXPECT_EQ(buckets[0].end_unit, 2U);
  EXPECT_EQ(plan.size(buckets[0], 1) + plan.size(buckets[1], 1), plan.size(1));
}

}  // namespace
}  // namespace mmpo
