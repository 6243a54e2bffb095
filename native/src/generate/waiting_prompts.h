// Which prompts take the places that are free, and what of each is in the cache already.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

namespace mmpo {

// Prompts wait, the longest first. A place that is free takes the next one; positions that another place has computed for the
// same tokens are copied, and a prompt of which another that begins in this step will soon have more waits for it.
class WaitingPrompts {
 public:
  using PromptTokens = std::span<const int32_t>;

  // may_share: whether places may copy from each other.
  WaitingPrompts(std::vector<PromptTokens> prompts, int64_t num_places, bool may_share);

  bool empty() const { return waiting_.empty(); }

  struct Admitted {
    size_t prompt;
    int64_t place;
    int64_t source;  // a place whose first num_cached positions are this prompt's; may be its own
    int64_t num_cached;  // less than the prompt's length: the last token's row is what is drawn from
  };
  // The next to begin, or none for now. Its source may be copied from until the next call. most_tokens: that it may still compute.
  std::optional<Admitted> next(int64_t most_tokens);
  // All that were admitted are in the cache now.
  void computed();
  // The place's sequence has ended; what the cache has of it stays until another takes the place.
  void end(int64_t place);

 private:
  // A prompt waits for another's positions where that saves it at least so many tokens.
  static constexpr int64_t kWorthWaiting = 16;

  struct Place {
    bool taken = false;
    std::optional<size_t> cached;  // the prompt whose positions it has
    std::optional<size_t> begun;  // the prompt that is computed in this step
  };

  int64_t common(size_t a, size_t b) const;
  bool is_free(const Place& place) const { return !place.taken; }

  std::vector<PromptTokens> prompts_;
  std::vector<Place> places_;
  std::list<size_t> waiting_;
  bool may_share_;
};

}  // namespace mmpo
