// Preference losses on the summed log-probabilities of completions: pure functions with closed-form gradients.
// One loss a file (mmpo, dpo, simpo; sft is not a pair's); this is what they share and the dispatch by objective.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mmpo/mmpo.h"

namespace mmpo {

// Log-probabilities are sums over a completion's tokens, in nats; one element a pair. What a loss does not read may be empty:
// references where reads_reference() is false, lengths without length normalisation.
template <typename T>
struct BasicPairInputs {
  std::span<const T> chosen_logps;
  std::span<const T> rejected_logps;
  std::span<const T> ref_chosen_logps;
  std::span<const T> ref_rejected_logps;
  std::span<const int32_t> chosen_lengths;  // completion tokens, >= 1
  std::span<const int32_t> rejected_lengths;
};
using PairInputs = BasicPairInputs<double>;

// Gradients are of each pair's own loss with respect to the sums chosen_logps and rejected_logps: the chain rule of the
// length normalisation is inside, the mean over pairs and mmpo_objective.scale are not.
template <typename T>
struct BasicPairOutputs {
  std::vector<T> losses, grad_chosen, grad_rejected, chosen_rewards, rejected_rewards;
};
using PairOutputs = BasicPairOutputs<double>;

// One pair's part of it; gradients with respect to the two scores that the loss is written in.
template <typename T>
struct PairTerms {
  T loss, grad_chosen, grad_rejected;
};

// Minimum and maximum of the MMPO rewards R that normalisation maps to 0 and 1.
struct RewardRange {
  double min, max;
};

// The loss that objective.loss names. reward_range: MMPO's, where it spans more than these pairs; none: that of these pairs.
// objective.length_normalize divides the policy's log-probabilities, and MMPO's reference ones too, by the lengths.
// mmpo::Error (MMPO_INVALID_ARGUMENT) naming the field for an objective out of its range or inputs that do not fit together.
template <typename T>
BasicPairOutputs<T> pair_loss(const mmpo_objective& objective, const BasicPairInputs<T>& inputs,
                              std::optional<RewardRange> reward_range = std::nullopt);

// What pair_loss normalises these pairs with where no range is given; none without references, or of another loss than MMPO. With
// it a part of the pairs has the losses that it has among all. Refuses what pair_loss refuses.
std::optional<RewardRange> reward_range_of(const mmpo_objective& objective, const PairInputs& inputs);

// Whether a loss needs reference log-probabilities. MMPO's gradient does not at lambda = 1, so they may be left out where the
// rejected completions are: losses and rewards are NaN then.
bool reads_reference(const mmpo_objective& objective);

// The checks of pair_loss on the objective alone; also for MMPO_LOSS_SFT. mmpo::Error naming the field.
void check_objective(const mmpo_objective& objective);

}  // namespace mmpo
