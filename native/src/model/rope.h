// Rotary frequencies and their scalings, as transformers computes them in float32.
#pragma once

#include <vector>

#include "mmpo/types.h"

namespace mmpo {

struct RotaryFrequencies {
  std::vector<float> inverse;  // [head_dim / 2], angle of one position
  float attention_factor = 1;  // of every cosine and sine
};

// Throws Error(MMPO_INVALID_ARGUMENT) naming the field.
void check_rope(const mmpo_model_config& config);

// config: checked.
RotaryFrequencies rotary_frequencies(const mmpo_model_config& config);

}  // namespace mmpo
