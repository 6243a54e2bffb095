#include "loss/aot.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace mmpo {
namespace {

// The pairs' places by rank of a value, equal ones in their order.
std::vector<size_t> ranked(std::span<const Pair> pairs, const std::function<double(const Pair&)>& value) {
  std::vector<size_t> places(pairs.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::ranges::stable_sort(places, {}, [&](size_t place) { return value(pairs[place]); });
  return places;
}

// DPO's terms of a difference of two log-ratios.
PairTerms between(const mmpo_objective& objective, double upper, double lower) {
  const double beta = objective.beta;
  return dpo_terms({{beta * upper, beta}, {beta * lower, beta}}, objective.label_smoothing);
}

}  // namespace

void add_aot(const mmpo_objective& objective, double weight, std::span<const Pair> pairs, std::span<PairTerms> totals) {
  const auto policy = ranked(pairs, [](const Pair& pair) { return pair.chosen_logp - pair.rejected_logp; });
  const auto reference = ranked(pairs, [](const Pair& pair) { return pair.chosen_ref - pair.rejected_ref; });
  for (size_t rank = 0; rank < pairs.size(); ++rank) {
    const Pair& pair = pairs[policy[rank]];
    const Pair& matched = pairs[reference[rank]];
    const PairTerms terms =
        between(objective, pair.chosen_logp - pair.rejected_logp, matched.chosen_ref - matched.rejected_ref);
    // Both completions' log-probabilities are in the upper ratio.
    add_terms(totals[policy[rank]], weight, {terms.loss, terms.grad_chosen, -terms.grad_chosen});
  }
}

void add_aot_unpaired(const mmpo_objective& objective, double weight, std::span<const Pair> pairs,
                      std::span<PairTerms> totals) {
  const auto chosen = ranked(pairs, [](const Pair& pair) { return pair.chosen_logp - pair.chosen_ref; });
  const auto rejected = ranked(pairs, [](const Pair& pair) { return pair.rejected_logp - pair.rejected_ref; });
  for (size_t rank = 0; rank < pairs.size(); ++rank) {
    const Pair& upper = pairs[chosen[rank]];
    const Pair& lower = pairs[rejected[rank]];
    const PairTerms terms =
        between(objective, upper.chosen_logp - upper.chosen_ref, lower.rejected_logp - lower.rejected_ref);
    add_terms(totals[chosen[rank]], weight, {terms.loss, terms.grad_chosen, 0});
    add_terms(totals[rejected[rank]], weight, {0, 0, terms.grad_rejected});
  }
}

}  // namespace mmpo
