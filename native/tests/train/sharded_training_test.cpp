// Several ranks train what one trains (sharded_run.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "common/error.h"
#include "train/sharded_run.h"

namespace mmpo {
namespace {

using testing::FakeWorld;
using namespace testing::sharded;

void expect_near(const Outcome& found, const Outcome& expected, double tolerance) {
  ASSERT_EQ(found.norms.size(), expected.norms.size());
  for (size_t i = 0; i < expected.norms.size(); ++i)
    EXPECT_NEAR(found.norms[i], expected.norms[i], tolerance * std::max(1.0, expected.norms[i])) << "step " << i;
  ASSERT_EQ(found.losses.size(), expected.losses.size());
  for (size_t i = 0; i < expected.losses.size(); ++i) {
    // Losses here are in the hundreds.
    EXPECT_NEAR(found.losses[i], expected.losses[i], tolerance * std::max(1.0, std::abs(expected.losses[i]))) << i;
  }
  EXPECT_LE((found.weights.to(at::kFloat) - expected.weights.to(at::kFloat)).abs().max().item<double>(), tolerance);
}

void expect_same(const Outcome& found, const Outcome& expected) {
  EXPECT_EQ(found.norms, expected.norms);
  EXPECT_EQ(found.losses, expected.losses);
  EXPECT_EQ(found.rewards, expected.rewards);
  EXPECT_TRUE(at::equal(found.weights, expected.weights));
}

class ShardedTraining : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Cases, ShardedTraining,
    ::testing::Values(
        Case{.name = "Dpo"}, Case{.name = "DpoStage0", .zero_stage = 0, .reduce = MMPO_REDUCE_STEP},
        Case{.name = "DpoStage1", .zero_stage = 1, .reduce = MMPO_REDUCE_STEP},
        Case{.name = "DpoStage2OnceAStep", .reduce = MMPO_REDUCE_STEP, .tied = true},
        Case{.name = "Mmpo", .loss = MMPO_LOSS_MMPO}, Case{.name = "Simpo", .loss = MMPO_LOSS_SIMPO},
        Case{.name = "Aot", .loss = MMPO_LOSS_AOT, .tied = true},
        Case{.name = "DpoAndLikelihood", .second_loss = MMPO_LOSS_CHOSEN_NLL}, Case{.name = "Lora", .lora = true},
        Case{.name = "LoraWithDropout", .lora = true, .dropout = 0.25},
        Case{.name = "AotWithDropout", .loss = MMPO_LOSS_AOT, .lora = true, .dropout = 0.25},
        Case{.name = "LoraStage1", .zero_stage = 1, .reduce = MMPO_REDUCE_STEP, .lora = true},
        Case{.name = "LoraWithWholeMatrices", .lora = true, .whole = MMPO_WHOLE_EMBEDDING | MMPO_WHOLE_HEAD},
        Case{.name = "LoraWithTiedMatrix", .lora = true, .whole = MMPO_WHOLE_TIED, .tied = true}),
    [](const auto& test) { return test.param.name; });

TEST_P(ShardedTraining, EqualsOneRank) {
  const Outcome alone = train_alone(GetParam());
  EXPECT_EQ(alone.bytes, 0);
  for (const int num_ranks : {2, 4}) {
    SCOPED_TRACE(num_ranks);
    expect_near(train(GetParam(), num_ranks), alone, 1e-5);
  }
}

// Losses that look at a pair, at the micro-batch's range of rewards, and at the order of all its pairs.
TEST(ShardedTraining, EveryStageOfEveryLossEqualsOneRank) {
  for (const int32_t loss : {MMPO_LOSS_MMPO, MMPO_LOSS_DPO, MMPO_LOSS_SIMPO, MMPO_LOSS_AOT}) {
    for (const bool lora : {false, true}) {
      Case c{.name = "", .loss = loss, .lora = lora, .dropout = lora ? 0.1 : 0};
      const Outcome alone = train_alone(c);
      for (const int32_t stage : {0, 1, 2}) {
        c.zero_stage = stage;
        c.reduce = stage == 2 ? MMPO_REDUCE_MICRO_BATCH : MMPO_REDUCE_STEP;
        for (const int num_ranks : {2, 4}) {
          SCOPED_TRACE(::testing::Message() << "loss " << loss << (lora ? ", LoRA" : "") << ", stage " << stage << ", "
                                            << num_ranks << " ranks");
          expect_near(train(c, num_ranks), alone, 1e-5);
        }
      }
    }
  }
}

// Ranks have different numbers of slices, and the last none in the second micro-batch. A step by hand, with a bucket for each unit:
// numbers of slices and what the loss wants of all rows for each micro-batch, reductions of whole rounds, the norm, the weights.
TEST(ShardedTraining, RanksMakeTheSameCollectivesInTheSameOrder) {
  for (const int32_t loss : {MMPO_LOSS_DPO, MMPO_LOSS_MMPO, MMPO_LOSS_AOT}) {
    const Case c{.name = "", .loss = loss, .bucket_bytes = 1};
    FakeWorld world(4);
    auto ranks = make_ranks(world, c, 4);
    train(world, ranks, 0, 1);
    const ShardPlan plan(ranks[0]->trainer().layout().parameters(), 4);
    const std::vector<std::string>& calls = world.calls(0);
    for (int rank = 1; rank < 4; ++rank) EXPECT_EQ(world.calls(rank), calls) << "rank " << rank;
    const auto is_reduction = [](const std::string& call) { return call.starts_with("all_to_all "); };
    const auto reductions = static_cast<size_t>(std::ranges::count_if(calls, is_reduction));
    EXPECT_EQ(reductions % plan.units().size(), 0U);
    EXPECT_GE(reductions, 2 * plan.units().size());
    const auto after_last = std::ranges::find_if(calls.rbegin(), calls.rend(), is_reduction) - calls.rbegin();
    EXPECT_EQ(static_cast<size_t>(after_last), 1 + plan.units().size());
    EXPECT_FALSE(is_reduction(calls.front()));
  }
}

TEST(ShardedTraining, BucketsAndOverlapChangeNoBit) {
  for (Case c :
       {Case{.name = ""}, Case{.name = "", .zero_stage = 1, .reduce = MMPO_REDUCE_STEP, .optimizer = MMPO_ADAMW_8BIT},
        Case{.name = "", .lora = true, .dtype = at::kBFloat16}}) {
    const Outcome expected = train(c, 4, 2);
    for (const int32_t overlap : {0, 1}) {
      for (const int64_t bucket_bytes : {1, 300000, 1 << 30}) {
        SCOPED_TRACE(::testing::Message() << overlap << ' ' << bucket_bytes);
        c.overlap = overlap;
        c.bucket_bytes = bucket_bytes;
        expect_same(train(c, 4, 2), expected);
      }
    }
  }
}

TEST(ShardedTraining, StagesThatReduceOnceAStepHaveTheSameBits) {
  for (const int32_t optimizer : {MMPO_ADAMW, MMPO_ADAMW_8BIT}) {
    Case c{.name = "", .zero_stage = 0, .reduce = MMPO_REDUCE_STEP, .optimizer = optimizer, .dtype = at::kBFloat16};
    const Outcome expected = train(c, 2, 2);
    for (const int32_t stage : {1, 2}) {
      c.zero_stage = stage;
      expect_same(train(c, 2, 2), expected);
    }
  }
}

// A backend of one rank is never called.
TEST(ShardedTraining, OneRankMakesNoCollective) {
  const Case c{.name = ""};
  FakeWorld world(1);
  auto ranks = make_ranks(world, c, 1);
  expect_same(train(world, ranks, 0, 1), train_alone(c, 1));
  EXPECT_TRUE(world.calls(0).empty());
  EXPECT_EQ(ranks[0]->trainer().bytes_sent(), 0);
}

// A step of one reduction, by hand: a rank sends all of its gradient but its own part in float32, its own part of the weights to each other
// rank, and the sums of norms, 8 bytes. Parts are equal to within blocks, and a gathering pads them to the largest.
TEST(ShardedTraining, BytesAreThoseOfZero) {
  for (const bool lora : {false, true}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (const int num_ranks : {2, 4}) {
        const Case c{.name = "", .reduce = MMPO_REDUCE_STEP, .lora = lora, .dtype = dtype, .bucket_bytes = 1};
        FakeWorld world(num_ranks);
        auto ranks = make_ranks(world, c, num_ranks);
        const Outcome outcome = train(world, ranks, 0, 1);
        const ShardPlan plan(ranks[0]->trainer().layout().parameters(), num_ranks);
        const int64_t weight_bytes = lora || dtype == at::kFloat ? 4 : 2;
        int64_t expected = (num_ranks - 1) * 8;
        int64_t elements = 0;
        for (const ShardPlan::Unit& unit : plan.units()) {
          int64_t largest = 0;
          for (int rank = 0; rank < num_ranks; ++rank) largest = std::max(largest, unit.part(rank).size());
          expected += (unit.span().size() - unit.part(0).size()) * 4 + (num_ranks - 1) * largest * weight_bytes;
          elements += unit.span().size();
        }
        EXPECT_EQ(outcome.bytes, expected);
        const double theory = static_cast<double>(elements * (4 + weight_bytes)) * (num_ranks - 1) / num_ranks;
        EXPECT_NEAR(static_cast<double>(outcome.bytes), theory, 0.1 * theory);
        std::cout << (lora ? "LoRA " : "full ") << c10::toString(dtype) << ", " << num_ranks
                  << " ranks: " << outcome.bytes << " bytes a step, ZeRO's theory " << static_cast<int64_t>(theory)
                  << "\n";
        if (lora) {
          EXPECT_LT(elements, ranks[0]->model().decoder().layout().size() / 4) << "frozen weights are not sent";
        }
      }
    }
  }
}

