// The dispatch by objective and what it refuses. Values: pair_loss_golden_test.cpp and trl_losses_test.cpp.
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

const std::vector<Pair> kPairs{{-20, -30, -22, -31, 10, 7}, {-9, -7, -8, -12, 1, 5}};

template <typename Call>
std::string refusal_of(Call&& call) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), MMPO_INVALID_ARGUMENT);
    return e.what();
  }
  return "accepted";
}

std::string refusal(const mmpo_objective& objective) {
  return refusal_of([&] { check_objective(objective); });
}

// A loss's objective with one field changed.
template <typename Change>
std::string refusal(int32_t loss, Change&& change) {
  mmpo_objective objective = objective_of(loss, 0.1);
  change(objective);
  return refusal(objective);
}

TEST(PairLoss, RefusesAFieldOutOfItsRangeByName) {
  for (const int32_t loss : {MMPO_LOSS_MMPO, MMPO_LOSS_DPO, MMPO_LOSS_SIMPO, MMPO_LOSS_ORPO}) {
    for (const double beta : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
      EXPECT_TRUE(refusal(objective_of(loss, beta)).starts_with("beta must be > 0, got ")) << loss;
    }
  }
  EXPECT_EQ(refusal(MMPO_LOSS_MMPO, [](auto& o) { o.aux_weight = -0.5; }), "aux_weight must be >= 0, got -0.5");
  EXPECT_EQ(refusal(MMPO_LOSS_MMPO, [](auto& o) { o.reward_epsilon = INFINITY; }),
            "reward_epsilon must be finite, got inf");
  EXPECT_EQ(refusal(MMPO_LOSS_DPO, [](auto& o) { o.label_smoothing = 0.5; }),
            "label_smoothing must be in [0, 0.5), got 0.5");
  EXPECT_TRUE(refusal(MMPO_LOSS_EXO_PAIR, [](auto&) {}).starts_with("exo_pair takes the logarithm"));
  EXPECT_EQ(refusal(MMPO_LOSS_DISCOPOP, [](auto& o) { o.discopop_tau = 0; }), "discopop_tau must be > 0, got 0");
  EXPECT_TRUE(refusal(MMPO_LOSS_DPO, [](auto& o) { o.length_normalize = 1; }).starts_with("length_normalize is for"));
  EXPECT_EQ(refusal(MMPO_LOSS_SIMPO, [](auto& o) { o.gamma = std::nan(""); }), "gamma must be finite, got nan");
  EXPECT_EQ(refusal(MMPO_LOSS_DPO, [](auto& o) { o.divergence = 4; }), "unknown divergence 4");
  EXPECT_TRUE(refusal(MMPO_LOSS_DPO, [](auto& o) {
                o.divergence = MMPO_ALPHA_DIVERGENCE;
                o.divergence_alpha = 1;
              }).starts_with("divergence_alpha must be finite and not 1"));
  EXPECT_TRUE(refusal(objective_of(MMPO_NUM_LOSSES, 0.1)).ends_with("got " + std::to_string(MMPO_NUM_LOSSES)));
}

TEST(PairLoss, RefusesListsThatAreNone) {
  EXPECT_TRUE(refusal(MMPO_LOSS_DPO, [](auto& o) { o.num_losses = 0; }).starts_with("num_losses must be in [1, 8]"));
  EXPECT_TRUE(refusal(MMPO_LOSS_DPO, [](auto& o) { o.num_losses = 9; }).ends_with("got 9"));
  EXPECT_TRUE(refusal(MMPO_LOSS_DPO, [](auto& o) { o.loss_weights[0] = std::nan(""); }).starts_with("loss_weights"));
  for (const int32_t alone : {MMPO_LOSS_MMPO, MMPO_LOSS_SFT}) {
    EXPECT_TRUE(refusal(MMPO_LOSS_DPO, [&](auto& o) {
                  o.num_losses = 2;
                  o.losses[1] = alone;
                  o.loss_weights[1] = 1;
                }).ends_with("is no part of several losses"));
  }
}

TEST(PairLoss, IgnoresFieldsOfOtherLosses) {
  EXPECT_EQ(refusal(MMPO_LOSS_SIMPO, [](auto& o) { o.aux_weight = -1; }), "accepted");
  EXPECT_EQ(refusal(MMPO_LOSS_SFT, [](auto& o) { o.beta = 0; }), "accepted");
}

TEST(PairLoss, RefusesReferencesThatAreNoNumbersByPair) {
  std::vector<Pair> pairs = kPairs;
  pairs[1].rejected_ref = std::nan("");
  const auto check = [&](int32_t loss) {
    return refusal_of([&] { check_references(objective_of(loss, 0.1), pairs); });
  };
  EXPECT_TRUE(
      check(MMPO_LOSS_DPO).starts_with("reference log-probabilities must be finite, but one is nan for pair 1"));
  EXPECT_NE(check(MMPO_LOSS_MMPO), "accepted");
  EXPECT_EQ(check(MMPO_LOSS_SIMPO), "accepted");
  EXPECT_EQ(check(MMPO_LOSS_ORPO), "accepted");
}

