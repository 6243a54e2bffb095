#include "train/rank_batch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace mmpo {

BatchFacts facts_of_all(RankGroup& group, const Objective& objective) {
  const auto num_pairs = static_cast<double>(objective.pairs().size());
  const BatchFacts& own = objective.facts();
  const double num_tokens = num_pairs > 0 ? own.mean_chosen_length * num_pairs : 0;
  const std::array<double, 4> mine{num_pairs, num_tokens, own.reward_range.min, own.reward_range.max};
  const std::vector<double> all = group.gather(mine, "the exchange of a micro-batch's lengths and rewards").wait();
  double pairs = 0;
  double tokens = 0;
  RewardRange range{INFINITY, -INFINITY};
  for (size_t i = 0; i < all.size(); i += mine.size()) {
    if (all[i] == 0) continue;
    pairs += all[i];
    tokens += all[i + 1];
    range = {std::min(range.min, all[i + 2]), std::max(range.max, all[i + 3])};
  }
  // One that is not there is NaN on every rank that has pairs, and neither smaller nor larger than anything.
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (range.min > range.max) range = {nan, nan};
  return {range, tokens / pairs};
}

Objective::Result evaluate_among_all(RankGroup& group, const Objective& objective, const CompletionScores& scores) {
  static_assert(sizeof(Pair) % sizeof(double) == 0);
  using Words = std::array<double, sizeof(Pair) / sizeof(double)>;
  const std::vector<Pair> own = objective.pairs_at(scores);
  const auto own_count = static_cast<double>(own.size());
  const std::string what = "the exchange of a micro-batch's log-probabilities";
  const std::vector<double> counts = group.gather({&own_count, 1}, what).wait();
  const auto most = static_cast<size_t>(std::ranges::max(counts));
  std::vector<double> words;
  for (const Pair& pair : own) {
    const auto of_pair = std::bit_cast<Words>(pair);
    words.insert(words.end(), of_pair.begin(), of_pair.end());
  }
  constexpr size_t kWords = std::tuple_size_v<Words>;
  words.resize(most * kWords);
  const std::vector<double> gathered = group.gather(words, what).wait();
  std::vector<Pair> all;
  size_t first = 0;  // of this rank's
  for (size_t rank = 0; rank < counts.size(); ++rank) {
    if (static_cast<int>(rank) == group.rank()) first = all.size();
    for (size_t i = 0; i < static_cast<size_t>(counts[rank]); ++i) {
      Words of_pair;
      std::copy_n(gathered.begin() + static_cast<std::ptrdiff_t>((rank * most + i) * kWords), kWords, of_pair.begin());
      all.push_back(std::bit_cast<Pair>(of_pair));
    }
  }
  const std::vector<PairTerms> terms = pair_losses(objective.settings(), objective.facts(), all);
  return objective.result_of(own, std::span(terms).subspan(first, own.size()));
}

}  // namespace mmpo