int64_t bytes_of(const std::vector<NamedTensor>& tensors) {
  int64_t bytes = 0;
  for (const NamedTensor& tensor : tensors) bytes += static_cast<int64_t>(tensor.values.nbytes());
  return bytes;
}

TEST(ShardedTraining, StateOfARankIsItsShare) {
  for (const int32_t optimizer : {MMPO_ADAMW, MMPO_ADAMW_8BIT}) {
    const Case c{.name = "", .optimizer = optimizer, .dtype = at::kBFloat16};
    FakeWorld world(1);
    const auto alone = make_ranks(world, c, 1, true);
    for (const int num_ranks : {2, 4}) {
      FakeWorld several(num_ranks);
      const auto ranks = make_ranks(several, c, num_ranks);
      for (const int32_t state : {MMPO_STATE_PARAMETERS, MMPO_STATE_GRADIENTS, MMPO_STATE_OPTIMIZER}) {
        const int64_t whole = bytes_of(alone[0]->trainer().state(state));
        int64_t sum = 0;
        for (const auto& rank : ranks) {
          const int64_t bytes = bytes_of(rank->trainer().state(state));
          // What keeps 32 bits in the 8-bit optimizer is not spread evenly.
          EXPECT_NEAR(static_cast<double>(bytes), static_cast<double>(whole) / num_ranks,
                      0.05 * static_cast<double>(whole));
          sum += bytes;
        }
        EXPECT_EQ(sum, whole) << state;
        const char* names[] = {"master weights", "gradients", "optimizer state"};
        const size_t name = state == MMPO_STATE_PARAMETERS ? 0 : state == MMPO_STATE_GRADIENTS ? 1 : 2;
        std::cout << (optimizer == MMPO_ADAMW ? "adamw, " : "adamw_8bit, ") << names[name] << ": 1 rank " << whole
                  << " bytes, each of " << num_ranks << " " << bytes_of(ranks[0]->trainer().state(state)) << "\n";
      }
    }
  }
}

