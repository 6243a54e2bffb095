#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tiles.h"
#include "kernels/cpu/micro_kernel.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

// What a thread keeps of its operands while they pass by each other: panels of B, and rows of A. Both stay in its core's own
// cache where A is read in place. A copied A is the dearer of the two: then more of B is packed at a time.
constexpr int64_t kPanelBytes = 1 << 20;
constexpr int64_t kPanelBytesOfCopies = 4 << 20;
constexpr int64_t kRowBytes = 256 << 10;
constexpr int64_t kRowBytesOfCopies = 512 << 10;

template <typename P>
constexpr int64_t kPanelColumns = MicroKernel<P>::kPanelColumns;
// Columns of a panel are rounded up to it.
template <typename P>
constexpr int64_t kWidthMultiple = std::min(kPanelColumns<P>, kPartColumnMultiple);

// A result of more than this is written past the caches: it would leave them before it is read, and a line that is written there
// is read first.
constexpr int64_t kStreamBytes = 512 << 10;

struct GemmScratch {
  Scratch panels;
  Scratch a;
  Scratch tile;
};

GemmScratch& gemm_scratch() {
  static thread_local GemmScratch scratch;
  return scratch;
}

// Rows of A that the micro-kernel can read: rows of the matrix itself, or a copy.
template <typename P>
struct ARows {
  const P* data;
  int64_t stride;
};

// A part of C, and of the sum that it is: half-open ranges.
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

// Range number i of those that are as long as `length`, but for the last.
Range range(int64_t i, int64_t length, int64_t total) {
  return {smaller(total, i * length), smaller(total, (i + 1) * length)};
}

template <typename P, typename T>
ARows<P> a_rows(const GemmMatrix<T>& a, const GemmPlan& plan, Range rows, Range depths, Scratch& scratch) {
  if constexpr (std::is_same_v<P, T>) {
    if (plan.a_in_place && rows.size() % MicroKernel<P>::kRowMultiple == 0)
      return {a.data + rows.begin * a.stride + depths.begin, a.stride};
  }
  const int64_t padded_rows = at::round_up(rows.size(), MicroKernel<P>::kRowMultiple);
  const int64_t padded_depths = at::round_up(depths.size(), plan.depth_multiple);
  P* copy = scratch.resize<P>(padded_rows * padded_depths);
  copy_rows(part(a, rows.begin, depths.begin), {depths.size(), padded_depths, rows.size()}, copy);
  std::memset(copy + rows.size() * padded_depths, 0,
              static_cast<size_t>((padded_rows - rows.size()) * padded_depths) * sizeof(P));
  return {copy, padded_depths};
}

// A tile of the result goes straight to C where it is whole, float32, and in C already or nowhere, else by way of scratch.
template <typename P>
bool writes_in_place(const GemmResult<float>& c, int64_t rows, int64_t columns, bool stream) {
  return rows % MicroKernel<P>::kRowMultiple == 0 && columns % kWidthMultiple<P> == 0 &&
         (c.addend == nullptr ? !stream : c.addend == c.data);
}
template <typename P>
bool writes_in_place(const GemmResult<c10::BFloat16>&, int64_t, int64_t, bool) {
  return false;
}

float* as_float(float* c) { return c; }
float* as_float(c10::BFloat16*) { return nullptr; }

// The lines of a tile: they arrive while it is multiplied.
template <typename Out>
void prefetch_tile(const Out* tile, int64_t stride, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += 64 / static_cast<int64_t>(sizeof(Out)))
      __builtin_prefetch(tile + i * stride + j, 1);
  }
}

// c [rows, columns] = its addend + a times the panel, a tile of rows after the other.
template <typename P, typename Out>
void multiply_panel(const ARows<P>& a, int64_t rows, const P* panel, int64_t columns, int64_t depths, bool stream,
                    Scratch& scratch, const GemmResult<Out>& c) {
  constexpr int64_t kTileRows = MicroKernel<P>::kTileRows;
  const int64_t width = at::round_up(columns, kWidthMultiple<P>);
  for (int64_t i = 0; i < rows; i += kTileRows) {
    const int64_t count = smaller(kTileRows, rows - i);
    const P* from = a.data + i * a.stride;
    const GemmResult<Out> tile = c.part(i, 0);
    if (tile.addend != nullptr) {
      prefetch_tile(tile.addend, tile.addend_stride, count, columns);
    } else if (!stream) {
      prefetch_tile(tile.data, tile.stride, count, columns);
    }
    if (writes_in_place<P>(tile, count, columns, stream)) {
      multiply_tile({count, width, depths}, from, a.stride, tile.addend != nullptr, panel, as_float(tile.data),
                    tile.stride);
    } else {
      float* sums = scratch.resize<float>(kTileRows * kPanelColumns<P>);
      const GemmResult<Out> rest = begin_sums<P>(tile, count, columns, sums, width);
      const bool begun = rest.addend != tile.addend;
      const int64_t padded_rows = at::round_up(count, MicroKernel<P>::kRowMultiple);
      multiply_tile({padded_rows, width, depths}, from, a.stride, begun, panel, sums, width);
      store_tile(sums, width, count, columns, stream, rest);
    }
  }
}

