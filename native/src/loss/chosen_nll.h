// The negative log-likelihood of the chosen completions: RPO's and CPO's regulariser (arXiv 2404.19733, 2401.08417), ORPO's likelihood
// part, TRL's "sft" among several losses.
#pragma once

#include "loss/pair.h"

namespace mmpo {

// Of one pair, so that the mean over a micro-batch's pairs is the mean over all of its chosen tokens. mean_chosen_length: chosen
// tokens of the micro-batch / its pairs.
MMPO_HOST_DEVICE inline PairTerms chosen_nll_terms(const Pair& pair, double mean_chosen_length) {
  return {-pair.chosen_logp / mean_chosen_length, -1 / mean_chosen_length, 0};
}

}  // namespace mmpo
