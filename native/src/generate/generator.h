// Batched continuation of prompts with a cache of keys and values.
#pragma once

#include <span>
#include <vector>

#include "model/model.h"

namespace mmpo {

struct Prompts {
  const int32_t* tokens;             // one prompt after another
  std::span<const int32_t> lengths;  // each >= 1
};

// The new tokens of each prompt: until one of stop_tokens, which is kept, max_new_tokens, or the model's last position.
std::vector<std::vector<int32_t>> generate(Model& model, const Prompts& prompts, std::span<const int32_t> stop_tokens,
                                           const mmpo_sampling& sampling);

}  // namespace mmpo