TEST(PairLoss, RefusesARangeThatIsNone) {
  const auto check = [](const RewardRange& range) {
    return refusal_of([&] { facts_of(objective_of(MMPO_LOSS_MMPO, 0.1), kPairs, range); });
  };
  EXPECT_TRUE(check({1, 0}).starts_with("reward_range must be"));
  EXPECT_TRUE(check({0, INFINITY}).starts_with("reward_range must be"));
  EXPECT_EQ(check({-1, 1}), "accepted");
}

TEST(PairLoss, OfNoPairsIsEmpty) {
  for (int32_t loss = 0; loss < MMPO_NUM_LOSSES; ++loss) {
    const mmpo_objective objective = objective_of(loss, 0.1);
    EXPECT_TRUE(pair_losses(objective, facts_of(objective, {}), {}).empty());
  }
}

// A pair's loss depends on the others through the facts alone, save AOT's: with those given, a batch is its pairs one by one.
TEST(PairLoss, OfABatchIsThatOfItsPairs) {
  for (int32_t loss = 0; loss < MMPO_NUM_LOSSES; ++loss) {
    mmpo_objective objective = objective_of(loss, 0.1);
    objective.label_smoothing = 0.1;
    if (loss == MMPO_LOSS_SFT || couples_pairs(objective)) continue;
    const BatchFacts facts{{-2, 1}, 5.5};
    const std::vector<PairTerms> both = pair_losses(objective, facts, kPairs);
    for (size_t i = 0; i < kPairs.size(); ++i) {
      const PairTerms alone = pair_terms(objective, facts, kPairs[i]);
      EXPECT_EQ(alone.loss, both[i].loss) << loss;
      EXPECT_EQ(alone.grad_chosen, both[i].grad_chosen) << loss;
      EXPECT_EQ(alone.grad_rejected, both[i].grad_rejected) << loss;
    }
  }
}

TEST(PairLoss, OfSeveralIsTheirWeightedSum) {
  mmpo_objective mixture = objective_of(MMPO_LOSS_DPO, 0.1);
  mixture.num_losses = 3;
  mixture.losses[1] = MMPO_LOSS_APO_ZERO;
  mixture.losses[2] = MMPO_LOSS_CHOSEN_NLL;
  mixture.loss_weights[0] = 0.8;
  mixture.loss_weights[1] = -0.5;
  mixture.loss_weights[2] = 2;
  const BatchFacts facts = facts_of(mixture, kPairs);
  for (const Pair& pair : kPairs) {
    PairTerms sum;
    for (int32_t i = 0; i < 3; ++i) {
      add_terms(sum, mixture.loss_weights[i], pair_terms(objective_of(mixture.losses[i], 0.1), facts, pair));
    }
    const PairTerms found = pair_terms(mixture, facts, pair);
    EXPECT_DOUBLE_EQ(found.loss, sum.loss);
    EXPECT_DOUBLE_EQ(found.grad_chosen, sum.grad_chosen);
    EXPECT_DOUBLE_EQ(found.grad_rejected, sum.grad_rejected);
  }
}

TEST(PairLoss, SaysWhatItReadsAndGrades) {
  const auto of = [](int32_t loss) { return objective_of(loss, 0.1); };
  EXPECT_TRUE(reads_reference(of(MMPO_LOSS_IPO)));
  EXPECT_FALSE(reads_reference(of(MMPO_LOSS_ORPO)));
  mmpo_objective cpo = of(MMPO_LOSS_HINGE);
  cpo.reference_free = 1;
  EXPECT_FALSE(reads_reference(cpo));
  EXPECT_TRUE(is_linear(of(MMPO_LOSS_CHOSEN_NLL)));
  EXPECT_FALSE(grades_rejected(of(MMPO_LOSS_CHOSEN_NLL)));
  EXPECT_TRUE(is_linear(of(MMPO_LOSS_MMPO)));
  EXPECT_FALSE(is_linear(of(MMPO_LOSS_DPO)));
  EXPECT_TRUE(couples_pairs(of(MMPO_LOSS_AOT)));
  EXPECT_FALSE(couples_pairs(of(MMPO_LOSS_DPO)));
}

// Every loss with every setting that changes its formula, at pairs on both sides of zero margin.
TEST(PairLoss, EveryGradientEqualsCentralDifferences) {
  const std::vector<Pair> pairs{{-20, -30, -22, -31, 10, 7}, {-9, -7, -8, -12, 2, 5}, {-3.5, -4, -3, -4.5, 3, 1}};
  for (int32_t loss = 0; loss < MMPO_NUM_LOSSES; ++loss) {
    if (loss == MMPO_LOSS_SFT) continue;
    for (int32_t divergence = MMPO_REVERSE_KL; divergence <= MMPO_ALPHA_DIVERGENCE; ++divergence) {
      mmpo_objective objective = objective_of(loss, 0.3);
      objective.aux_weight = 0.4;
      objective.label_smoothing = 0.1;
      objective.gamma = 0.7;
      objective.discopop_tau = 0.5;
      objective.divergence = divergence;
      objective.divergence_alpha = 0.5;
      SCOPED_TRACE(loss * 10 + divergence);
      expect_gradient_check(objective, pairs);
    }
  }
}

}  // namespace
}  // namespace mmpo
