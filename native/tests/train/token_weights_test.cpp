// What weighs tokens and pairs (LD-DPO, WPO) and shapes rewards (AlphaPO): TRL 1.13's own lines in ATen, in double, one padded matrix of
// tokens as its trainers have it, differentiated by autograd.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "model_testing.h"
#include "train/objective.h"

namespace mmpo {
namespace {

constexpr int64_t kPairs = 3;
constexpr int64_t kLongest = 5;
const std::vector<std::vector<int32_t>> kLengths = {{3, 5}, {4, 1}, {2, 2}};  // chosen, rejected
const std::vector<double> kReferences = {-7.25, -11.5, -9, -2.75, -4.5, -3.25};

// Rows of a matrix [2 * pairs, tokens] are all chosen completions, then all rejected ones.
int64_t row_of(int64_t completion) { return completion % 2 * kPairs + completion / 2; }

class TokenWeights : public ::testing::Test {
 protected:
  TokenWeights() {
    at::manual_seed(12);
    for (const auto& lengths : kLengths) {
      builder_.add({1, 2},
                   {BatchTokens(static_cast<size_t>(lengths[0]), 3), BatchTokens(static_cast<size_t>(lengths[1]), 4)});
    }
    mask_ = at::zeros({2 * kPairs, kLongest}, at::kDouble);
    for (int64_t c = 0; c < 2 * kPairs; ++c) mask_[row_of(c)].narrow(0, 0, length(c)).fill_(1);
    // Numbers of float32, so that the engine's own inputs are these.
    logps_ = ((-at::rand(mask_.sizes()) * 4).to(at::kFloat).to(at::kDouble) * mask_).requires_grad_();
    log_squares_ = (-at::rand(mask_.sizes()) * 2).to(at::kFloat).to(at::kDouble);
  }

  using BatchTokens = testing::BatchBuilder::Tokens;

  static int64_t length(int64_t completion) {
    return kLengths[static_cast<size_t>(completion / 2)][static_cast<size_t>(completion % 2)];
  }

  static Tensor references() {
    Tensor values = at::empty({2 * kPairs}, at::kDouble);
    for (int64_t c = 0; c < 2 * kPairs; ++c) values[row_of(c)] = kReferences[static_cast<size_t>(c)];
    return values;
  }

  // DPOTrainer._compute_loss.
  Tensor ld_logps(double ld_alpha) const {
    const Tensor positions = mask_.cumsum(1);
    const auto lengths = mask_.sum(1).chunk(2, 0);
    const Tensor shorter = at::minimum(lengths[0], lengths[1]);
    const Tensor shared_lengths = at::cat({shorter, shorter}).unsqueeze(1);
    const Tensor shared = logps_ * (positions > 0).logical_and(positions <= shared_lengths);
    const Tensor tail = logps_ * (positions > shared_lengths);
    return shared.sum(1) + ld_alpha * tail.sum(1);
  }

  // The same, equation 2 of WPO: no gradient goes through it.
  Tensor pair_weights() const {
    const Tensor aligned = (logps_.detach() - log_squares_) * mask_;
    const auto weights = (aligned.sum(1) / mask_.sum(1)).exp().chunk(2, 0);
    return weights[0] * weights[1];
  }

  // The mean of losses_B by the engine, and by its tokens.
  void expect_equal(const mmpo_objective& settings, const Tensor& losses_B) {
    losses_B.mean().backward();
    const mmpo_batch batch = builder_.batch();
    const Objective subject(settings, batch, kReferences, std::nullopt);
    std::vector<float> tokens, squares;
    for (int64_t c = 0; c < 2 * kPairs; ++c) {
      for (int64_t i = 0; i < length(c); ++i) {
        tokens.push_back(logps_[row_of(c)][i].item<float>());
        squares.push_back(log_squares_[row_of(c)][i].item<float>());
      }
    }
    const Objective::Result found = subject.evaluate(subject.scores(tokens, squares));
    for (int64_t pair = 0; pair < kPairs; ++pair) {
      const auto wanted = losses_B[pair].item<double>();
      EXPECT_NEAR(found.losses[static_cast<size_t>(pair)], wanted, 1e-12 + 1e-12 * std::abs(wanted)) << pair;
    }
    for (int64_t c = 0; c < 2 * kPairs; ++c) {
      for (int64_t i = 0; i < length(c); ++i) {
        const auto wanted = logps_.grad()[row_of(c)][i].item<double>();
        const double weight = found.weights[static_cast<size_t>(c)] * subject.token_share(static_cast<size_t>(c), i);
        EXPECT_NEAR(weight, wanted, 1e-12 + 1e-12 * std::abs(wanted)) << "completion " << c << " token " << i;
      }
    }
  }

  static mmpo_objective objective(int32_t loss, double beta) {
    mmpo_objective settings = testing::objective(loss, beta);
    settings.scale = 1.0 / kPairs;
    return settings;
  }

