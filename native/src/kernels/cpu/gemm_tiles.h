// Parts of operands and tiles of results, for the two ways to a product (gemm.cpp, gemm_few_rows.cpp). In an unnamed namespace: each
// capability keeps its own.
#pragma once

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/row_math.h"

namespace mmpo {
namespace {

// The matrix from an element on.
template <typename T>
GemmMatrix<T> part(const GemmMatrix<T>& x, int64_t row, int64_t column) {
  return {x.transposed ? x.data + column * x.stride + row : x.data + row * x.stride + column, x.stride, x.transposed};
}

// A sum of bfloat16 products that grows in C begins with what is there, as the micro-kernel does where it writes into C itself, so that no row
// depends on whether its tile is whole. Float32 products are added to it when they are summed. Returns what is still to be added.
template <typename P, typename Out>
GemmResult<Out> begin_sums(const GemmResult<Out>& c, int64_t rows, int64_t columns, float* sums, int64_t stride) {
  if constexpr (std::is_same_v<P, c10::BFloat16> && std::is_same_v<Out, float>) {
    if (c.addend != nullptr) {
      for (int64_t i = 0; i < rows; ++i) std::copy_n(c.addend + i * c.addend_stride, columns, sums + i * stride);
      return {c.data, c.stride, nullptr, 0};
    }
  }
  return c;
}

template <typename Out>
void store_tile(const float* tile, int64_t tile_stride, int64_t rows, int64_t columns, bool stream,
                const GemmResult<Out>& c) {
  constexpr int64_t kTwo = 2 * kLanes;
  for (int64_t i = 0; i < rows; ++i) {
    const auto [row, stride, addend, addend_stride] = c.part(i, 0);
    const float* from = tile + i * tile_stride;
    const auto sum = [from, addend = addend](int64_t j, auto extent) {
      const Vec value = load(from + j, extent);
      return addend == nullptr ? value : load(addend + j, extent) + value;
    };
    int64_t done = 0;
    if (stream && reinterpret_cast<uintptr_t>(row) % 64 == 0) {
      for (; done + kTwo <= columns; done += kTwo)
        stream_two(row + done, sum(done, Whole{}), sum(done + kLanes, Whole{}));
    }
    for (; done + kTwo <= columns; done += kTwo) store_two(row + done, sum(done, Whole{}), sum(done + kLanes, Whole{}));
    for (; done < columns; done += kLanes) {
      const First rest{smaller(kLanes, columns - done)};
      store(row + done, sum(done, rest), rest);
    }
  }
}

}  // namespace
}  // namespace mmpo
