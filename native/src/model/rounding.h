// Trained weights in a file's type, and what of the training is left in it. Near the end of training an update is far smaller than
// the distance of two bfloat16 numbers, so that rounding to the nearest gives most weights back as they were before it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "mmpo/types.h"

namespace mmpo {

using at::Tensor;

// stochastic: up or down with the probability that makes the number itself the mean; the draw is a function of the seed, of the
// tensor's name and of the place in it.
struct Rounding {
  bool stochastic = false;
  uint64_t seed = 0;
};

// trained into out, of a float type; start: before training. All of one shape, contiguous.
// Throws Error(MMPO_NON_FINITE) naming the tensor where a number is not finite in out's type.
mmpo_rounding round(const Tensor& trained, const Tensor& start, const Rounding& rounding, std::string_view name,
                    Tensor& out);

}  // namespace mmpo
