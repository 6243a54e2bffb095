#include "kernels/gemm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/dispatch.h"

namespace mmpo {
namespace {

// A packed block of B is at most this deep, in bytes of a column, and this wide: 8 MiB, which stays in the last-level cache.
constexpr int64_t kBlockDepthBytes = 4096;
constexpr int64_t kBlockColumns = 2048;
// A transposed A sums over tokens, of which every micro-batch has another number: depths are padded, so that few
// micro-kernels are ever made.
constexpr int64_t kTokenMultiple = 64;
// Rows of A that are multiplied together: their depths stay in a core's own cache while the panels of B pass by.
constexpr int64_t kTaskBytes = 512 << 10;
// Depth up to which a bfloat16 result is summed in one go.
constexpr int64_t kWholeDepths = 4096;
// Up to this many rows (cached decoding) the product reads B where it is.
constexpr int64_t kFewRows = 8;

template <typename T>
GemmMatrix<T> matrix(const Tensor& x) {
  TORCH_CHECK(x.dim() == 2 && (x.stride(1) == 1 || x.stride(0) == 1),
              "gemm takes matrices with a stride of 1, got strides ", x.strides());
  const bool transposed = x.stride(1) != 1;
  return {x.const_data_ptr<T>(), x.stride(transposed ? 1 : 0), transposed};
}

// Parts of nearly equal size.
int64_t num_parts(int64_t count, int64_t largest) { return (count + largest - 1) / largest; }

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Rows of a tile: as many as there may be, but so that the last one is not much smaller than the others.
int64_t tile_rows(int64_t rows) {
  const auto even = [rows](int64_t tiles) { return round_up(num_parts(rows, tiles), kRowMultiple); };
  int64_t best = even(num_parts(rows, kMaxTileRows));
  for (int64_t tiles = num_parts(rows, best) + 1; tiles <= num_parts(rows, best) + 2; ++tiles) {
    const int64_t tile = even(tiles);
    if (num_parts(rows, tile) * tile < num_parts(rows, best) * best && 2 * tile >= kMaxTileRows) best = tile;
  }
  return best;
}

template <typename T, typename Out, typename Capability>
void blocked(const Tensor& a_MK, const Tensor& b_KN, Gemm mode, Workspace& workspace, Tensor& c_MN) {
  using P = Packed<T, Capability>;
  const WorkspaceScope scope(workspace);
  const int64_t rows = a_MK.size(0);
  const int64_t depth = a_MK.size(1);
  const int64_t columns = b_KN.size(1);
  const GemmMatrix<T> a = matrix<T>(a_MK);
  const GemmMatrix<T> b = matrix<T>(b_KN);
  if (rows <= kFewRows && !a.transposed && b.transposed) {
    CpuGemm<T, Out, Capability>::dot({a.data, rows, depth, a.stride}, {b.data, columns, depth, b.stride},
                                     mode == Gemm::kAccumulate, c_MN.mutable_data_ptr<Out>(), c_MN.stride(0));
    return;
  }
  constexpr auto kElement = static_cast<int64_t>(sizeof(P));
  constexpr int64_t kUnit = static_cast<int64_t>(sizeof(float)) / kElement;
  // Sums of bfloat16 results are not rounded between blocks: they are made in one, or in float32 by the caller below.
  const int64_t depth_limit = std::is_same_v<Out, float> ? kBlockDepthBytes / kElement : depth;
  const int64_t widest = round_up(num_parts(columns, num_parts(columns, kBlockColumns)), kPanelColumns);
  const int64_t depth_multiple = a.transposed ? kTokenMultiple : kUnit;
  const int64_t deepest = round_up(num_parts(depth, num_parts(depth, depth_limit)), depth_multiple);
  const Tensor panels = workspace.allocate({widest * deepest}, c10::CppTypeToScalarType<P>::value);
  P* packed = panels.mutable_data_ptr<P>();
  const int64_t tile = tile_rows(rows);
  const int64_t task_tiles = std::max<int64_t>(1, kTaskBytes / (deepest * kElement * tile));
  for (int64_t k = 0; k < depth; k += deepest) {
    for (int64_t n = 0; n < columns; n += widest) {
      const int64_t depths = std::min(deepest, depth - k);
      const GemmBlock block{.rows = rows,
                            .column = n,
                            .columns = std::min(widest, columns - n),
                            .depth = k,
                            .depths = depths,
                            .padded_depths = round_up(depths, depth_multiple),
                            .tile_rows = tile,
                            .task_tiles = task_tiles};
      CpuGemm<T, Out, Capability>::pack(b, block, packed);
      CpuGemm<T, Out, Capability>::multiply(a, packed, block, k > 0 || mode == Gemm::kAccumulate,
                                            c_MN.mutable_data_ptr<Out>(), c_MN.stride(0));
    }
  }
}

template <typename Capability>
void by_types(const Tensor& a_MK, const Tensor& b_KN, Gemm mode, Workspace& workspace, Tensor& c_MN) {
  if (a_MK.scalar_type() == at::kFloat) {
    blocked<float, float, Capability>(a_MK, b_KN, mode, workspace, c_MN);
  } else if (c_MN.scalar_type() == at::kFloat) {
    blocked<at::BFloat16, float, Capability>(a_MK, b_KN, mode, workspace, c_MN);
  } else if (a_MK.size(1) <= kWholeDepths) {
    blocked<at::BFloat16, at::BFloat16, Capability>(a_MK, b_KN, mode, workspace, c_MN);
  } else {
    const WorkspaceScope scope(workspace);
    Tensor sums_MN = workspace.allocate(c_MN.sizes(), at::kFloat);
    if (mode == Gemm::kAccumulate) sums_MN.copy_(c_MN);
    blocked<at::BFloat16, float, Capability>(a_MK, b_KN, mode, workspace, sums_MN);
    c_MN.copy_(sums_MN);
  }
}

void by_aten(const Tensor& a_MK, const Tensor& b_KN, Gemm mode, Tensor& c_MN) {
  const auto type = c_MN.scalar_type();
  if (mode == Gemm::kAccumulate) {
    at::addmm_out(c_MN, c_MN, a_MK.to(type), b_KN.to(type));
  } else {
    at::mm_out(c_MN, a_MK.to(type), b_KN.to(type));
  }
}

}  // namespace

void gemm(const Tensor& a_MK, const Tensor& b_KN, Gemm mode, Workspace& workspace, Tensor& c_MN) {
  TORCH_CHECK(a_MK.size(1) == b_KN.size(0) && c_MN.size(0) == a_MK.size(0) && c_MN.size(1) == b_KN.size(1) &&
                  c_MN.stride(1) == 1,
              "gemm: ", a_MK.sizes(), " times ", b_KN.sizes(), " into ", c_MN.sizes());
  switch (cpu_capability()) {
    case CpuCapability::kAmx:
      return by_types<AMX>(a_MK, b_KN, mode, workspace, c_MN);
    case CpuCapability::kAvx512:
      return by_types<AVX512>(a_MK, b_KN, mode, workspace, c_MN);
    default:
      return by_aten(a_MK, b_KN, mode, c_MN);
  }
}

}  // namespace mmpo
