// MMPO's loss on one pair and on a batch. Scores: s_w chosen, s_l rejected; Delta = s_w - s_l.
#include "loss/mmpo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "loss/loss_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The listing as it stands, which cancels: good for moderate scores only.
double listing(double score_w, double score_l, double aux_weight) {
  return -std::log(std::exp(score_w) + std::exp(score_l)) + aux_weight * std::log1p(std::exp(score_l - score_w));
}

TEST(Mmpo, HandDerivedEqualScores) {
  // s_w = s_l = -2: logsumexp = -2 + log 2, log sigma(0) = -log 2, sigma(0) = 1/2.
  const auto theorem = mmpo_of_scores(-2.0, -2.0, 0.0);
  EXPECT_NEAR(theorem.loss, 2 - std::log(2.0), 1e-15);
  EXPECT_DOUBLE_EQ(theorem.grad_chosen, -0.5);
  EXPECT_DOUBLE_EQ(theorem.grad_rejected, -0.5);
  const auto paper = mmpo_of_scores(-2.0, -2.0, 1.0);
  EXPECT_EQ(paper.loss, 2.0);
  const auto strong = mmpo_of_scores(-2.0, -2.0, 3.0);
  EXPECT_NEAR(strong.loss, 2 + 2 * std::log(2.0), 1e-15);
  EXPECT_DOUBLE_EQ(strong.grad_chosen, -2.0);
  EXPECT_DOUBLE_EQ(strong.grad_rejected, 1.0);
}

TEST(Mmpo, HandDerivedThreeToOneOdds) {
  // Delta = log 3: sigma(Delta) = 3/4. With s_l = -1 - log 3, s_w = -1: logsumexp = -1 + log(4/3).
  const auto terms = mmpo_of_scores(-1.0, -1.0 - std::log(3.0), 0.5);
  EXPECT_NEAR(terms.loss, 1 - std::log(4.0 / 3) + 0.5 * std::log(4.0 / 3), 1e-15);
  EXPECT_NEAR(terms.grad_chosen, -(0.75 + 0.5 * 0.25), 1e-15);
  EXPECT_NEAR(terms.grad_rejected, -0.5 * 0.25, 1e-15);
}

TEST(Mmpo, EqualsTheListing) {
  for (const double aux_weight : {0.0, 0.3, 1.0, 1.7, 5.0}) {
    for (const double score_w : {-30.0, -3.0, -0.1, 0.0, 2.0}) {
      for (const double score_l : {-28.0, -3.0, 0.0, 1.5}) {
        EXPECT_NEAR(mmpo_of_scores(score_w, score_l, aux_weight).loss, listing(score_w, score_l, aux_weight), 2e-12)
            << score_w << ' ' << score_l << ' ' << aux_weight;
      }
    }
  }
}

TEST(Mmpo, AtAuxWeightOneTheLossIsMinusTheChosenScore) {
  for (const double score_w : {-5000.0, -677.25, -1.0, 0.0, 3.0}) {
    for (const double score_l : {-9000.0, -1.0, 0.0, 4000.0, kNaN}) {
      const auto terms = mmpo_of_scores(score_w, score_l, 1.0);
      EXPECT_EQ(terms.loss, -score_w);
      EXPECT_EQ(terms.grad_chosen, -1.0);
      EXPECT_EQ(terms.grad_rejected, 0.0);
    }
  }
}

TEST(Mmpo, AtAuxWeightZeroTheGradientIsTheorem32) {
  for (const double delta : {-7.0, -0.5, 0.0, 2.0}) {
    const auto terms = mmpo_of_scores(delta - 4, -4.0, 0.0);
    EXPECT_NEAR(terms.grad_chosen, -1 / (1 + std::exp(-delta)), 1e-15);
    EXPECT_NEAR(terms.grad_rejected, -1 / (1 + std::exp(delta)), 1e-15);
  }
}

TEST(Mmpo, AboveAuxWeightOneTheRejectedIsPushedDown) {
  EXPECT_LT(mmpo_of_scores(-1.0, -2.0, 0.5).grad_rejected, 0);
  EXPECT_EQ(mmpo_of_scores(-1.0, -2.0, 1.0).grad_rejected, 0);
  EXPECT_GT(mmpo_of_scores(-1.0, -2.0, 1.5).grad_rejected, 0);
}

// A common shift of both scores is a shift of the loss: the gradients always add up to -1.
TEST(Mmpo, GradientsAddUpToMinusOne) {
  for (const double aux_weight : {0.0, 0.4, 1.0, 3.0}) {
    for (const double delta : {-3000.0, -20.0, 0.0, 0.7, 900.0}) {
      const auto terms = mmpo_of_scores(delta, 0.0, aux_weight);
      EXPECT_NEAR(terms.grad_chosen + terms.grad_rejected, -1, 1e-15);
    }
  }
}

