#include "loss/pair_loss.h"

#include <cmath>

#include "common/error.h"
#include "loss/dpo.h"
#include "loss/mmpo.h"
#include "loss/simpo.h"

namespace mmpo {
namespace {

void check_count(const char* field, size_t found, size_t wanted) {
  require(found == wanted, "a preference loss needs one element a pair in every input: ", field, " has ", found,
          " elements, chosen_logps has ", wanted);
}

void check_lengths(const char* field, std::span<const int32_t> lengths, size_t num_pairs) {
  check_count(field, lengths.size(), num_pairs);
  for (size_t pair = 0; pair < num_pairs; ++pair) {
    require(lengths[pair] >= 1, "length normalisation divides by the number of tokens, so ", field,
            " must be >= 1, but it is ", lengths[pair], " for pair ", pair,
            "; leave out pairs with an empty completion");
  }
}

template <typename T>
void check_references(const char* field, std::span<const T> logps, size_t num_pairs) {
  check_count(field, logps.size(), num_pairs);
  for (size_t pair = 0; pair < num_pairs; ++pair) {
    require(std::isfinite(logps[pair]), "reference log-probabilities must be finite, but ", field, " is ", logps[pair],
            " for pair ", pair, "; compute them again with a model whose weights are finite");
  }
}

template <typename T>
void check_inputs(const mmpo_objective& objective, const BasicPairInputs<T>& inputs) {
  const size_t num_pairs = inputs.chosen_logps.size();
  check_count("rejected_logps", inputs.rejected_logps.size(), num_pairs);
  const bool given = objective.loss == MMPO_LOSS_MMPO && !inputs.ref_chosen_logps.empty();
  if (given || reads_reference(objective)) {
    check_references("ref_chosen_logps", inputs.ref_chosen_logps, num_pairs);
    check_references("ref_rejected_logps", inputs.ref_rejected_logps, num_pairs);
  }
  if (objective.length_normalize != 0) {
    check_lengths("chosen_lengths", inputs.chosen_lengths, num_pairs);
    check_lengths("rejected_lengths", inputs.rejected_lengths, num_pairs);
  }
}

void check_range(const RewardRange& range) {
  require(std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max,
          "reward_range must be two finite numbers, minimum before maximum, got [", range.min, ", ", range.max, "]");
}

MmpoLoss mmpo_of(const mmpo_objective& objective) {
  const bool by_length = objective.length_normalize != 0;
  return {.beta = objective.beta,
          .reward_epsilon = objective.reward_epsilon,
          .aux_weight = objective.aux_weight,
          .normalize = objective.normalize != 0,
          .length_normalize_policy = by_length,
          .length_normalize_reference = by_length};
}

}  // namespace

bool reads_reference(const mmpo_objective& objective) {
  if (objective.loss == MMPO_LOSS_MMPO) return objective.aux_weight != 1 || objective.score_rejected != 0;
  return objective.loss == MMPO_LOSS_DPO;
}

void check_objective(const mmpo_objective& objective) {
  require(objective.loss >= MMPO_LOSS_MMPO && objective.loss <= MMPO_LOSS_SFT,
          "loss must be 0 (mmpo), 1 (dpo), 2 (simpo) or 3 (sft), got ", objective.loss);
  if (objective.loss == MMPO_LOSS_SFT) return;
  require(std::isfinite(objective.beta) && objective.beta > 0, "beta must be > 0, got ", objective.beta);
  if (objective.loss == MMPO_LOSS_MMPO) {
    require(std::isfinite(objective.reward_epsilon), "reward_epsilon must be finite, got ", objective.reward_epsilon);
    require(std::isfinite(objective.aux_weight) && objective.aux_weight >= 0, "aux_weight must be >= 0, got ",
            objective.aux_weight);
  } else if (objective.loss == MMPO_LOSS_DPO) {
    require(objective.label_smoothing >= 0 && objective.label_smoothing < 0.5,
            "label_smoothing must be in [0, 0.5), got ", objective.label_smoothing);
    require(objective.length_normalize == 0,
            "length_normalize is for mmpo and simpo; dpo has no length-normalised form");
  } else {
    require(std::isfinite(objective.gamma), "gamma must be finite, got ", objective.gamma);
  }
}

template <typename T>
BasicPairOutputs<T> pair_loss(const mmpo_objective& objective, const BasicPairInputs<T>& inputs,
                              std::optional<RewardRange> reward_range) {
  check_objective(objective);
  check_inputs(objective, inputs);
  switch (objective.loss) {
    case MMPO_LOSS_MMPO:
      if (reward_range) check_range(*reward_range);
      return mmpo_losses(mmpo_of(objective), inputs, reward_range);
    case MMPO_LOSS_DPO:
      return dpo_losses({.beta = objective.beta, .label_smoothing = objective.label_smoothing}, inputs);
    case MMPO_LOSS_SIMPO:
      return simpo_losses(
          {.beta = objective.beta, .gamma = objective.gamma, .length_normalize = objective.length_normalize != 0},
          inputs);
    default:
      fail(MMPO_INVALID_ARGUMENT, "sft has no pairs: it takes sft_losses, not pair_loss");
  }
}

std::optional<RewardRange> reward_range_of(const mmpo_objective& objective, const PairInputs& inputs) {
  check_objective(objective);
  check_inputs(objective, inputs);
  if (objective.loss != MMPO_LOSS_MMPO || inputs.ref_chosen_logps.empty()) return std::nullopt;
  return mmpo_reward_range(mmpo_of(objective), inputs);
}

template BasicPairOutputs<float> pair_loss(const mmpo_objective&, const BasicPairInputs<float>&,
                                           std::optional<RewardRange>);
template BasicPairOutputs<double> pair_loss(const mmpo_objective&, const BasicPairInputs<double>&,
                                            std::optional<RewardRange>);

}  // namespace mmpo
