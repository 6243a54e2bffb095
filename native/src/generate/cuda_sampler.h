// Drawing tokens where the logits are: ../../cuda/sample.cu. As ../kernels/cuda_kernels.h has it of the other kernels.
#pragma once

#include "common/cuda_runtime.h"
#include "generate/draw.h"
#include "kernels/arguments.h"

namespace mmpo {

template <typename T, typename Platform = Gpu>
struct CudaSampler {
  // tokens[r]: what Sampler draws from row r with uniforms[r]; -1 where a logit is not finite.
  // sums: [rows, num_draw_blocks(V)], scratch.
  MMPO_CUDA_API static void draw(Rows<const T> logits, const DrawSettings& settings, const double* uniforms,
                                 double* sums, int32_t* tokens, cudaStream_t stream);
};

}  // namespace mmpo
