// The losses of a micro-batch's pairs: what an objective asks for, its checks, and the losses in which pairs depend on each other.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "loss/pair_loss.h"

namespace mmpo {

// The checks of an objective alone, MMPO_LOSS_SFT included. mmpo::Error (MMPO_INVALID_ARGUMENT) naming the field.
void check_objective(const mmpo_objective& objective);

// That references are finite where they are given or needed. mmpo::Error naming the pair.
void check_references(const mmpo_objective& objective, std::span<const Pair> pairs);

// Whether a loss needs reference log-probabilities. MMPO's gradient does not at lambda = 1, so they may be left out where the
// rejected completions are: losses and rewards are NaN then.
bool reads_reference(const mmpo_objective& objective);

// Whether the derivatives do not depend on the log-probabilities: MMPO at lambda = 1, whose loss is -s_w, SFT, and the likelihood of the
// chosen.
bool is_linear(const mmpo_objective& objective);

// Whether the rejected completions have a gradient.
bool grades_rejected(const mmpo_objective& objective);

// Whether a pair's derivatives depend on the log-probabilities of other pairs: AOT sorts them.
bool couples_pairs(const mmpo_objective& objective);

// reward_range: MMPO's, where it spans more than these pairs; none: that of these. Refuses one that is no range.
BatchFacts facts_of(const mmpo_objective& objective, std::span<const Pair> pairs,
                    std::optional<RewardRange> reward_range = std::nullopt);

// The weighted sum of the objective's losses of each pair. Of a loss that couples pairs, each part stands at the pair of its chosen
// completion; the mean is the batch's.
std::vector<PairTerms> pair_losses(const mmpo_objective& objective, const BatchFacts& facts,
                                   std::span<const Pair> pairs);

}  // namespace mmpo
