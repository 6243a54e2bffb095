// Matrix products for float32 and bfloat16 operands, summed in float32.
//
// Why not at::mm: OpenBLAS, which LibTorch brings here, has threads of its own beside OpenMP's, and reaches about two thirds
// of this; and a bfloat16 product has no float32 result there, which gradients of parameters are.
// Blocks of B are packed into panels that stay in the cache. Micro-kernels multiply float32 in registers, and bfloat16 on matrix units
// (AMX) or by dot products (AVX512_BF16), where the processor has either; else bfloat16 becomes float32 while it is packed.
// Results have the same bits for any number of threads, and a row has them for any number of rows of an a that is not transposed.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/workspace.h"

namespace mmpo {

// c_MN = addend_MN + a_MK b_KN; an undefined addend is 0, and c may be its own. a and b are float32 or bfloat16, matrices with
// one stride of 1, so also transposed views; rows of c and of the addend are contiguous, both float32 or both bfloat16. On the CPU a
// float32 a has products with a bfloat16 b too, the bits of those with the same b in float32.
void gemm(const Tensor& a_MK, const Tensor& b_KN, const Tensor& addend_MN, Workspace& workspace, Tensor& c_MN);

// c_MN = scale * a_MK b_KN. On a GPU the sum is scaled before it is rounded, in the same launch; on the CPU what was rounded is.
void scaled_gemm(const Tensor& a_MK, const Tensor& b_KN, double scale, Workspace& workspace, Tensor& c_MN);

}  // namespace mmpo
