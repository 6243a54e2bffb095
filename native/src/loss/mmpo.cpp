#include "loss/mmpo.h"

#include <algorithm>
#include <cmath>

#include "loss/log_sigmoid.h"

namespace mmpo {
namespace {

template <typename T>
T per_token(T logp, std::span<const int32_t> lengths, size_t pair, bool normalize) {
  return normalize ? logp / static_cast<T>(lengths[pair]) : logp;
}

// R_w = r_epsilon + beta * ref_w and R_l = 0.1 + beta * ref_l; NaN without references.
template <typename T>
struct Rewards {
  T chosen, rejected;
};

template <typename T>
Rewards<T> rewards(const MmpoLoss& loss, const BasicPairInputs<T>& inputs, size_t pair) {
  if (inputs.ref_chosen_logps.empty()) return {static_cast<T>(NAN), static_cast<T>(NAN)};
  const bool by_length = loss.length_normalize_reference;
  const T ref_w = per_token(inputs.ref_chosen_logps[pair], inputs.chosen_lengths, pair, by_length);
  const T ref_l = per_token(inputs.ref_rejected_logps[pair], inputs.rejected_lengths, pair, by_length);
  return {static_cast<T>(loss.reward_epsilon) + static_cast<T>(loss.beta) * ref_w,
          static_cast<T>(kRejectedReward) + static_cast<T>(loss.beta) * ref_l};
}

// (R + 1e-6 - m) / (M + 1e-6 - m), the listing's: the largest reward becomes 1, and so do all where they are equal.
template <typename T>
T min_max(T reward, const RewardRange& range) {
  const T min = static_cast<T>(range.min);
  const T epsilon = static_cast<T>(kRangeEpsilon);
  return (reward + epsilon - min) / (static_cast<T>(range.max) + epsilon - min);
}

}  // namespace

template <typename T>
PairTerms<T> mmpo_terms(T score_w, T score_l, T aux_weight) {
  if (aux_weight == 1) return {-score_w, T(-1), T(0)};
  const T delta = score_w - score_l;
  // logsumexp = max + a and log sigma(delta) = min(delta, 0) - a with the same a, so the large parts combine exactly:
  // -max - lambda * min(delta, 0) is -s_w where the chosen leads, else -(1 - lambda) * s_l - lambda * s_w.
  const T larger = delta >= 0 ? score_w : (1 - aux_weight) * score_l + aux_weight * score_w;
  const T toward_w = sigmoid(delta);
  const T toward_l = sigmoid(-delta);
  return {-larger - (1 - aux_weight) * log1p_exp_minus_abs(delta), -toward_w - aux_weight * toward_l,
          (aux_weight - 1) * toward_l};
}

template <typename T>
RewardRange mmpo_reward_range(const MmpoLoss& loss, const BasicPairInputs<T>& inputs) {
  RewardRange range{INFINITY, -INFINITY};
  for (size_t pair = 0; pair < inputs.ref_chosen_logps.size(); ++pair) {
    const auto [chosen, rejected] = rewards(loss, inputs, pair);
    range.min = std::min({range.min, static_cast<double>(chosen), static_cast<double>(rejected)});
    range.max = std::max({range.max, static_cast<double>(chosen), static_cast<double>(rejected)});
  }
  return range;
}

template <typename T>
BasicPairOutputs<T> mmpo_losses(const MmpoLoss& loss, const BasicPairInputs<T>& inputs,
                                std::optional<RewardRange> reward_range) {
  const bool by_length = loss.length_normalize_policy;
  const RewardRange range = reward_range ? *reward_range : mmpo_reward_range(loss, inputs);
  BasicPairOutputs<T> out;
  for (size_t pair = 0; pair < inputs.chosen_logps.size(); ++pair) {
    auto [reward_w, reward_l] = rewards(loss, inputs, pair);
    if (loss.normalize) {
      reward_w = min_max(reward_w, range);
      reward_l = min_max(reward_l, range);
    }
    const T score_w = per_token(inputs.chosen_logps[pair], inputs.chosen_lengths, pair, by_length) + reward_w;
    const T score_l = per_token(inputs.rejected_logps[pair], inputs.rejected_lengths, pair, by_length) + reward_l;
    const PairTerms<T> terms = mmpo_terms(score_w, score_l, static_cast<T>(loss.aux_weight));
    out.losses.push_back(terms.loss);
    out.grad_chosen.push_back(per_token(terms.grad_chosen, inputs.chosen_lengths, pair, by_length));
    out.grad_rejected.push_back(per_token(terms.grad_rejected, inputs.rejected_lengths, pair, by_length));
    out.chosen_rewards.push_back(score_w);
    out.rejected_rewards.push_back(score_l);
  }
  return out;
}

template PairTerms<float> mmpo_terms(float, float, float);
template PairTerms<double> mmpo_terms(double, double, double);
template RewardRange mmpo_reward_range(const MmpoLoss&, const BasicPairInputs<float>&);
template RewardRange mmpo_reward_range(const MmpoLoss&, const BasicPairInputs<double>&);
template BasicPairOutputs<float> mmpo_losses(const MmpoLoss&, const BasicPairInputs<float>&,
                                             std::optional<RewardRange>);
template BasicPairOutputs<double> mmpo_losses(const MmpoLoss&, const BasicPairInputs<double>&,
                                              std::optional<RewardRange>);

}  // namespace mmpo
