#include <ATen/native/CPUBlas.h>

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/cpu/row_math.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

// Rows of a product are rounded up to this, so that few micro-kernels are ever made: micro-batches differ in length, and
// each shape is compiled and kept by oneDNN.
constexpr int64_t kRowMultiple = 16;

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

void transpose(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
#if defined(CPU_CAPABILITY_AVX512)
  at::vec::transpose_mxn<float>(from, from_stride, to, to_stride, static_cast<int>(rows), static_cast<int>(columns));
#else
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_stride + i] = from[i * from_stride + j];
  }
#endif
}

void transpose(const c10::BFloat16* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
               int64_t to_stride) {
  constexpr int64_t kTile = 16;
  alignas(64) float tile[kTile * kTile];
  for (int64_t i = 0; i < rows; i += kTile) {
    const int64_t num_rows = smaller(kTile, rows - i);
    for (int64_t j = 0; j < columns; j += kTile) {
      const int64_t num_columns = smaller(kTile, columns - j);
      for (int64_t r = 0; r < num_rows; ++r)
        scale_row(from + (i + r) * from_stride + j, num_columns, 1.0F, tile + r * kTile);
      transpose(tile, kTile, num_rows, num_columns, to + j * to_stride + i, to_stride);
    }
  }
}

// Columns [column, column + count) of a panel's depths.
template <typename T>
void pack_panel(const GemmMatrix<T>& b, const GemmBlock& block, int64_t column, int64_t count, float* panel) {
  const int64_t first = block.column + column;
  if (b.transposed) {
    transpose(b.data + first * b.stride + block.depth, b.stride, count, block.depths, panel, kPanelColumns);
  }
  for (int64_t k = 0; k < block.depths; ++k) {
    float* row = panel + k * kPanelColumns;
    if (!b.transposed) scale_row(b.data + (block.depth + k) * b.stride + first, count, 1.0F, row);
    if (count < kPanelColumns) fill(row + count, kPanelColumns - count, 0.0F);
  }
  fill(panel + block.depths * kPanelColumns, (block.padded_depths - block.depths) * kPanelColumns, 0.0F);
}

struct GemmScratch {
  Scratch a;
  Scratch tile;
};

GemmScratch& gemm_scratch() {
  static thread_local GemmScratch scratch;
  return scratch;
}

// Rows of A that the micro-kernel can read: rows of the matrix itself, or a float32 copy.
struct ARows {
  const float* data;
  int64_t stride;
  int64_t rows;  // rounded up, zero past the last
};

const float* in_place(const GemmMatrix<float>& a, int64_t row, int64_t depth) {
  return a.transposed ? nullptr : a.data + row * a.stride + depth;
}
const float* in_place(const GemmMatrix<c10::BFloat16>&, int64_t, int64_t) { return nullptr; }

template <typename T>
ARows a_rows(const GemmMatrix<T>& a, const GemmBlock& block, int64_t row, int64_t count, Scratch& scratch) {
  const int64_t rows = round_up(count, kRowMultiple);
  if (const float* data = in_place(a, row, block.depth); data != nullptr && rows == count)
    return {data, a.stride, rows};
  const int64_t stride = block.padded_depths;
  float* copy = scratch.resize(kTaskRows * stride);
  if (a.transposed) {
    transpose(a.data + block.depth * a.stride + row, a.stride, block.depths, count, copy, stride);
  } else {
    for (int64_t i = 0; i < count; ++i) {
      scale_row(a.data + (row + i) * a.stride + block.depth, block.depths, 1.0F, copy + i * stride);
    }
  }
  for (int64_t i = 0; i < count; ++i) fill(copy + i * stride + block.depths, stride - block.depths, 0.0F);
  fill(copy + count * stride, (rows - count) * stride, 0.0F);
  return {copy, stride, rows};
}

