// The 8-bit code books of block-wise optimizers: "dynamic tree" quantization (Dettmers et al., arXiv 2110.02861), as
// bitsandbytes' create_dynamic_map makes them.
#pragma once

#include <array>

#include "kernels/cpu/cpu_kernels.h"

namespace mmpo {

// 256 values in ascending order within [-1, 1] (signed: first moments) or [0, 1] (second moments): seven decades from 1e-7 to
// 1, each with twice as many evenly spaced values as the one below it. Zero and 1 are among them, -1 is not.
std::array<float, 256> dynamic_map(bool is_signed);

// The same with the tables that find the nearest value. Made once, at first use.
const CodeBook& signed_code_book();
const CodeBook& unsigned_code_book();

}  // namespace mmpo
