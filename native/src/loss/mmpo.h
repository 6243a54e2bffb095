// MMPO: maximum marginal likelihood over a pair. Najafi and Fyshe, arXiv 2510.22881, equations 5 to 7 and the listing.
#pragma once

#include "loss/pair.h"

namespace mmpo {

// The listing's constant in the reward of the rejected completion; the paper's text has none.
inline constexpr double kRejectedReward = 0.1;
// The listing adds it to numerator and denominator of min-max normalisation, which keeps 0 / 0 away.
inline constexpr double kRangeEpsilon = 1e-6;

// Minimum and maximum of the rewards R that normalisation maps to 0 and 1.
struct RewardRange {
  double min, max;
};

struct MmpoLoss {
  double beta;            // weight of the reference's log-probability in the reward
  double reward_epsilon;  // constant of the chosen reward
  double aux_weight;      // lambda
  bool normalize;         // min-max normalisation of the rewards
  bool length_normalize_policy;
  bool length_normalize_reference;
};

// R_w = r_epsilon + beta * ref_w and R_l = 0.1 + beta * ref_l, before normalisation; NaN without references.
MMPO_HOST_DEVICE inline PairRewards mmpo_raw_rewards(const MmpoLoss& loss, const Pair& pair) {
  const bool by_length = loss.length_normalize_reference;
  const double ref_w = by_length ? pair.chosen_ref / pair.chosen_length : pair.chosen_ref;
  const double ref_l = by_length ? pair.rejected_ref / pair.rejected_length : pair.rejected_ref;
  return {loss.reward_epsilon + loss.beta * ref_w, kRejectedReward + loss.beta * ref_l};
}

// (R + 1e-6 - m) / (M + 1e-6 - m), the listing's: the largest reward becomes 1, and so do all where they are equal.
MMPO_HOST_DEVICE inline double min_max(double reward, const RewardRange& range) {
  return (reward + kRangeEpsilon - range.min) / (range.max + kRangeEpsilon - range.min);
}

// The scores s_w and s_l, which are also the rewards that are logged.
MMPO_HOST_DEVICE inline PairRewards mmpo_scores(const MmpoLoss& loss, const Pair& pair, const RewardRange& range) {
  const bool by_length = loss.length_normalize_policy;
  const PairRewards raw = mmpo_raw_rewards(loss, pair);
  const double logp_w = by_length ? pair.chosen_logp / pair.chosen_length : pair.chosen_logp;
  const double logp_l = by_length ? pair.rejected_logp / pair.rejected_length : pair.rejected_logp;
  return {logp_w + (loss.normalize ? min_max(raw.chosen, range) : raw.chosen),
          logp_l + (loss.normalize ? min_max(raw.rejected, range) : raw.rejected)};
}

// L = -logsumexp(s_w, s_l) - lambda * log sigma(s_w - s_l) and its derivatives by s_w and s_l.
// At lambda = 1 this is -s_w, (-1, 0) to the bit, whatever s_l is, NaN included.
MMPO_HOST_DEVICE inline PairTerms mmpo_of_scores(double score_w, double score_l, double aux_weight) {
  if (aux_weight == 1) return {-score_w, -1, 0};
  const double delta = score_w - score_l;
  // logsumexp = max + a and log sigma(delta) = min(delta, 0) - a with the same a, so the large parts combine exactly:
  // -max - lambda * min(delta, 0) is -s_w where the chosen leads, else -(1 - lambda) * s_l - lambda * s_w.
  const double larger = delta >= 0 ? score_w : (1 - aux_weight) * score_l + aux_weight * score_w;
  const double toward_w = sigmoid(delta);
  const double toward_l = sigmoid(-delta);
  return {-larger - (1 - aux_weight) * log1p_exp_minus_abs(delta), -toward_w - aux_weight * toward_l,
          (aux_weight - 1) * toward_l};
}

MMPO_HOST_DEVICE inline PairTerms mmpo_terms(const MmpoLoss& loss, const Pair& pair, const RewardRange& range) {
  const PairRewards scores = mmpo_scores(loss, pair, range);
  PairTerms terms = mmpo_of_scores(scores.chosen, scores.rejected, loss.aux_weight);
  if (loss.length_normalize_policy) {
    terms.grad_chosen /= pair.chosen_length;
    terms.grad_rejected /= pair.rejected_length;
  }
  return terms;
}

}  // namespace mmpo
