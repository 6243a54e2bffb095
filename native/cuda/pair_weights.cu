// The weights of a loss of pairs, from log-probabilities that never leave the device. Legend: ../src/kernels/kernels.h.
#include "cuda/platform.cuh"
#include "loss/cuda_pairs.h"

namespace mmpo {
namespace {

constexpr int kThreads = 2 * kWarp;

// Block p: pair p, a warp for each completion. Sums are the host's, to the bit: in double, token after token.
__global__ void __launch_bounds__(kThreads)
    weigh_pair(mmpo_objective objective, BatchFacts facts, const PairRows* pairs, const float* logp,
               const float* log_squares, float* weights) {
  __shared__ double sums[2];
  __shared__ double means[2];
  __shared__ double weight[2];
  const PairRows& rows = pairs[blockIdx.x];
  const int side = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t begin = side == 0 ? rows.chosen_begin : rows.rejected_begin;
  const auto length = static_cast<int64_t>(side == 0 ? rows.pair.chosen_length : rows.pair.rejected_length);
  const auto share = [&](int64_t token) {
    return token_share(objective.ld_alpha, static_cast<double>(token), rows.pair.chosen_length,
                       rows.pair.rejected_length);
  };
  if (lane == 0) {
    double sum = 0, mean = 0;
    for (int64_t i = 0; i < length; ++i) {
      const auto token = static_cast<double>(logp[begin + i]);
      sum += share(i) * token;
      if (log_squares != nullptr) mean += aligned(token, static_cast<double>(log_squares[begin + i]));
    }
    sums[side] = sum;
    means[side] = mean / static_cast<double>(length);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    Pair pair = rows.pair;
    pair.chosen_logp = sums[0];
    pair.rejected_logp = sums[1];
    pair.log_weight = means[0] + means[1];
    const PairTerms terms = pair_terms(objective, facts, pair);
    weight[0] = terms.grad_chosen * objective.scale;
    weight[1] = terms.grad_rejected * objective.scale;
  }
  __syncthreads();
  for (int64_t i = lane; i < length; i += kWarp) weights[begin + i] = static_cast<float>(share(i) * weight[side]);
}

}  // namespace

template <typename Platform>
void CudaPairs<Platform>::weights(const mmpo_objective& objective, const BatchFacts& facts, const PairRows* pairs,
                                  int64_t num_pairs, const float* logp, const float* log_squares, float* out,
                                  cudaStream_t stream) {
  launch(weigh_pair, blocks(num_pairs), kThreads, stream, objective, facts, pairs, logp, log_squares, out);
}

template struct CudaPairs<CUDA_PLATFORM>;

}  // namespace mmpo