TEST(Mmpo, GradientEqualsCentralDifferences) {
  for (const double aux_weight : {0.0, 0.3, 1.0, 2.5}) {
    for (const double score_w : {-12.0, -1.0, 0.5}) {
      for (const double score_l : {-13.0, -1.0, 1.0}) {
        const auto terms = mmpo_of_scores(score_w, score_l, aux_weight);
        const auto of_w = [&](double s) { return mmpo_of_scores(s, score_l, aux_weight).loss; };
        const auto of_l = [&](double s) { return mmpo_of_scores(score_w, s, aux_weight).loss; };
        EXPECT_NEAR(terms.grad_chosen, central_difference(of_w, score_w), 1e-8);
        EXPECT_NEAR(terms.grad_rejected, central_difference(of_l, score_l), 1e-8);
      }
    }
  }
}

TEST(Mmpo, IsStableForMarginsOfThousands) {
  // For a chosen far ahead L = -s_w, far behind L = -(1 - lambda) * s_l - lambda * s_w.
  for (const double aux_weight : {0.0, 0.5, 2.0}) {
    EXPECT_EQ(mmpo_of_scores(-5.0, -8000.0, aux_weight).loss, 5.0);
    EXPECT_DOUBLE_EQ(mmpo_of_scores(-8000.0, -5.0, aux_weight).loss, (1 - aux_weight) * 5 + aux_weight * 8000);
    EXPECT_EQ(mmpo_of_scores(-8000.0, -5.0, aux_weight).grad_chosen, -aux_weight);
    EXPECT_EQ(mmpo_of_scores(-8000.0, -5.0, aux_weight).grad_rejected, aux_weight - 1);
  }
}

mmpo_objective mmpo_with(double aux_weight) {
  mmpo_objective objective = objective_of(MMPO_LOSS_MMPO, 0.01);
  objective.aux_weight = aux_weight;
  return objective;
}

// Terms and scores of pairs that are normalised among themselves.
struct Outcome {
  std::vector<PairTerms> terms;
  std::vector<PairRewards> scores;
};
Outcome outcome(const mmpo_objective& objective, const std::vector<Pair>& pairs) {
  const BatchFacts facts = facts_of(objective, pairs);
  Outcome out{pair_losses(objective, facts, pairs), {}};
  for (const Pair& pair : pairs) out.scores.push_back(pair_rewards(objective, facts, pair));
  return out;
}

TEST(Mmpo, HandDerivedSinglePair) {
  // R_w = 0.9 - 0.01 * 100 = -0.1 and R_l = 0.1 - 0.01 * 50 = -0.4: normalised to 1 and 1e-6 / (0.3 + 1e-6).
  const Outcome out = outcome(mmpo_with(1), {{-20, -30, -100, -50, 4, 5}});
  EXPECT_EQ(out.scores[0].chosen, -19);
  EXPECT_NEAR(out.scores[0].rejected, -30 + 1e-6 / 0.300001, 1e-13);
  EXPECT_EQ(out.terms[0].loss, -out.scores[0].chosen);
}

TEST(Mmpo, EqualRewardsNormaliseToOne) {
  // ref_l - ref_w = 80 makes up for 0.9 - 0.1, up to rounding: numerator and denominator are the listing's 1e-6 then.
  const Outcome out = outcome(mmpo_with(0), {{-20, -30, -90, -10, 4, 5}});
  EXPECT_NEAR(out.scores[0].chosen, -19, 1e-9);
  EXPECT_NEAR(out.scores[0].rejected, -29, 1e-9);
  EXPECT_TRUE(std::isfinite(out.terms[0].loss));
}

TEST(Mmpo, RejectedLogProbabilitiesMayBeNaNAtAuxWeightOne) {
  const std::vector<Pair> scored{{-20, -30, -22, -31, 4, 5}, {-9, -7, -8, -5, 2, 3}};
  std::vector<Pair> unscored = scored;
  for (Pair& pair : unscored) pair.rejected_logp = kNaN;
  const Outcome with = outcome(mmpo_with(1), scored);
  const Outcome without = outcome(mmpo_with(1), unscored);
  for (size_t i = 0; i < scored.size(); ++i) {
    EXPECT_EQ(with.terms[i].loss, without.terms[i].loss);
    EXPECT_EQ(with.terms[i].grad_chosen, without.terms[i].grad_chosen);
    EXPECT_EQ(with.terms[i].grad_rejected, without.terms[i].grad_rejected);
    EXPECT_EQ(with.scores[i].chosen, without.scores[i].chosen);
    EXPECT_TRUE(std::isnan(without.scores[i].rejected));
  }
}

TEST(Mmpo, LengthNormalisationIsInTheGradient) {
  mmpo_objective objective = mmpo_with(0.4);
  objective.length_normalize = 1;
  expect_gradient_check(objective, {{-20, -30, -22, -31, 10, 6}, {-9, -7, -8, -5, 1, 7}});
}

}  // namespace
}  // namespace mmpo
