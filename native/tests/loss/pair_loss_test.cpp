// The dispatch by objective and what it refuses. Values: pair_loss_golden_test.cpp.
#include "loss/pair_loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "common/error.h"
#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

const PairBatch kBatch{.chosen = {-20, -9},
                       .rejected = {-30, -7},
                       .ref_chosen = {-22, -8},
                       .ref_rejected = {-31, -12},
                       .chosen_lengths = {10, 1},
                       .rejected_lengths = {7, 5}};

mmpo_objective objective(int32_t loss) {
  mmpo_objective out{};
  out.loss = loss;
  out.beta = 0.1;
  out.reward_epsilon = 0.9;
  out.aux_weight = 1;
  out.normalize = 1;
  return out;
}

std::string refusal(const mmpo_objective& wanted, const PairInputs& inputs,
                    std::optional<RewardRange> range = std::nullopt) {
  try {
    pair_loss(wanted, inputs, range);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), MMPO_INVALID_ARGUMENT);
    return e.what();
  }
  return "accepted";
}

TEST(PairLoss, RefusesAFieldOutOfItsRangeByName) {
  const PairInputs inputs = kBatch.inputs();
  for (const int32_t loss : {MMPO_LOSS_MMPO, MMPO_LOSS_DPO, MMPO_LOSS_SIMPO}) {
    for (const double beta : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
      mmpo_objective wanted = objective(loss);
      wanted.beta = beta;
      EXPECT_TRUE(refusal(wanted, inputs).starts_with("beta must be > 0, got ")) << refusal(wanted, inputs);
    }
  }
  mmpo_objective wanted = objective(MMPO_LOSS_MMPO);
  wanted.aux_weight = -0.5;
  EXPECT_EQ(refusal(wanted, inputs), "aux_weight must be >= 0, got -0.5");
  wanted = objective(MMPO_LOSS_MMPO);
  wanted.reward_epsilon = INFINITY;
  EXPECT_EQ(refusal(wanted, inputs), "reward_epsilon must be finite, got inf");
  wanted = objective(MMPO_LOSS_DPO);
  wanted.label_smoothing = 0.5;
  EXPECT_EQ(refusal(wanted, inputs), "label_smoothing must be in [0, 0.5), got 0.5");
  wanted = objective(MMPO_LOSS_DPO);
  wanted.length_normalize = 1;
  EXPECT_TRUE(refusal(wanted, inputs).starts_with("length_normalize is for mmpo and simpo"));
  wanted = objective(MMPO_LOSS_SIMPO);
  wanted.gamma = std::nan("");
  EXPECT_EQ(refusal(wanted, inputs), "gamma must be finite, got nan");
  EXPECT_TRUE(refusal(objective(9), inputs).ends_with("got 9"));
  EXPECT_TRUE(refusal(objective(MMPO_LOSS_SFT), inputs).starts_with("sft has no pairs"));
}

TEST(PairLoss, IgnoresFieldsOfOtherLosses) {
  mmpo_objective wanted = objective(MMPO_LOSS_SIMPO);
  wanted.label_smoothing = 7;
  wanted.aux_weight = -1;
  EXPECT_EQ(refusal(wanted, kBatch.inputs()), "accepted");
  wanted = objective(MMPO_LOSS_SFT);
  wanted.beta = 0;
  EXPECT_NO_THROW(check_objective(wanted));
}

TEST(PairLoss, RefusesInputsThatDoNotFitByName) {
  PairBatch batch = kBatch;
  batch.rejected = {-1};
  EXPECT_TRUE(refusal(objective(MMPO_LOSS_SIMPO), batch.inputs())
                  .ends_with("rejected_logps has 1 elements, chosen_logps has 2"));
  batch = kBatch;
  batch.ref_chosen = {};
  EXPECT_NE(refusal(objective(MMPO_LOSS_DPO), batch.inputs()).find("ref_chosen_logps has 0"), std::string::npos);
  EXPECT_EQ(refusal(objective(MMPO_LOSS_SIMPO), batch.inputs()), "accepted");
  batch = kBatch;
  batch.ref_rejected[1] = std::nan("");
  EXPECT_NE(refusal(objective(MMPO_LOSS_MMPO), batch.inputs()).find("ref_rejected_logps is nan for pair 1"),
            std::string::npos);
  batch = kBatch;
  batch.chosen_lengths[1] = 0;
  EXPECT_EQ(refusal(objective(MMPO_LOSS_MMPO), batch.inputs()), "accepted");
  mmpo_objective by_length = objective(MMPO_LOSS_MMPO);
  by_length.length_normalize = 1;
  EXPECT_NE(refusal(by_length, batch.inputs()).find("chosen_lengths must be >= 1, but it is 0 for pair 1"),
            std::string::npos);
}

TEST(PairLoss, RefusesARangeThatIsNone) {
  const PairInputs inputs = kBatch.inputs();
  EXPECT_TRUE(refusal(objective(MMPO_LOSS_MMPO), inputs, RewardRange{1, 0}).starts_with("reward_range must be"));
  EXPECT_TRUE(refusal(objective(MMPO_LOSS_MMPO), inputs, RewardRange{0, INFINITY}).starts_with("reward_range must be"));
  EXPECT_EQ(refusal(objective(MMPO_LOSS_MMPO), inputs, RewardRange{-1, 1}), "accepted");
}

TEST(PairLoss, OfNoPairsIsEmpty) {
  for (const int32_t loss : {MMPO_LOSS_MMPO, MMPO_LOSS_DPO, MMPO_LOSS_SIMPO}) {
    EXPECT_TRUE(pair_loss(objective(loss), PairInputs{}).losses.empty());
  }
}

// A pair's loss depends on the others through MMPO's range alone: with that given, a batch is its pairs one by one.
TEST(PairLoss, OfABatchIsThatOfItsPairs) {
  for (const int32_t loss : {MMPO_LOSS_MMPO, MMPO_LOSS_DPO, MMPO_LOSS_SIMPO}) {
    const RewardRange range{-2, 1};
    const PairOutputs both = pair_loss(objective(loss), kBatch.inputs(), range);
    for (size_t pair = 0; pair < 2; ++pair) {
      const PairBatch one{.chosen = {kBatch.chosen[pair]},
                          .rejected = {kBatch.rejected[pair]},
                          .ref_chosen = {kBatch.ref_chosen[pair]},
                          .ref_rejected = {kBatch.ref_rejected[pair]}};
      const PairOutputs alone = pair_loss(objective(loss), one.inputs(), range);
      EXPECT_EQ(alone.losses[0], both.losses[pair]);
      EXPECT_EQ(alone.grad_rejected[0], both.grad_rejected[pair]);
    }
  }
}

}  // namespace
}  // namespace mmpo