// Panels [padded_depths][width] of B, one after the other; the last is as wide as it must be.
template <typename P, typename T>
void pack_panels(const GemmMatrix<T>& b, Range columns, Range depths, int64_t padded_depths, P* panels) {
  for (int64_t column = columns.begin; column < columns.end; column += kPanelColumns<P>) {
    const int64_t count = smaller(kPanelColumns<P>, columns.end - column);
    pack_panel(part(b, depths.begin, column), {depths.size(), padded_depths, count},
               at::round_up(count, kWidthMultiple<P>), panels + (column - columns.begin) * padded_depths);
  }
}

template <typename P, typename A, typename B, typename Out>
void multiply_part(const GemmMatrix<A>& a, const GemmMatrix<B>& b, const GemmPlan& plan, Range rows, Range columns,
                   const GemmResult<Out>& c) {
  constexpr int64_t kTileRows = MicroKernel<P>::kTileRows;
  GemmScratch& scratch = gemm_scratch();
  const bool large = plan.rows * plan.columns * static_cast<int64_t>(sizeof(Out)) > kStreamBytes;
  for (int64_t k = 0; k < plan.depth; k += plan.block_depth) {
    const Range depths{k, smaller(k + plan.block_depth, plan.depth)};
    const int64_t padded = at::round_up(depths.size(), plan.depth_multiple);
    const int64_t depth_bytes = padded * static_cast<int64_t>(sizeof(P));
    const int64_t panel_bytes = plan.a_in_place ? kPanelBytes : kPanelBytesOfCopies;
    const int64_t row_bytes = plan.a_in_place ? kRowBytes : kRowBytesOfCopies;
    const GemmResult<Out> result = k > 0 ? c.grown() : c;
    const bool stream = large && depths.end == plan.depth && result.addend != result.data;
    const int64_t group = kPanelColumns<P> * std::max<int64_t>(1, panel_bytes / (depth_bytes * kPanelColumns<P>));
    const int64_t chunk = kTileRows * std::max<int64_t>(1, row_bytes / (depth_bytes * kTileRows));
    for (int64_t n = columns.begin; n < columns.end; n += group) {
      const Range packed{n, smaller(n + group, columns.end)};
      P* panels = scratch.panels.template resize<P>(at::round_up(packed.size(), kWidthMultiple<P>) * padded);
      pack_panels(b, packed, depths, padded, panels);
      for (int64_t i = rows.begin; i < rows.end;) {
        Range few{i, smaller(i + chunk, rows.end)};
        // Rows that do not fill a tile of the matrix units are copied, and only they.
        constexpr int64_t kMultiple = MicroKernel<P>::kRowMultiple;
        if (few.size() > kMultiple) few.end -= few.size() % kMultiple;
        const ARows<P> from = a_rows<P>(a, plan, few, depths, scratch.a);
        for (int64_t column = packed.begin; column < packed.end; column += kPanelColumns<P>) {
          multiply_panel(from, few.size(), panels + (column - packed.begin) * padded,
                         smaller(kPanelColumns<P>, packed.end - column), padded, stream, scratch.tile,
                         result.part(i, column));
        }
        i = few.end;
      }
    }
  }
  stream_fence();
}

}  // namespace

template <typename A, typename B, typename Out, typename Capability>
void CpuGemm<A, B, Out, Capability>::multiply(const GemmMatrix<A>& a, const GemmMatrix<B>& b, const GemmPlan& plan,
                                              const GemmResult<Out>& c) {
  using P = Packed<A, Capability>;
  at::parallel_for(0, plan.row_parts * plan.column_parts, 1, [&](int64_t begin, int64_t end) {
    const MicroKernelScope<P> scope;
    for (int64_t task = begin; task < end; ++task) {
      multiply_part<P>(a, b, plan, range(task / plan.column_parts, plan.part_rows, plan.rows),
                       range(task % plan.column_parts, plan.part_columns, plan.columns), c);
    }
  });
}

template struct CpuGemm<float, float, float, CPU_CAPABILITY>;
template struct CpuGemm<float, c10::BFloat16, float, CPU_CAPABILITY>;
template struct CpuGemm<c10::BFloat16, c10::BFloat16, float, CPU_CAPABILITY>;
template struct CpuGemm<c10::BFloat16, c10::BFloat16, c10::BFloat16, CPU_CAPABILITY>;

}  // namespace mmpo
