// The losses of pairs on a GPU, by the formulas of this folder: ../../cuda/pair_weights.cu. As ../kernels/cuda_kernels.h has it of
// the other kernels.
#pragma once

#include "common/cuda_runtime.h"
#include "loss/pair_loss.h"

namespace mmpo {

// A pair and where its completions' head rows begin.
struct PairRows {
  Pair pair;
  int64_t chosen_begin, rejected_begin;
};

// out[r] = d(scale * loss) / d logp[r] of every pair's head rows r, as pair_terms has it of the pair. log_squares [r]: of WPO, else null.
template <typename Platform = Gpu>
struct CudaPairs {
  MMPO_CUDA_API static void weights(const mmpo_objective& objective, const BatchFacts& facts, const PairRows* pairs,
                                    int64_t num_pairs, const float* logp, const float* log_squares, float* out,
                                    cudaStream_t stream);
};

}  // namespace mmpo
