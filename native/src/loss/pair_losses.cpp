#include "loss/pair_losses.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/error.h"
#include "loss/aot.h"

namespace mmpo {
namespace {

bool is_aot(int32_t loss) { return loss == MMPO_LOSS_AOT || loss == MMPO_LOSS_AOT_UNPAIRED; }

bool is_mmpo_without_rejected(const mmpo_objective& objective) {
  return objective.losses[0] == MMPO_LOSS_MMPO && objective.aux_weight == 1;
}

bool reads_reference(int32_t loss, const mmpo_objective& objective) {
  switch (loss) {
    case MMPO_LOSS_MMPO:
      return objective.aux_weight != 1 || objective.score_rejected != 0;
    case MMPO_LOSS_SIMPO:
    case MMPO_LOSS_SFT:
    case MMPO_LOSS_ORPO:
    case MMPO_LOSS_CHOSEN_NLL:
      return false;
    default:
      return objective.reference_free == 0;
  }
}

template <typename Condition>
bool every(const mmpo_objective& objective, Condition&& condition) {
  return std::all_of(objective.losses, objective.losses + objective.num_losses, condition);
}

// The losses' names and number, and what may stand beside what.
void check_losses(const mmpo_objective& objective) {
  require(objective.num_losses >= 1 && objective.num_losses <= MMPO_MAX_LOSSES, "num_losses must be in [1, ",
          MMPO_MAX_LOSSES, "], got ", objective.num_losses);
  for (int32_t i = 0; i < objective.num_losses; ++i) {
    const int32_t loss = objective.losses[i];
    require(loss >= 0 && loss < MMPO_NUM_LOSSES, "loss must be in [0, ", MMPO_NUM_LOSSES - 1, "], got ", loss);
    require(std::isfinite(objective.loss_weights[i]), "loss_weights must be finite, got ", objective.loss_weights[i]);
    const bool stands_alone = loss == MMPO_LOSS_MMPO || loss == MMPO_LOSS_SFT;
    require(!stands_alone || objective.num_losses == 1, "loss ", loss, " (mmpo or sft) is no part of several losses");
  }
}

// What TRL's DPOTrainer and CPOTrainer have beside their losses.
void check_token_weights(const mmpo_objective& objective) {
  const bool counts_alike = objective.ld_alpha == 1;
  require(objective.ld_alpha >= 0 && objective.ld_alpha <= 1, "ld_alpha must be in [0, 1], got ", objective.ld_alpha);
  require(std::isfinite(objective.reward_alpha), "reward_alpha must be finite, got ", objective.reward_alpha);
  require(objective.reward_alpha == 0 || objective.reference_free != 0 || objective.losses[0] == MMPO_LOSS_SIMPO,
          "reward_alpha is for losses without a reference");
  if (counts_alike && objective.use_weighting == 0) return;
  for (int32_t i = 0; i < objective.num_losses; ++i) {
    const int32_t loss = objective.losses[i];
    require(loss != MMPO_LOSS_MMPO && reads_reference(loss, objective),
            "ld_alpha and use_weighting are for DPO and its kin, losses with a reference, and loss ", loss, " is none");
    require(objective.use_weighting == 0 || !is_aot(loss), "use_weighting weighs pairs, and loss ", loss,
            " (AOT) sorts their completions apart");
  }
}

void check_coefficients(const mmpo_objective& objective) {
  require(std::isfinite(objective.beta) && objective.beta > 0, "beta must be > 0, got ", objective.beta);
  check_token_weights(objective);
  if (objective.losses[0] == MMPO_LOSS_MMPO) {
    require(std::isfinite(objective.reward_epsilon), "reward_epsilon must be finite, got ", objective.reward_epsilon);
    require(std::isfinite(objective.aux_weight) && objective.aux_weight >= 0, "aux_weight must be >= 0, got ",
            objective.aux_weight);
    return;
  }
  require(objective.label_smoothing >= 0 && objective.label_smoothing < 0.5,
          "label_smoothing must be in [0, 0.5), got ", objective.label_smoothing);
  require(!has_loss(objective, MMPO_LOSS_EXO_PAIR) || objective.label_smoothing > 0,
          "exo_pair takes the logarithm of label_smoothing, which must be > 0, got ", objective.label_smoothing);
  require(!has_loss(objective, MMPO_LOSS_DISCOPOP) || objective.discopop_tau > 0, "discopop_tau must be > 0, got ",
          objective.discopop_tau);
  require(std::isfinite(objective.gamma), "gamma must be finite, got ", objective.gamma);
  require(objective.divergence >= MMPO_REVERSE_KL && objective.divergence <= MMPO_ALPHA_DIVERGENCE,
          "unknown divergence ", objective.divergence);
  require(objective.divergence != MMPO_ALPHA_DIVERGENCE ||
              (std::isfinite(objective.divergence_alpha) && objective.divergence_alpha != 1),
          "divergence_alpha must be finite and not 1, where the divergence is reverse KL, got ",
          objective.divergence_alpha);
  require(objective.length_normalize == 0 || objective.reference_free != 0 || objective.losses[0] == MMPO_LOSS_SIMPO,
          "length_normalize is for mmpo, simpo and losses without a reference; for dpo there is sigmoid_norm");
}

}  // namespace

void check_objective(const mmpo_objective& objective) {
  check_losses(objective);
  if (objective.losses[0] != MMPO_LOSS_SFT) check_coefficients(objective);
}

void check_references(const mmpo_objective& objective, std::span<const Pair> pairs) {
  const bool is_given = objective.losses[0] == MMPO_LOSS_MMPO && !pairs.empty() && !std::isnan(pairs[0].chosen_ref);
  if (!is_given && !reads_reference(objective)) return;
  for (size_t i = 0; i < pairs.size(); ++i) {
    for (const double ref : {pairs[i].chosen_ref, pairs[i].rejected_ref}) {
      require(std::isfinite(ref), "reference log-probabilities must be finite, but one is ", ref, " for pair ", i,
              "; compute them again with a model whose weights are finite");
    }
  }
}

bool reads_reference(const mmpo_objective& objective) {
  return !every(objective, [&](int32_t loss) { return !reads_reference(loss, objective); });
}

bool is_linear(const mmpo_objective& objective) {
  return is_mmpo_without_rejected(objective) ||
         every(objective, [](int32_t loss) { return loss == MMPO_LOSS_SFT || loss == MMPO_LOSS_CHOSEN_NLL; });
}

bool grades_rejected(const mmpo_objective& objective) {
  return !is_mmpo_without_rejected(objective) &&
         !every(objective, [](int32_t loss) { return loss == MMPO_LOSS_CHOSEN_NLL; });
}

bool couples_pairs(const mmpo_objective& objective) {
  return !every(objective, [](int32_t loss) { return !is_aot(loss); });
}

BatchFacts facts_of(const mmpo_objective& objective, std::span<const Pair> pairs,
                    std::optional<RewardRange> reward_range) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  BatchFacts facts{{nan, nan}, 0};
  for (const Pair& pair : pairs) facts.mean_chosen_length += pair.chosen_length;
  facts.mean_chosen_length /= static_cast<double>(pairs.size());
  if (objective.losses[0] != MMPO_LOSS_MMPO) return facts;
  if (reward_range) {
    const auto [min, max] = *reward_range;
    require(std::isfinite(min) && std::isfinite(max) && min <= max,
            "reward_range must be two finite numbers, minimum before maximum, got [", min, ", ", max, "]");
    facts.reward_range = *reward_range;
  } else if (!pairs.empty() && !std::isnan(pairs[0].chosen_ref)) {
    facts.reward_range = {INFINITY, -INFINITY};
    for (const Pair& pair : pairs) {
      const auto [chosen, rejected] = mmpo_raw_rewards(mmpo_of(objective), pair);
      facts.reward_range.min = std::min({facts.reward_range.min, chosen, rejected});
      facts.reward_range.max = std::max({facts.reward_range.max, chosen, rejected});
    }
  }
  return facts;
}

std::vector<PairTerms> pair_losses(const mmpo_objective& objective, const BatchFacts& facts,
                                   std::span<const Pair> pairs) {
  std::vector<PairTerms> totals(pairs.size());
  for (int32_t i = 0; i < objective.num_losses; ++i) {
    const double weight = objective.loss_weights[i];
    const int32_t loss = objective.losses[i];
    if (loss == MMPO_LOSS_AOT) {
      add_aot(objective, weight, pairs, totals);
    } else if (loss == MMPO_LOSS_AOT_UNPAIRED) {
      add_aot_unpaired(objective, weight, pairs, totals);
    } else {
      for (size_t pair = 0; pair < pairs.size(); ++pair) {
        add_terms(totals[pair], weight, terms_of(loss, objective, facts, pairs[pair]));
      }
    }
  }
  for (size_t pair = 0; objective.use_weighting != 0 && pair < pairs.size(); ++pair) {
    totals[pair] = weighted(totals[pair], pairs[pair].log_weight);
  }
  return totals;
}

}  // namespace mmpo
