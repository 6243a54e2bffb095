// Products of a few rows with a large matrix, which is what decoding makes. They wait for the memory of B: each thread reads its part of it
// once and in its order. In one of two ways: a strip of columns and some of its depths become a panel in the nearest caches, which is
// multiplied at once, while the next strip is on its way. Or the product is turned: all rows of A become the panel, and B, of which nothing is
// copied, is read as the micro-kernel reads rows of A. Sums have the terms of gemm.cpp's in the same order, so they are the same bits.
#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tiles.h"
#include "kernels/cpu/micro_kernel.h"
#include "kernels/cpu/register_blocks.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

constexpr int64_t kStripColumns = 32;
constexpr int64_t kPanelBytes = 32 << 10;
// Memory of B that is worth a thread.
constexpr int64_t kThreadBytes = 64 << 10;

template <typename P>
constexpr int64_t kPanelDepths = kPanelBytes / (kStripColumns * static_cast<int64_t>(sizeof(P)));

struct FewRowsScratch {
  Scratch a, panel, sums, tile;
};

FewRowsScratch& few_rows_scratch() {
  static thread_local FewRowsScratch scratch;
  return scratch;
}

// What multiplies P in registers; void where matrix units do.
template <typename P>
struct InRegisters {
  using type = void;
};
template <>
struct InRegisters<float> {
  using type = FloatProducts;
};
#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
template <>
struct InRegisters<c10::BFloat16> {
  using type = DotProducts;
};
#endif
template <typename P>
using Products = typename InRegisters<P>::type;
template <typename P>
constexpr bool kHasProducts = !std::is_void_v<Products<P>>;

// The next strip of B, which is asked for while this one is multiplied.
struct NextStrip {
  const char* memory;
  int64_t step_bytes;  // a step of the micro-kernel; 0: there is none
};

template <typename P>
void multiply_strip(const ProductShape& shape, const P* a, int64_t a_stride, bool add, const P* panel, float* sums,
                    [[maybe_unused]] NextStrip& next) {
  if constexpr (kHasProducts<P>) {
    constexpr int kVectors = kStripColumns / kVectorColumns;
    multiply_columns<Products<P>, kVectors>(shape, a, a_stride, add, panel, sums, kStripColumns,
                                            Ahead{next.memory, next.step_bytes});
    const int64_t blocks = at::ceil_div(shape.rows, kMostRows<kVectors>);
    next.memory += blocks * (shape.depths / Products<P>::kStepDepths) * next.step_bytes;
  } else {
    multiply_tile(shape, a, a_stride, add, panel, sums, kStripColumns);
  }
}

// So that the steps of a strip ask for all of the next one.
template <typename P>
int64_t step_bytes([[maybe_unused]] const GemmPlan& plan, [[maybe_unused]] int64_t strip_bytes) {
  if constexpr (kHasProducts<P>) {
    const int64_t blocks = at::ceil_div(plan.rows, kMostRows<kStripColumns / kVectorColumns>);
    const int64_t steps = blocks * at::ceil_div(plan.depth, Products<P>::kStepDepths);
    return smaller(Ahead::kMostBytes, at::ceil_div(strip_bytes, steps));
  } else {
    return 0;
  }
}

// A as the micro-kernel reads it: the matrix itself, or a copy with zeros past the last row and depth.
template <typename P, typename T>
GemmMatrix<P> operand(const GemmMatrix<T>& a, const GemmPlan& plan, Scratch& scratch) {
  const int64_t rows = at::round_up(plan.rows, MicroKernel<P>::kRowMultiple);
  if constexpr (std::is_same_v<P, T>) {
    if (plan.a_in_place && rows == plan.rows) return a;
  }
  const int64_t stride = at::round_up(plan.depth, plan.depth_multiple);
  P* copy = scratch.resize<P>(rows * stride);
  copy_rows(a, {plan.depth, stride, plan.rows}, copy);
  std::memset(static_cast<void*>(copy + plan.rows * stride), 0,
              static_cast<size_t>((rows - plan.rows) * stride) * sizeof(P));
  return {copy, stride, false};
}

