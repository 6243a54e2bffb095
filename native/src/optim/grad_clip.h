// Clipping by the global L2 norm, as torch.nn.utils.clip_grad_norm_ does it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace mmpo {

// L2 norm of a flat array. Summed in double in blocks of fixed size, so its bits do not depend on the number of threads.
// Infinite or NaN if an element is.
template <typename T>
double l2_norm(const T* values, int64_t count);
// Sums of squares of flat float32 tensors on any device, each made as l2_norm makes its own. On a GPU they are waited for, all at
// once: an update must not begin before it is known that there is one to make.
std::vector<double> sums_of_squares(std::span<const at::Tensor> parts);

// min(1, max_norm / (norm + 1e-6)); 1 where max_norm is 0 (no clipping). norm must be finite: with a non-finite norm there
// is nothing to clip to and no update to make, so that is refused: mmpo::Error with MMPO_NON_FINITE.
double clip_coefficient(double norm, double max_norm);

}  // namespace mmpo
