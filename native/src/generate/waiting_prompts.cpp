#include "generate/waiting_prompts.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mmpo {

WaitingPrompts::WaitingPrompts(std::vector<PromptTokens> prompts, int64_t num_places, bool may_share)
    : prompts_(std::move(prompts)), places_(static_cast<size_t>(num_places)), may_share_(may_share) {
  std::vector<size_t> order(prompts_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t i) { return prompts_[i].size(); });
  waiting_.assign(order.begin(), order.end());
}

int64_t WaitingPrompts::common(size_t a, size_t b) const {
  const auto [first, second] = std::ranges::mismatch(prompts_[a], prompts_[b]);
  return first - prompts_[a].begin();
}

std::optional<WaitingPrompts::Admitted> WaitingPrompts::next(int64_t most_tokens) {
  const auto free = std::ranges::find_if(places_, [&](const Place& place) { return is_free(place); });
  if (free == places_.end()) return std::nullopt;
  for (auto waiting = waiting_.begin(); waiting != waiting_.end(); ++waiting) {
    const size_t prompt = *waiting;
    const auto length = static_cast<int64_t>(prompts_[prompt].size());
    Admitted admitted{prompt, free - places_.begin(), free - places_.begin(), 0};
    int64_t soon = 0;
    for (size_t p = 0; may_share_ && p < places_.size(); ++p) {
      const Place& place = places_[p];
      if (place.begun) soon = std::max(soon, common(prompt, *place.begun));
      if (!place.cached) continue;
      const int64_t cached = std::min(length - 1, common(prompt, *place.cached));
      if (cached <= admitted.num_cached) continue;
      admitted.num_cached = cached;
      admitted.source = static_cast<int64_t>(p);
    }
    if (std::min(soon, length - 1) >= admitted.num_cached + kWorthWaiting) continue;
    if (length - admitted.num_cached > most_tokens) return std::nullopt;
    if (is_free(places_[static_cast<size_t>(admitted.source)])) admitted.place = admitted.source;
    places_[static_cast<size_t>(admitted.place)] = {true, std::nullopt, prompt};
    waiting_.erase(waiting);
    return admitted;
  }
  return std::nullopt;
}

void WaitingPrompts::computed() {
  for (Place& place : places_) {
    if (place.begun) place.cached = std::exchange(place.begun, std::nullopt);
  }
}

void WaitingPrompts::end(int64_t place) { places_[static_cast<size_t>(place)].taken = false; }

}  // namespace mmpo