// The columns [column, column + kStripColumns) of C, as many of them as there are.
template <typename P, typename T, typename Out>
void multiply_strip_of(const GemmMatrix<P>& a, const GemmMatrix<T>& b, const GemmPlan& plan, int64_t column,
                       NextStrip next, const GemmResult<Out>& c) {
  FewRowsScratch& scratch = few_rows_scratch();
  const int64_t rows = at::round_up(plan.rows, MicroKernel<P>::kRowMultiple);
  const int64_t count = smaller(kStripColumns, plan.columns - column);
  P* panel = scratch.panel.template resize<P>(kPanelDepths<P> * kStripColumns);
  float* sums = scratch.sums.template resize<float>(rows * kStripColumns);
  for (int64_t block = 0; block < plan.depth; block += plan.block_depth) {
    const int64_t end = smaller(block + plan.block_depth, plan.depth);
    const GemmResult<Out> result = (block > 0 ? c.grown() : c).part(0, column);
    const GemmResult<Out> rest = begin_sums<P>(result, plan.rows, count, sums, kStripColumns);
    const bool begun = rest.addend != result.addend;
    const int64_t panels = at::ceil_div(end - block, kPanelDepths<P>);
    const int64_t panel_depths = at::round_up(at::ceil_div(end - block, panels), plan.depth_multiple);
    for (int64_t k = block; k < end; k += panel_depths) {
      const int64_t depths = smaller(panel_depths, end - k);
      const int64_t padded = at::round_up(depths, plan.depth_multiple);
      pack_panel(part(b, k, column), {depths, padded, count}, kStripColumns, panel);
      multiply_strip({rows, kStripColumns, padded}, a.data + k, a.stride, begun || k > block, panel, sums, next);
    }
    store_tile(sums, kStripColumns, plan.rows, count, false, rest);
  }
}

// Rows of B of a strip of the turned product: whole blocks of registers, whatever their height.
constexpr int64_t kTurnedColumns = 48;
// Lanes of the panel's vectors that may stay empty: where there are more, strips of B cost less than they.
constexpr int64_t kEmptyLanes = 4;

bool is_turned(const GemmPlan& plan) {
  return plan.a_in_place && at::round_up(plan.rows, kVectorColumns) - plan.rows <= kEmptyLanes;
}

// sums [count, width] = (add ? sums : 0) + b [count, depths] panel, while the rows of b that follow are on their way.
template <typename P>
void multiply_turned(const ProductShape& shape, const P* b, int64_t b_stride, bool add, const P* panel, float* sums) {
  constexpr auto kStepBytes = static_cast<int64_t>(sizeof(P)) * Products<P>::kStepDepths;
  // As many rows as go through the registers together.
  const int64_t rows = kSumRegisters / smaller(kMostVectors, shape.columns / kVectorColumns);
  const Ahead ahead{reinterpret_cast<const char*>(b + rows * b_stride), rows * kStepBytes};
  multiply_vectors<Products<P>>(shape, b, b_stride, add, panel, sums, shape.columns, ahead);
}

// The columns [begin, begin + count) of C.
template <typename P, typename Out>
void multiply_turned_strip(const GemmMatrix<P>& b, const P* panel, const GemmPlan& plan, int64_t begin, int64_t count,
                           const GemmResult<Out>& c) {
  FewRowsScratch& scratch = few_rows_scratch();
  const int64_t width = at::round_up(plan.rows, kVectorColumns);
  float* tile = scratch.tile.template resize<float>(plan.rows * kTurnedColumns);
  float* sums = scratch.sums.template resize<float>(kTurnedColumns * width);
  for (int64_t block = 0; block < plan.depth; block += plan.block_depth) {
    const int64_t depths = smaller(plan.block_depth, plan.depth - block);
    const GemmResult<Out> result = (block > 0 ? c.grown() : c).part(0, begin);
    const GemmResult<Out> rest = begin_sums<P>(result, plan.rows, count, tile, kTurnedColumns);
    const bool begun = rest.addend != result.addend;
    if (begun) transpose(tile, kTurnedColumns, plan.rows, count, sums, width);
    multiply_turned({count, width, depths}, b.data + begin * b.stride + block, b.stride, begun, panel + block * width,
                    sums);
    transpose(sums, width, count, plan.rows, tile, kTurnedColumns);
    store_tile(tile, kTurnedColumns, plan.rows, count, false, rest);
  }
}

