// What an objective asks of a micro-batch: which completions get gradients, and the weight of each in the backward pass.
// Every loss is log-probabilities -> one closed-form weight a completion -> a weighted log-likelihood backward (DESIGN §2).
// Shapes: C completions, G groups.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "loss/pair_loss.h"
#include "model/batch_slices.h"
#include "model/packed_batch.h"

namespace mmpo {

class Objective {
 public:
  // ref_logps: [C] or empty; reward_range: none for that of the batch. Throws Error(MMPO_INVALID_ARGUMENT) where batch, references
  // and objective do not fit.
  Objective(const mmpo_objective& settings, const mmpo_batch& batch, std::span<const double> ref_logps,
            std::optional<RewardRange> reward_range);

  // The same of a slice of the batch, which must outlive it; losses and weights are those that its groups have in the whole.
  Objective of_slice(const BatchSlice& slice) const;

  // [C]: graded, only scored, or left out of the forward pass.
  std::vector<Role> roles() const;

  // True where the weights do not depend on the log-probabilities: SFT, and MMPO at lambda = 1, whose loss is -s_w.
  bool is_linear() const;

  struct Result {
    std::vector<double> losses;  // [G]
    std::vector<double> rewards;  // [C], NaN where the loss has none
    std::vector<double> weights;  // [C] d(scale * loss) / d log-probability
  };
  Result evaluate(std::span<const double> logps_C) const;
  // The scores that a loss of pairs compares are affine in its log-probabilities: score = slope * logp + offset, [C] each.
  struct AffineScores {
    std::vector<double> slopes, offsets;
  };
  AffineScores affine_scores() const;
  const mmpo_objective& settings() const { return settings_; }
  // weights alone, before anything is scored; only where is_linear().
  std::vector<double> linear_weights() const;

 private:
  Result evaluate_pairs(std::span<const double> logps_C) const;
  Result evaluate_sft(std::span<const double> logps_C) const;
  // For what does not depend on them.
  std::vector<double> any_logps() const;

  const mmpo_objective& settings_;
  const mmpo_batch& batch_;
  std::span<const double> ref_logps_;
  std::optional<RewardRange> reward_range_;
};

}  // namespace mmpo
