#include "kernels/gemm.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "kernels/cpu/gemm_kernels.h"
#include "kernels/dispatch.h"

namespace mmpo {
namespace {

// A packed block of B is at most this deep and this wide: 4 MiB of float32, which stays in the last-level cache.
constexpr int64_t kBlockDepths = 1024;
constexpr int64_t kBlockColumns = 1024;
// A transposed A sums over tokens, of which every micro-batch has another number: smaller blocks, of padded depth, so that
// few micro-kernels are ever made.
constexpr int64_t kTokenDepths = 512;
constexpr int64_t kTokenMultiple = 64;
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

template <typename T, typename Out, typename Capability>
void blocked(const Tensor& a_MK, const Tensor& b_KN, Gemm mode, Workspace& workspace, Tensor& c_MN) {
  const WorkspaceScope scope(workspace);
  const int64_t depth = a_MK.size(1);
  const int64_t columns = b_KN.size(1);
  const GemmMatrix<T> a = matrix<T>(a_MK);
  const GemmMatrix<T> b = matrix<T>(b_KN);
  if (a_MK.size(0) <= kFewRows && !a.transposed && b.transposed) {
    CpuGemm<T, Out, Capability>::dot({a.data, a_MK.size(0), depth, a.stride}, {b.data, columns, depth, b.stride},
                                     mode == Gemm::kAccumulate, c_MN.mutable_data_ptr<Out>(), c_MN.stride(0));
    return;
  }
  // Sums of bfloat16 results are not rounded between blocks: they are made in one, or in float32 by the caller below.
  const int64_t depth_limit = std::is_same_v<Out, float> ? (a.transposed ? kTokenDepths : kBlockDepths) : depth;
  const int64_t widest = round_up(num_parts(columns, num_parts(columns, kBlockColumns)), kPanelColumns);
  const int64_t deepest = std::min(depth, depth_limit);
  const int64_t depth_multiple = a.transposed ? kTokenMultiple : 1;
  const Tensor panels = workspace.allocate({widest * round_up(deepest, depth_multiple)}, at::kFloat);
  float* packed = panels.mutable_data_ptr<float>();
  for (int64_t k = 0; k < depth; k += deepest) {
    for (int64_t n = 0; n < columns; n += widest) {
      const int64_t depths = std::min(deepest, depth - k);
      const GemmBlock block{
          a_MK.size(0), n, std::min(widest, columns - n), k, depths, round_up(depths, depth_multiple)};
      CpuGemm<T, Out, Capability>::pack(b, block, packed);
      CpuGemm<T, Out, Capability>::multiply(a, packed, block, k > 0 || mode == Gemm::kAccumulate,
                                            c_MN.mutable_data_ptr<Out>(), c_MN.stride(0));
    }
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
  if (cpu_capability() != CpuCapability::kAvx512) {
    by_aten(a_MK, b_KN, mode, c_MN);
    return;
  }
  if (a_MK.scalar_type() == at::kFloat) {
    blocked<float, float, AVX512>(a_MK, b_KN, mode, workspace, c_MN);
  } else if (c_MN.scalar_type() == at::kFloat) {
    blocked<at::BFloat16, float, AVX512>(a_MK, b_KN, mode, workspace, c_MN);
  } else if (a_MK.size(1) <= 4 * kBlockDepths) {
    blocked<at::BFloat16, at::BFloat16, AVX512>(a_MK, b_KN, mode, workspace, c_MN);
  } else {
    const WorkspaceScope scope(workspace);
    Tensor sums_MN = workspace.allocate(c_MN.sizes(), at::kFloat);
    if (mode == Gemm::kAccumulate) sums_MN.copy_(c_MN);
    blocked<at::BFloat16, float, AVX512>(a_MK, b_KN, mode, workspace, sums_MN);
    c_MN.copy_(sums_MN);
  }
}

}  // namespace mmpo
