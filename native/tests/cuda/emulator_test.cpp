// The emulator itself: it runs what CUDA would, and refuses what hangs or is undefined there.
#include "cuda/emulator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "cuda/emulated_wmma.h"

namespace mmpo {
namespace {

namespace wmma = nvcuda::wmma;

TEST(Emulator, RunsEveryThreadOfEveryBlockOnce) {
  std::vector<int> calls(size_t{3} * 2 * 64);
  emulator::run({3, 2}, 64, [&] {
    EXPECT_EQ(blockDim.x, 64U);
    EXPECT_EQ(gridDim.x, 3U);
    ++calls[(blockIdx.y * gridDim.x + blockIdx.x) * blockDim.x + threadIdx.x];
  });
  EXPECT_EQ(calls, std::vector<int>(calls.size(), 1));
}

TEST(Emulator, ExchangesWithinAWarp) {
  for (const bool descending : {false, true}) {
    const emulator::Device device(1, descending);
    std::vector<unsigned> sums(64), votes(64);
    emulator::run({1}, 64, [&] {
      unsigned value = threadIdx.x;
      for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(~0U, value, distance);
      sums[threadIdx.x] = value;
      votes[threadIdx.x] = __ballot_sync(~0U, threadIdx.x % 3 == 0);
    });
    for (unsigned i = 0; i < 64; ++i) {
      // 0 + ... + 31 = 496, and 32 times 32 more; threads 0, 3, ... 30 and 33, 36, ... 63.
      EXPECT_EQ(sums[i], i < 32 ? 496U : 1520U);
      EXPECT_EQ(votes[i], i < 32 ? 0x49249249U : 0x92492492U);
    }
  }
}

TEST(Emulator, WaitsAtABarrierForTheWholeBlock) {
  for (const bool descending : {false, true}) {
    const emulator::Device device(1, descending);
    std::vector<int> seen(96);
    emulator::run({2}, 96, [&] {
      __shared__ int written[96];
      for (int round = 1; round <= 3; ++round) {
        written[threadIdx.x] = round;
        __syncthreads();
        int sum = 0;
        for (const int value : written) sum += value;
        seen[threadIdx.x] = sum;
        const bool any = __syncthreads_or(threadIdx.x == 50 && round == 2) != 0;
        if (any != (round == 2)) seen[threadIdx.x] = -1;
        if (sum != 96 * round) return;
      }
    });
    EXPECT_EQ(seen, std::vector<int>(96, 288));
  }
}

TEST(Emulator, GivesEveryBlockSharedMemoryThatNobodyHasWritten) {
  int num_leftovers = 0;
  emulator::run({3}, 32, [&] {
    __shared__ float value;
    if (threadIdx.x == 0 && !std::isnan(value)) ++num_leftovers;
    __syncthreads();
    value = 1;
  });
  EXPECT_EQ(num_leftovers, 0);
}

// In the opposite order, a thread that reads what another one writes without a barrier finds something else.
TEST(Emulator, ShowsARaceByTurningTheOrderRound) {
  int found[2];
  for (const bool descending : {false, true}) {
    const emulator::Device device(1, descending);
    int last = -1;
    emulator::run({1}, 32, [&] { last = static_cast<int>(threadIdx.x); });
    found[descending ? 1 : 0] = last;
  }
  EXPECT_EQ(found[0], 31);
  EXPECT_EQ(found[1], 0);
}

// a [16, 16] as it is and b^T [16, 16], in wider matrices, added to 1.
TEST(Emulator, MultipliesMatrices) {
  at::manual_seed(1);
  const at::Tensor a = at::randn({16, 24}, at::kBFloat16), b = at::randn({16, 32}, at::kBFloat16);
  at::Tensor sum = at::zeros({16, 20});
  emulator::run({1}, 32, [&] {
    wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> left;
    wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::col_major> right;
    wmma::Sums sums;
    wmma::fill_fragment(sums, 1);
    wmma::load_matrix_sync(left, a.const_data_ptr<c10::BFloat16>(), 24);
    wmma::load_matrix_sync(right, b.const_data_ptr<c10::BFloat16>(), 32);
    wmma::mma_sync(sums, left, right, sums);
    wmma::store_matrix_sync(sum.mutable_data_ptr<float>(), sums, 20, wmma::mem_row_major);
  });
  const auto own = [](const at::Tensor& x) { return x.narrow(1, 0, 16).to(at::kDouble); };
  EXPECT_LT((own(sum) - 1 - own(a).mm(own(b).t())).abs().max().item<double>(), 1e-5);
  EXPECT_EQ(sum.narrow(1, 16, 4).count_nonzero().item<int64_t>(), 0);
}

TEST(Emulator, RefusesWhatHangsOrIsUndefinedOnAGpu) {
  const auto expect_refusal = [](unsigned threads, const std::function<void()>& kernel) {
    EXPECT_THROW(emulator::run({1}, threads, kernel), std::logic_error);
    // And the next launch is not harmed.
    int calls = 0;
    emulator::run({1}, 32, [&] {
      __syncthreads();
      ++calls;
    });
    EXPECT_EQ(calls, 32);
  };
  expect_refusal(64, [] {
    if (threadIdx.x != 7) __syncthreads();
  });
  expect_refusal(32, [] {
    if (threadIdx.x < 16) __shfl_xor_sync(~0U, 1.0F, 1);
  });
  expect_refusal(32, [] {
    if (threadIdx.x < 16) {
      __shfl_xor_sync(~0U, 1.0F, 1);
    } else {
      __ballot_sync(~0U, true);
    }
  });
  alignas(32) static float memory[32 * 16];
  expect_refusal(32, [] {
    if (threadIdx.x < 16) wmma::store_matrix_sync(memory, wmma::Sums{}, 16, wmma::mem_row_major);
  });
  expect_refusal(32, [] { wmma::store_matrix_sync(memory + 4, wmma::Sums{}, 16, wmma::mem_row_major); });
  expect_refusal(32, [] { wmma::store_matrix_sync(memory, wmma::Sums{}, 18, wmma::mem_row_major); });
  expect_refusal(33, [] {});
  expect_refusal(2048, [] {});
}

}  // namespace
}  // namespace mmpo