// What a checkpoint holds: every tensor of the state by name, put together from ranks' parts.
std::map<std::string, Tensor> gather_state(const std::vector<std::unique_ptr<RankRun>>& ranks, int32_t state) {
  std::map<std::string, std::map<int64_t, Tensor>> parts;
  for (const auto& rank : ranks) {
    for (const NamedTensor& tensor : rank->trainer().state(state))
      parts[tensor.name][tensor.begin] = tensor.values.flatten();
  }
  std::map<std::string, Tensor> whole;
  for (const auto& [name, by_begin] : parts) {
    std::vector<Tensor> in_order;
    for (const auto& [begin, values] : by_begin) in_order.push_back(values);
    whole[name] = at::cat(in_order);
  }
  return whole;
}

void write_state(const std::vector<std::unique_ptr<RankRun>>& ranks, int32_t state,
                 const std::map<std::string, Tensor>& whole) {
  for (const auto& rank : ranks) {
    for (const NamedTensor& tensor : rank->trainer().state(state)) {
      const Tensor values = tensor.values.flatten();
      values.copy_(whole.at(tensor.name).narrow(0, tensor.begin, values.numel()));
    }
  }
}

TEST(ShardedTraining, ResumesOnAnotherNumberOfRanks) {
  for (const int32_t optimizer : {MMPO_ADAMW, MMPO_ADAMW_8BIT}) {
    const Case c{.name = "", .optimizer = optimizer, .dtype = at::kBFloat16};
    const Outcome straight = train(c, 4, 3);
    FakeWorld world(4);
    auto stopped = make_ranks(world, c, 4);
    train(world, stopped, 0, 2);
    const auto parameters = gather_state(stopped, MMPO_STATE_PARAMETERS);
    const auto moments = gather_state(stopped, MMPO_STATE_OPTIMIZER);
    for (const int num_ranks : {1, 2, 4}) {
      SCOPED_TRACE(num_ranks);
      FakeWorld other(num_ranks);
      auto resumed = make_ranks(other, c, num_ranks);
      write_state(resumed, MMPO_STATE_PARAMETERS, parameters);
      write_state(resumed, MMPO_STATE_OPTIMIZER, moments);
      other.run([&](int rank, void*) { resumed[static_cast<size_t>(rank)]->trainer().restore(2); });
      const Outcome end = train(other, resumed, 2, 3);
      EXPECT_NEAR(end.norms.back(), straight.norms.back(), 1e-2 * straight.norms.back());
      if (num_ranks == 4) {
        EXPECT_EQ(end.norms.back(), straight.norms.back());
        EXPECT_TRUE(at::equal(end.weights, straight.weights));
      } else {
        // A weight of bfloat16 that lies at a boundary may go to its other neighbour.
        const Tensor off = (end.weights.to(at::kFloat) - straight.weights.to(at::kFloat)).abs();
        EXPECT_LT((off > 1e-4).sum().item<int64_t>(), off.numel() / 100);
      }
    }
  }
}

