// Batched continuation of prompts with a cache of keys and values.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/model.h"

namespace mmpo {

struct Prompts {
  const int32_t* tokens;             // one prompt after another
  std::span<const int32_t> lengths;  // each >= 1
};

// Whether a prompt's text goes on after a token that was produced for it.
using GoesOn = std::function<bool(size_t prompt, int32_t token)>;
inline bool unheard(size_t /*prompt*/, int32_t /*token*/) { return true; }

// The new tokens of each prompt: until one of stop_tokens, which is kept, one that goes_on ends it with, or max_new_tokens.
std::vector<std::vector<int32_t>> generate(Model& model, const Prompts& prompts, std::span<const int32_t> stop_tokens,
                                           const mmpo_sampling& sampling, const GoesOn& goes_on = unheard);

}  // namespace mmpo
