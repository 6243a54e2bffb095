// Products on tensor cores (CUDA's <mma.h>) for the emulator, as far as native/cuda uses them: bfloat16, 16 x 16 x 16, float32
// sums. Lanes meet at every operation on a matrix, and its addresses must be aligned as the hardware wants them. A lane keeps
// whole operands, and of a sum the 8 elements that it computes and stores; which those are is not what the hardware does, and
// nothing may depend on it.
#pragma once

#include <c10/util/BFloat16.h>

#include <type_traits>

#include "cuda/emulator.h"

using __nv_bfloat16 = c10::BFloat16;

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major };

constexpr int kSide = 16;

template <typename Use, int M, int N, int K, typename T, typename Order = void>
struct fragment {
  static_assert(M == kSide && N == kSide && K == kSide && std::is_same_v<T, __nv_bfloat16>);
  float values[kSide][kSide];  // [row][column]
};

template <int M, int N, int K>
struct fragment<accumulator, M, N, K, float, void> {
  static_assert(M == kSide && N == kSide && K == kSide);
  static constexpr int kElements = kSide * kSide / 32;
  float values[kElements];

  static int row(int element) { return place(element) / kSide; }
  static int column(int element) { return place(element) % kSide; }

 private:
  static int place(int element) { return static_cast<int>(threadIdx.x) % 32 * kElements + element; }
};

using Sums = fragment<accumulator, kSide, kSide, kSide, float>;

// stride_multiple: in elements.
inline void meet(const void* address, unsigned stride, unsigned stride_multiple) {
  if (reinterpret_cast<uintptr_t>(address) % 32 != 0 || stride % stride_multiple != 0) {
    mmpo::emulator::complain("a matrix of wmma is not aligned");
  }
  mmpo::emulator::exchange(mmpo::emulator::Exchange::kMatrix, 0, 0);
}

inline void fill_fragment(Sums& sums, float value) {
  for (float& element : sums.values) element = value;
}

template <typename Use, typename Order>
void load_matrix_sync(fragment<Use, kSide, kSide, kSide, __nv_bfloat16, Order>& to, const __nv_bfloat16* from,
                      unsigned stride) {
  meet(from, stride, 8);
  for (unsigned row = 0; row < kSide; ++row) {
    for (unsigned column = 0; column < kSide; ++column) {
      to.values[row][column] = from[std::is_same_v<Order, row_major> ? row * stride + column : column * stride + row];
    }
  }
}

template <typename OrderA, typename OrderB>
void mma_sync(Sums& to, const fragment<matrix_a, kSide, kSide, kSide, __nv_bfloat16, OrderA>& a,
              const fragment<matrix_b, kSide, kSide, kSide, __nv_bfloat16, OrderB>& b, const Sums& addend) {
  meet(nullptr, 0, 1);
  for (int element = 0; element < Sums::kElements; ++element) {
    float sum = addend.values[element];
    for (int k = 0; k < kSide; ++k) sum += a.values[Sums::row(element)][k] * b.values[k][Sums::column(element)];
    to.values[element] = sum;
  }
}

inline void store_matrix_sync(float* to, const Sums& sums, unsigned stride, layout_t) {
  meet(to, stride, 4);
  for (int element = 0; element < Sums::kElements; ++element) {
    to[static_cast<size_t>(Sums::row(element)) * stride + static_cast<size_t>(Sums::column(element))] =
        sums.values[element];
  }
}

}  // namespace nvcuda::wmma