TEST(ShardedTraining, GradientsSentInBfloat16AreNearThoseInFloat32) {
  Case c{.name = ""};
  const Outcome wide = train(c, 2, 1);
  c.reduce_dtype = MMPO_BFLOAT16;
  const Outcome narrow = train(c, 2, 1);
  EXPECT_NE(narrow.norms[0], wide.norms[0]);
  EXPECT_NEAR(narrow.norms[0], wide.norms[0], 4e-3 * wide.norms[0]);
  EXPECT_LT(narrow.bytes, wide.bytes);
}

TEST(ShardedTraining, ACollectiveThatFailsIsNamed) {
  const Case c{.name = ""};
  FakeWorld world(2);
  auto ranks = make_ranks(world, c, 2);
  world.fail(1, 2);
  try {
    train(world, ranks, 0, 1);
    ADD_FAILURE() << "nothing failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), MMPO_COLLECTIVE);
    EXPECT_NE(std::string(error.what()).find("the link is cut"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("of 2 failed"), std::string::npos) << error.what();
  }
}

TEST(ShardedTraining, SettingsWithoutSenseAreRefused) {
  FakeWorld world(2);
  const auto create = [&](const Case& c) { make_ranks(world, c, 2); };
  EXPECT_THROW(create({.name = "", .zero_stage = 3}), Error);
  EXPECT_THROW(create({.name = "", .zero_stage = 1}), Error);
  EXPECT_THROW(create({.name = "", .bucket_bytes = 0}), Error);
  EXPECT_THROW(create({.name = "", .reduce_dtype = MMPO_FLOAT16}), Error);
}

}  // namespace
}  // namespace mmpo
