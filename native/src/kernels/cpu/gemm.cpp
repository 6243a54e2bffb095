#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/micro_kernel.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

struct GemmScratch {
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

// The matrix from an element on.
template <typename T>
GemmMatrix<T> part(const GemmMatrix<T>& x, int64_t row, int64_t column) {
  return {x.transposed ? x.data + column * x.stride + row : x.data + row * x.stride + column, x.stride, x.transposed};
}

template <typename P, typename T>
ARows<P> a_rows(const GemmMatrix<T>& a, const GemmBlock& block, int64_t row, int64_t count, Scratch& scratch) {
  if constexpr (std::is_same_v<P, T>) {
    if (!a.transposed && block.depths == block.padded_depths && count % kRowMultiple == 0)
      return {a.data + row * a.stride + block.depth, a.stride};
  }
  const int64_t rows = round_up(count, kRowMultiple);
  P* copy = scratch.resize<P>(rows * block.padded_depths);
  copy_rows(part(a, row, block.depth), {block.depths, block.padded_depths, count}, copy);
  std::memset(copy + count * block.padded_depths, 0,
              static_cast<size_t>((rows - count) * block.padded_depths) * sizeof(P));
  return {copy, block.padded_depths};
}

// A tile of the result goes straight to C where it is whole and float32, else by way of scratch.
bool writes_in_place(const float*, int64_t rows, int64_t columns) {
  return rows % kRowMultiple == 0 && columns == kPanelColumns;
}
bool writes_in_place(const c10::BFloat16*, int64_t, int64_t) { return false; }

template <typename Out>
void store_tile(const float* tile, int64_t rows, int64_t columns, bool add, Out* c, int64_t c_stride) {
  for (int64_t i = 0; i < rows; ++i) {
    Out* row = c + i * c_stride;
    const float* from = tile + i * kPanelColumns;
    const auto sum = [&](int64_t j, auto extent) {
      const Vec value = load(from + j, extent);
      return add ? load(row + j, extent) + value : value;
    };
    int64_t done = 0;
    for (; done + 2 * kLanes <= columns; done += 2 * kLanes) {
      store_two(row + done, sum(done, Whole{}), sum(done + kLanes, Whole{}));
    }
    for_each_vector(columns - done,
                    [&](int64_t j, auto extent) { store(row + done + j, sum(done + j, extent), extent); });
  }
}

// Tasks that a thread should at least get; work: of one task, in units of about a nanosecond.
int64_t grain_of(int64_t work) { return work >= 32768 ? 1 : (32768 + work) / (work + 1); }

float* as_float(float* c) { return c; }
float* as_float(c10::BFloat16*) { return nullptr; }

template <typename P, typename Out>
void multiply_panel(const ARows<P>& a, int64_t rows, const P* panel, const GemmBlock& block, int64_t columns, bool add,
                    Scratch& scratch, Out* c, int64_t c_stride) {
  const int64_t depths = block.padded_depths;
  for (int64_t i = 0; i < rows; i += block.tile_rows) {
    const int64_t count = smaller(block.tile_rows, rows - i);
    const P* from = a.data + i * a.stride;
    Out* tile = c + i * c_stride;
    if (writes_in_place(c, count, columns)) {
      multiply_tile({count, kPanelColumns, depths}, from, a.stride, add, panel, as_float(tile), c_stride);
    } else {
      float* sums = scratch.resize<float>(kMaxTileRows * kPanelColumns);
      multiply_tile({round_up(count, kRowMultiple), kPanelColumns, depths}, from, a.stride, false, panel, sums,
                    kPanelColumns);
      store_tile(sums, count, columns, add, tile, c_stride);
    }
  }
}

}  // namespace

template <typename T, typename Out, typename Capability>
void CpuGemm<T, Out, Capability>::pack(const GemmMatrix<T>& b, const GemmBlock& block, Packed<T, Capability>* panels) {
  const int64_t num_panels = round_up(block.columns, kPanelColumns) / kPanelColumns;
  const int64_t grain = grain_of(block.depths * kPanelColumns);
  at::parallel_for(0, num_panels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * kPanelColumns;
      pack_panel(part(b, block.depth, block.column + column),
                 {block.depths, block.padded_depths, smaller(kPanelColumns, block.columns - column)}, kPanelColumns,
                 panels + column * block.padded_depths);
    }
  });
}

template <typename T, typename Out, typename Capability>
void CpuGemm<T, Out, Capability>::multiply(const GemmMatrix<T>& a, const Packed<T, Capability>* panels,
                                           const GemmBlock& block, bool add, Out* c, int64_t c_stride) {
  using P = Packed<T, Capability>;
  const int64_t num_tiles = (block.rows + block.tile_rows - 1) / block.tile_rows;
  const int64_t num_panels = round_up(block.columns, kPanelColumns) / kPanelColumns;
  const int64_t grain = grain_of(block.tile_rows * block.depths * kPanelColumns / 32);
  // A unit is a tile of C. A thread's units are neighbours: whole rows of tiles, and parts of two.
  at::parallel_for(0, num_tiles * num_panels, grain, [&](int64_t begin, int64_t end) {
    const MicroKernelScope<P> scope;
    GemmScratch& scratch = gemm_scratch();
    for (int64_t unit = begin; unit < end;) {
      const int64_t first_panel = unit % num_panels;
      const int64_t last_panel = smaller(num_panels, first_panel + end - unit);
      const int64_t tiles = first_panel > 0 ? 1 : std::clamp<int64_t>((end - unit) / num_panels, 1, block.task_tiles);
      const int64_t row = unit / num_panels * block.tile_rows;
      const int64_t count = smaller(tiles * block.tile_rows, block.rows - row);
      const ARows<P> rows = a_rows<P>(a, block, row, count, scratch.a);
      for (int64_t panel = first_panel; panel < last_panel; ++panel) {
        const int64_t column = panel * kPanelColumns;
        multiply_panel(rows, count, panels + column * block.padded_depths, block,
                       smaller(kPanelColumns, block.columns - column), add, scratch.tile,
                       c + row * c_stride + block.column + column, c_stride);
      }
      unit += (tiles - 1) * num_panels + last_panel - first_panel;
    }
  });
}

template <typename T, typename Out, typename Capability>
void CpuGemm<T, Out, Capability>::dot(Rows<const T> a, Rows<const T> b, bool add, Out* c, int64_t c_stride) {
  at::parallel_for(0, b.count, grain_of(a.count * a.columns / 8), [&](int64_t begin, int64_t end) {
    for (int64_t column = begin; column < end; ++column) {
      for (int64_t row = 0; row < a.count; ++row) {
        Out& value = c[row * c_stride + column];
        const float sum = dot_row(a[row], b[column], a.columns);
        value = static_cast<Out>(add ? static_cast<float>(value) + sum : sum);
      }
    }
  });
}

template struct CpuGemm<float, float, CPU_CAPABILITY>;
template struct CpuGemm<c10::BFloat16, float, CPU_CAPABILITY>;
template struct CpuGemm<c10::BFloat16, c10::BFloat16, CPU_CAPABILITY>;

}  // namespace mmpo
