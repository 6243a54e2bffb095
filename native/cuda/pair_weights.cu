// The weights of a loss of pairs, from log-probabilities that never leave the device. Legend: cuda_kernels.h.
#include "cuda/platform.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 2 * kWarp;

// Block p: pair p, a warp for each completion. Sums are the host's, to the bit: in double, token after token.
__global__ void __launch_bounds__(kThreads)
    weigh_pair(mmpo_objective objective, BatchFacts facts, const PairRows* pairs, const float* logp, float* weights) {
  __shared__ double sums[2];
  __shared__ float weight[2];
  const PairRows& rows = pairs[blockIdx.x];
  const int side = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t begin = side == 0 ? rows.chosen_begin : rows.rejected_begin;
  const auto length = static_cast<int64_t>(side == 0 ? rows.pair.chosen_length : rows.pair.rejected_length);
  if (lane == 0) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += static_cast<double>(logp[begin + i]);
    sums[side] = sum;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    Pair pair = rows.pair;
    pair.chosen_logp = sums[0];
    pair.rejected_logp = sums[1];
    const PairTerms terms = pair_terms(objective, facts, pair);
    weight[0] = static_cast<float>(terms.grad_chosen * objective.scale);
    weight[1] = static_cast<float>(terms.grad_rejected * objective.scale);
  }
  __syncthreads();
  for (int64_t i = lane; i < length; i += kWarp) weights[begin + i] = weight[side];
}

}  // namespace

template <typename Platform>
void CudaPairs<Platform>::weights(const mmpo_objective& objective, const BatchFacts& facts, const PairRows* pairs,
                                  int64_t num_pairs, const float* logp, float* out, cudaStream_t stream) {
  launch(weigh_pair, blocks(num_pairs), kThreads, stream, objective, facts, pairs, logp, out);
}

template struct CudaPairs<CUDA_PLATFORM>;

}  // namespace mmpo
