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
  std::span<const int64_t> streams = {};  // the random stream that each draws from; none: its place among the prompts
  int64_t batch_size = 0;  // sequences that are computed together; 0: all of them
};

// What becomes of generation after a token that was produced for a prompt.
enum class Heard { kGoesOn, kEndsPrompt, kEndsAll };
using Hear = std::function<Heard(size_t prompt, int32_t token)>;
inline Heard unheard(size_t /*prompt*/, int32_t /*token*/) { return Heard::kGoesOn; }

// The new tokens of each prompt: until one of stop_tokens, which is kept, one that hear ends it with, or max_new_tokens. A sequence
// that ends gives its place to the next prompt, the longest first. A prompt's tokens depend on nothing but itself, its stream
// and the sampling. After kEndsAll prompts that have not begun have no tokens.
std::vector<std::vector<int32_t>> generate(Model& model, const Prompts& prompts, std::span<const int32_t> stop_tokens,
                                           const mmpo_sampling& sampling, const Hear& hear = unheard);

}  // namespace mmpo
