// Whether numbers are numbers: what is read from files, and what is written to them.
#pragma once

#include <ATen/core/Tensor.h>

namespace mmpo {

// Of contiguous float32, bfloat16 or float16. On the CPU one pass over the bits, on all threads but within a parallel region.
bool is_finite(const at::Tensor& values);

}  // namespace mmpo
