// MMPO: maximum marginal likelihood over a pair. Najafi and Fyshe, arXiv 2510.22881, equations 5 to 7 and the listing.
#pragma once

#include "loss/pair_loss.h"

namespace mmpo {

// The listing's constant in the reward of the rejected completion; the paper's text has none.
inline constexpr double kRejectedReward = 0.1;
// The listing adds it to numerator and denominator of min-max normalisation, which keeps 0 / 0 away.
inline constexpr double kRangeEpsilon = 1e-6;

struct MmpoLoss {
  double beta;            // weight of the reference's log-probability in the reward
  double reward_epsilon;  // constant of the chosen reward
  double aux_weight;      // lambda
  bool normalize;         // min-max normalisation of the rewards
  bool length_normalize_policy;
  bool length_normalize_reference;
};

// L = -logsumexp(s_w, s_l) - lambda * log sigma(s_w - s_l) and its gradient with respect to s_w and s_l.
// At lambda = 1 this is -s_w, (-1, 0) to the bit, whatever s_l is, NaN included.
template <typename T>
PairTerms<T> mmpo_terms(T score_w, T score_l, T aux_weight);

// Smallest and largest reward R of these pairs: what normalisation uses, and what ranks combine.
template <typename T>
RewardRange mmpo_reward_range(const MmpoLoss& loss, const BasicPairInputs<T>& inputs);

template <typename T>
BasicPairOutputs<T> mmpo_losses(const MmpoLoss& loss, const BasicPairInputs<T>& inputs,
                                std::optional<RewardRange> reward_range);

}  // namespace mmpo