template <typename P, typename Out>
void multiply_turned_all(const GemmMatrix<P>& a, const GemmMatrix<P>& b, const GemmPlan& plan,
                         const GemmResult<Out>& c) {
  const int64_t num_strips = at::ceil_div(plan.columns, kTurnedColumns);
  const int64_t grain = at::ceil_div(kThreadBytes, kTurnedColumns * b.stride * static_cast<int64_t>(sizeof(P)));
  at::parallel_for(0, num_strips, grain, [&](int64_t begin, int64_t end) {
    const int64_t width = at::round_up(plan.rows, kVectorColumns);
    P* panel = few_rows_scratch().panel.template resize<P>(plan.depth * width);
    pack_panel(GemmMatrix<P>{a.data, a.stride, true}, {plan.depth, plan.depth, plan.rows}, width, panel);
    for (int64_t strip = begin; strip < end; ++strip) {
      const int64_t column = strip * kTurnedColumns;
      multiply_turned_strip(b, panel, plan, column, smaller(kTurnedColumns, plan.columns - column), c);
    }
  });
}

}  // namespace

template <typename A, typename B, typename Out, typename Capability>
void CpuGemm<A, B, Out, Capability>::multiply_few_rows(const GemmMatrix<A>& a, const GemmMatrix<B>& b,
                                                       const GemmPlan& plan, const GemmResult<Out>& c) {
  using P = Packed<A, Capability>;
  if constexpr (std::is_same_v<P, A> && std::is_same_v<P, B> && kHasProducts<P>) {
    if (is_turned(plan)) return multiply_turned_all(a, b, plan, c);
  }
  const int64_t num_strips = at::ceil_div(plan.columns, kStripColumns);
  const int64_t row_bytes = b.stride * static_cast<int64_t>(sizeof(B));
  const int64_t grain = at::ceil_div(kThreadBytes, kStripColumns * row_bytes);
  const int64_t bytes_a_step = step_bytes<P>(plan, kStripColumns * row_bytes);
  at::parallel_for(0, num_strips, grain, [&](int64_t begin, int64_t end) {
    const MicroKernelScope<P> scope;
    const GemmMatrix<P> rows = operand<P>(a, plan, few_rows_scratch().a);
    for (int64_t strip = begin; strip < end; ++strip) {
      const int64_t column = strip * kStripColumns;
      const bool is_last = strip + 1 == end;
      const B* after = b.data + (is_last ? column : column + kStripColumns) * b.stride;
      multiply_strip_of(rows, b, plan, column, {reinterpret_cast<const char*>(after), is_last ? 0 : bytes_a_step}, c);
    }
  });
}

#define MMPO_INSTANTIATE(A, B, Out)                                                                               \
  template void CpuGemm<A, B, Out, CPU_CAPABILITY>::multiply_few_rows(const GemmMatrix<A>&, const GemmMatrix<B>&, \
                                                                      const GemmPlan&, const GemmResult<Out>&);
MMPO_INSTANTIATE(float, float, float)
MMPO_INSTANTIATE(float, c10::BFloat16, float)
MMPO_INSTANTIATE(c10::BFloat16, c10::BFloat16, float)
MMPO_INSTANTIATE(c10::BFloat16, c10::BFloat16, c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
