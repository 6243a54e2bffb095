// AOT: Melnyk et al., arXiv 2406.05882. Not each pair but the distributions of margins are compared: sorted over the micro-batch,
// then DPO's loss between those of equal rank.
#pragma once

#include <span>
#include <vector>

#include "loss/pair_loss.h"

namespace mmpo {

// log pi_w - log pi_l of equal rank among the pairs against log ref_w - log ref_l.
void add_aot(const mmpo_objective& objective, double weight, std::span<const Pair> pairs, std::span<PairTerms> totals);

// log pi_w - log ref_w of equal rank against log pi_l - log ref_l: chosen and rejected completions need not be paired.
void add_aot_unpaired(const mmpo_objective& objective, double weight, std::span<const Pair> pairs,
                      std::span<PairTerms> totals);

}  // namespace mmpo