  testing::BatchBuilder builder_;
  Tensor mask_, logps_, log_squares_;
};

TEST_F(TokenWeights, OfLdDpoAreTrls) {
  for (const double ld_alpha : {0.0, 0.3, 1.0}) {
    SCOPED_TRACE(ld_alpha);
    logps_.mutable_grad() = Tensor();
    mmpo_objective settings = objective(MMPO_LOSS_DPO, 0.3);
    settings.ld_alpha = ld_alpha;
    const auto ratios = (ld_logps(ld_alpha) - references()).chunk(2, 0);
    expect_equal(settings, -at::log_sigmoid(0.3 * (ratios[0] - ratios[1])));
  }
}

// IPO divides by all of a completion's tokens, also where not all of them count.
TEST_F(TokenWeights, OfLdWithIpoAreTrls) {
  mmpo_objective settings = objective(MMPO_LOSS_IPO, 0.5);
  settings.ld_alpha = 0.4;
  const auto scores = ((ld_logps(0.4) - references()) / mask_.sum(1)).chunk(2, 0);
  expect_equal(settings, (scores[0] - scores[1] - 1 / (2 * 0.5)).square());
}

TEST_F(TokenWeights, OfWpoAreTrls) {
  mmpo_objective settings = objective(MMPO_LOSS_DPO, 0.3);
  settings.use_weighting = 1;
  const auto ratios = (ld_logps(1) - references()).chunk(2, 0);
  expect_equal(settings, -at::log_sigmoid(0.3 * (ratios[0] - ratios[1])) * pair_weights());
}

TEST_F(TokenWeights, OfWpoWithSeveralLossesAndLdAreTrls) {
  mmpo_objective settings = objective(MMPO_LOSS_HINGE, 0.2);
  settings.losses[1] = MMPO_LOSS_BCO_PAIR;
  settings.loss_weights[1] = 0.25;
  settings.num_losses = 2;
  settings.ld_alpha = 0.6;
  settings.use_weighting = 1;
  const auto ratios = (ld_logps(0.6) - references()).chunk(2, 0);
  const Tensor hinge = at::relu(1 - 0.2 * (ratios[0] - ratios[1]));
  const Tensor bco = -at::log_sigmoid(0.2 * ratios[0]) - at::log_sigmoid(-(0.2 * ratios[1]));
  expect_equal(settings, (hinge + 0.25 * bco) * pair_weights());
}

// CPOTrainer.cpo_loss: on means for simpo, on sums for sigmoid.
TEST_F(TokenWeights, OfAlphaPoAreTrls) {
  for (const double alpha : {0.25, -0.5}) {
    for (const bool is_simpo : {true, false}) {
      SCOPED_TRACE(::testing::Message() << alpha << " simpo " << is_simpo);
      logps_.mutable_grad() = Tensor();
      mmpo_objective settings = objective(is_simpo ? MMPO_LOSS_SIMPO : MMPO_LOSS_DPO, 2);
      settings.gamma = 0.7;
      settings.reward_alpha = alpha;
      settings.length_normalize = is_simpo ? 1 : 0;
      settings.reference_free = is_simpo ? 0 : 1;
      const Tensor sums = logps_.sum(1);
      const Tensor logps = is_simpo ? sums / mask_.sum(1) : sums;
      const auto rewards = ((1 - logps.exp().pow(-alpha)) / alpha).chunk(2, 0);
      const Tensor margin = rewards[0] - rewards[1] - (is_simpo ? 0.7 / 2 : 0.0);
      expect_equal(settings, -at::log_sigmoid(2 * margin));
    }
  }
}

TEST_F(TokenWeights, AreRefusedWhereALossHasNone) {
  const mmpo_batch batch = builder_.batch();
  const auto refused = [&](mmpo_objective settings, const std::string& words) {
    try {
      const Objective never(settings, batch, kReferences, std::nullopt);
      ADD_FAILURE() << "accepted where wanted: " << words;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  mmpo_objective settings = objective(MMPO_LOSS_AOT, 0.3);
  settings.use_weighting = 1;
  refused(settings, "sorts their completions");
  settings = objective(MMPO_LOSS_DPO, 0.3);
  settings.losses[1] = MMPO_LOSS_CHOSEN_NLL;
  settings.loss_weights[1] = 1;
  settings.num_losses = 2;
  settings.ld_alpha = 0.5;
  refused(settings, "are for DPO and its kin, losses with a reference");
  settings = objective(MMPO_LOSS_MMPO, 0.01);
  settings.ld_alpha = 0;
  refused(settings, "and loss 0 is none");
  settings = objective(MMPO_LOSS_DPO, 0.3);
  settings.ld_alpha = 1.5;
  refused(settings, "ld_alpha must be in [0, 1], got 1.5");
  settings = objective(MMPO_LOSS_DPO, 0.3);
  settings.reward_alpha = 0.5;
  refused(settings, "losses without a reference");
}

}  // namespace
}  // namespace mmpo
