// A loss of pairs as an objective names it: one loss, or several with weights, each one's formula in a file beside this one.
// What depends on a pair alone is for the host and for kernels; what depends on the others (AOT) is pair_losses.h's.
#pragma once

#include "loss/chosen_nll.h"
#include "loss/ld.h"
#include "loss/margin_losses.h"
#include "loss/mmpo.h"
#include "loss/orpo.h"
#include "loss/reward_losses.h"
#include "loss/simpo.h"
#include "loss/wpo.h"
#include "mmpo/types.h"

namespace mmpo {

// What a pair's loss takes from its micro-batch, known before any log-probability.
struct BatchFacts {
  RewardRange reward_range;  // MMPO's, of all ranks' pairs; NaN where nothing is normalised
  double mean_chosen_length;  // chosen tokens / pairs
};

// Whether an objective has a loss among its own.
MMPO_HOST_DEVICE inline bool has_loss(const mmpo_objective& objective, int32_t loss) {
  for (int32_t i = 0; i < objective.num_losses; ++i) {
    if (objective.losses[i] == loss) return true;
  }
  return false;
}

MMPO_HOST_DEVICE inline MmpoLoss mmpo_of(const mmpo_objective& objective) {
  const bool by_length = objective.length_normalize != 0;
  return {objective.beta, objective.reward_epsilon, objective.aux_weight, objective.normalize != 0, by_length,
          by_length};
}

// Without a reference (CPO, SimPO): as if its log-probability were 0, per token where they have it so.
MMPO_HOST_DEVICE inline ImplicitRewards reference_free_rewards_of(const mmpo_objective& objective, const Pair& pair) {
  const ImplicitRewards rewards = simpo_rewards(objective.beta, objective.length_normalize != 0, pair);
  return shaped(rewards, objective.beta, objective.reward_alpha);
}

// DPO's implicit rewards.
MMPO_HOST_DEVICE inline ImplicitRewards implicit_rewards_of(const mmpo_objective& objective, const Pair& pair) {
  if (objective.reference_free != 0) return reference_free_rewards_of(objective, pair);
  const Divergence divergence{static_cast<DivergenceKind>(objective.divergence), objective.divergence_alpha};
  return implicit_rewards(objective.beta, divergence, pair);
}

// The same without the divergence: what TRL's losses of two rewards read, and what it logs.
MMPO_HOST_DEVICE inline ImplicitRewards reverse_kl_rewards_of(const mmpo_objective& objective, const Pair& pair) {
  if (objective.reference_free != 0) return implicit_rewards_of(objective, pair);
  return implicit_rewards(objective.beta, {DivergenceKind::kReverseKl, 0}, pair);
}

// A loss of DPO's margin z by z.
MMPO_HOST_DEVICE inline Slope margin_loss(int32_t loss, const mmpo_objective& objective, double z) {
  switch (loss) {
    case MMPO_LOSS_HINGE:
      return hinge(z);
    case MMPO_LOSS_IPO:
      return ipo(z, objective.beta);
    case MMPO_LOSS_EXO_PAIR:
      return exo_pair(z, objective.label_smoothing);
    case MMPO_LOSS_ROBUST:
      return robust(z, objective.label_smoothing);
    case MMPO_LOSS_DISCOPOP:
      return discopop(z, objective.discopop_tau);
    case MMPO_LOSS_SIGMOID_NORM:
      return smoothed_sigmoid(z, 0);
    default:  // MMPO_LOSS_DPO
      return smoothed_sigmoid(z, objective.label_smoothing);
  }
}

MMPO_HOST_DEVICE inline PairTerms margin_terms(int32_t loss, const mmpo_objective& objective, const Pair& pair) {
  ImplicitRewards h = implicit_rewards_of(objective, pair);
  // Without a reference they are per token already where CPO has them so.
  const bool by_length = loss == MMPO_LOSS_IPO || loss == MMPO_LOSS_SIGMOID_NORM;
  if (by_length && objective.reference_free == 0) h = per_token(h, pair);
  return of_margin(margin_loss(loss, objective, h.chosen.value - h.rejected.value), h.chosen, h.rejected);
}

// Of one of the objective's losses, one that depends on nothing but the pair and the facts.
MMPO_HOST_DEVICE inline PairTerms terms_of(int32_t loss, const mmpo_objective& objective, const BatchFacts& facts,
                                           const Pair& pair) {
  switch (loss) {
    case MMPO_LOSS_MMPO:
      return mmpo_terms(mmpo_of(objective), pair, facts.reward_range);
    case MMPO_LOSS_SIMPO:
      return simpo_terms(reference_free_rewards_of(objective, pair), objective.gamma, objective.label_smoothing);
    case MMPO_LOSS_NCA_PAIR:
      return nca_pair(reverse_kl_rewards_of(objective, pair));
    case MMPO_LOSS_BCO_PAIR:
      return bco_pair(reverse_kl_rewards_of(objective, pair));
    case MMPO_LOSS_SPPO_HARD:
      return sppo_hard(reverse_kl_rewards_of(objective, pair), objective.beta);
    case MMPO_LOSS_APO_ZERO:
      return apo_zero(reverse_kl_rewards_of(objective, pair));
    case MMPO_LOSS_APO_DOWN:
      return apo_down(reverse_kl_rewards_of(objective, pair));
    case MMPO_LOSS_ORPO:
      return orpo_terms(objective.beta, pair);
    case MMPO_LOSS_CHOSEN_NLL:
      return chosen_nll_terms(pair, facts.mean_chosen_length);
    default:
      return margin_terms(loss, objective, pair);
  }
}

// total += weight * terms; a weight of 1 changes no bit.
MMPO_HOST_DEVICE inline void add_terms(PairTerms& total, double weight, const PairTerms& terms) {
  total.loss += weight * terms.loss;
  total.grad_chosen += weight * terms.grad_chosen;
  total.grad_rejected += weight * terms.grad_rejected;
}

// The weighted sum of the objective's losses, none of which couples pairs.
MMPO_HOST_DEVICE inline PairTerms pair_terms(const mmpo_objective& objective, const BatchFacts& facts,
                                             const Pair& pair) {
  PairTerms total{0, 0, 0};
  for (int32_t i = 0; i < objective.num_losses; ++i) {
    add_terms(total, objective.loss_weights[i], terms_of(objective.losses[i], objective, facts, pair));
  }
  return objective.use_weighting != 0 ? weighted(total, pair.log_weight) : total;
}

// What is logged as rewards: of the objective's first loss.
MMPO_HOST_DEVICE inline PairRewards pair_rewards(const mmpo_objective& objective, const BatchFacts& facts,
                                                 const Pair& pair) {
  switch (objective.losses[0]) {
    case MMPO_LOSS_MMPO:
      return mmpo_scores(mmpo_of(objective), pair, facts.reward_range);
    case MMPO_LOSS_SIMPO: {
      const ImplicitRewards h = reference_free_rewards_of(objective, pair);
      return {h.chosen.value, h.rejected.value};
    }
    case MMPO_LOSS_ORPO: {
      const ImplicitRewards h = simpo_rewards(objective.beta, true, pair);
      return {h.chosen.value, h.rejected.value};
    }
    default: {
      const ImplicitRewards h = reverse_kl_rewards_of(objective, pair);
      return {h.chosen.value, h.rejected.value};
    }
  }
}

}  // namespace mmpo
