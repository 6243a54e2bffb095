// ORPO: Hong, Lee and Thorne, arXiv 2403.07691, its odds-ratio part; the likelihood part is chosen_nll.h's.
#pragma once

#include "loss/pair.h"

namespace mmpo {

// log(p / (1 - p)) of the geometric mean probability of a completion's tokens, by its summed log-probability.
MMPO_HOST_DEVICE inline Slope log_odds(double logp, double length) {
  const double mean = logp / length;
  return {mean - log1m_exp(mean), -1 / std::expm1(mean) / length};
}

// -beta * log sigma(log odds of the chosen - log odds of the rejected). A completion of probability 1 has infinite odds.
MMPO_HOST_DEVICE inline PairTerms orpo_terms(double beta, const Pair& pair) {
  const Slope chosen = log_odds(pair.chosen_logp, pair.chosen_length);
  const Slope rejected = log_odds(pair.rejected_logp, pair.rejected_length);
  const double z = chosen.value - rejected.value;
  return of_margin({-beta * log_sigmoid(z), -beta * sigmoid(-z)}, chosen, rejected);
}

}  // namespace mmpo