void micro_kernel(const ARows& a, int64_t depths, bool add, const float* panel, float* c, int64_t c_stride) {
#if defined(CPU_CAPABILITY_AVX512)
  at::native::cpublas::brgemm(a.rows, kPanelColumns, depths, a.stride, kPanelColumns, c_stride, add, a.data, panel, c);
#else
  for (int64_t i = 0; i < a.rows; ++i) {
    float* row = c + i * c_stride;
    if (!add) fill(row, kPanelColumns, 0.0F);
    for (int64_t k = 0; k < depths; ++k)
      add_scaled(panel + k * kPanelColumns, kPanelColumns, a.data[i * a.stride + k], row);
  }
#endif
}

// A tile of the result goes straight to C where it is whole and float32, else by way of scratch.
bool writes_in_place(const float*, int64_t rows, int64_t padded_rows, int64_t columns) {
  return rows == padded_rows && columns == kPanelColumns;
}
bool writes_in_place(const c10::BFloat16*, int64_t, int64_t, int64_t) { return false; }

template <typename Out>
void store_tile(const float* tile, int64_t rows, int64_t columns, bool add, Out* c, int64_t c_stride) {
  for (int64_t i = 0; i < rows; ++i) {
    Out* row = c + i * c_stride;
    for_each_vector(columns, [&](int64_t j, auto extent) {
      const Vec value = load(tile + i * kPanelColumns + j, extent);
      store(row + j, add ? load(row + j, extent) + value : value, extent);
    });
  }
}

// Tasks that a thread should at least get; work: of one task, in units of about a nanosecond.
int64_t grain_of(int64_t work) { return work >= 32768 ? 1 : (32768 + work) / (work + 1); }

float* as_float(float* c) { return c; }
float* as_float(c10::BFloat16*) { return nullptr; }

}  // namespace

template <typename T, typename Out, typename Capability>
void CpuGemm<T, Out, Capability>::pack(const GemmMatrix<T>& b, const GemmBlock& block, float* panels) {
  const int64_t num_panels = round_up(block.columns, kPanelColumns) / kPanelColumns;
  const int64_t grain = grain_of(block.depths * kPanelColumns);
  at::parallel_for(0, num_panels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * kPanelColumns;
      pack_panel(b, block, column, smaller(kPanelColumns, block.columns - column),
                 panels + column * block.padded_depths);
    }
  });
}

template <typename T, typename Out, typename Capability>
void CpuGemm<T, Out, Capability>::multiply(const GemmMatrix<T>& a, const float* panels, const GemmBlock& block,
                                           bool add, Out* c, int64_t c_stride) {
  const int64_t row_tasks = round_up(block.rows, kTaskRows) / kTaskRows;
  const int64_t num_panels = round_up(block.columns, kPanelColumns) / kPanelColumns;
  // Few rows: the columns are shared out as well.
  const int64_t column_tasks = row_tasks >= 4 * at::get_num_threads() ? 1 : smaller(num_panels, at::get_num_threads());
  const int64_t grain = grain_of(kTaskRows * block.depths * block.columns / column_tasks / 32);
  at::parallel_for(0, row_tasks * column_tasks, grain, [&](int64_t begin, int64_t end) {
    GemmScratch& scratch = gemm_scratch();
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / column_tasks * kTaskRows;
      const int64_t part = task % column_tasks;
      const int64_t count = smaller(kTaskRows, block.rows - row);
      const ARows rows = a_rows(a, block, row, count, scratch.a);
      for (int64_t panel = num_panels * part / column_tasks; panel < num_panels * (part + 1) / column_tasks; ++panel) {
        const int64_t column = panel * kPanelColumns;
        const int64_t columns = smaller(kPanelColumns, block.columns - column);
        Out* tile = c + row * c_stride + block.column + column;
        const float* packed = panels + column * block.padded_depths;
        if (writes_in_place(c, count, rows.rows, columns)) {
          micro_kernel(rows, block.padded_depths, add, packed, as_float(tile), c_stride);
        } else {
          float* sums = scratch.tile.resize(kTaskRows * kPanelColumns);
          micro_kernel(rows, block.padded_depths, false, packed, sums, kPanelColumns);
          store_tile(sums, count, columns, add, tile, c_stride);
        }
      }
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
