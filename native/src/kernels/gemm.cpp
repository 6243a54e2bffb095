#include "kernels/gemm.h"

#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>

#include "common/device.h"
#include "kernels/cpu/gemm_kernels.h"
#include "kernels/dispatch.h"

namespace mmpo {
namespace {

// Terms that are added in one go: as many as keep a panel of B in a core's own cache.
template <typename P>
constexpr int64_t kBlockDepth = std::is_same_v<P, float> ? 768 : 2048;
// An element that is packed costs about as much as so many products.
constexpr int64_t kPackCost = 128;
// Products that are worth a thread.
constexpr int64_t kThreadProducts = 1 << 20;
// Depth up to which a bfloat16 result is summed in one go.
constexpr int64_t kWholeDepths = 4096;

template <typename T>
GemmMatrix<T> matrix(const Tensor& x) {
  TORCH_CHECK(x.dim() == 2 && (x.stride(1) == 1 || x.stride(0) == 1),
              "gemm takes matrices with a stride of 1, got strides ", x.strides());
  const bool transposed = x.stride(1) != 1;
  return {x.const_data_ptr<T>(), x.stride(transposed ? 1 : 0), transposed};
}

// Cuts C for the threads there are, so that the largest part costs least.
void share_out(GemmPlan& plan) {
  const int64_t products = plan.rows * plan.columns * plan.depth;
  const int64_t threads = std::clamp<int64_t>(products / kThreadProducts, 1, at::get_num_threads());
  int64_t least = std::numeric_limits<int64_t>::max();
  for (int64_t row_parts = 1; row_parts <= threads; ++row_parts) {
    const int64_t part_rows = at::round_up(at::ceil_div(plan.rows, row_parts), kPartRowMultiple);
    const int64_t part_columns = at::round_up(at::ceil_div(plan.columns, threads / row_parts), kPartColumnMultiple);
    const int64_t cost = part_rows * part_columns + kPackCost * (part_columns + (plan.a_in_place ? 0 : part_rows));
    if (cost >= least) continue;
    least = cost;
    plan.part_rows = part_rows;
    plan.part_columns = part_columns;
    plan.row_parts = at::ceil_div(plan.rows, part_rows);
    plan.column_parts = at::ceil_div(plan.columns, part_columns);
  }
}

template <typename A, typename B, typename Out, typename Capability>
void blocked(const Tensor& a_MK, const Tensor& b_KN, const Tensor& addend_MN, Tensor& c_MN) {
  using P = Packed<A, Capability>;
  const GemmMatrix<A> a = matrix<A>(a_MK);
  const GemmMatrix<B> b = matrix<B>(b_KN);
  GemmPlan plan{};
  plan.rows = a_MK.size(0);
  plan.columns = b_KN.size(1);
  plan.depth = a_MK.size(1);
  const bool adds = addend_MN.defined();
  const GemmResult<Out> c{c_MN.mutable_data_ptr<Out>(), c_MN.stride(0),
                          adds ? addend_MN.const_data_ptr<Out>() : nullptr, adds ? addend_MN.stride(0) : 0};
  // Sums of bfloat16 results are not rounded between blocks: they are made in one, or in float32 by the caller below.
  const int64_t limit = std::is_same_v<Out, float> ? kBlockDepth<P> : plan.depth;
  plan.depth_multiple = MicroKernelShape<P, Capability>::kDepthMultiple;
  plan.block_depth = at::round_up(at::ceil_div(plan.depth, at::ceil_div(plan.depth, limit)), plan.depth_multiple);
  plan.a_in_place = std::is_same_v<P, A> && !a.transposed && plan.depth % plan.depth_multiple == 0;
  if (plan.rows <= kFewRows && !a.transposed && b.transposed) {
    return CpuGemm<A, B, Out, Capability>::multiply_few_rows(a, b, plan, c);
  }
  share_out(plan);
  CpuGemm<A, B, Out, Capability>::multiply(a, b, plan, c);
}

template <typename Capability>
void by_types(const Tensor& a_MK, const Tensor& b_KN, const Tensor& addend_MN, Workspace& workspace, Tensor& c_MN) {
  using at::BFloat16;
  if (a_MK.scalar_type() == at::kFloat && b_KN.scalar_type() == at::kFloat) {
    blocked<float, float, float, Capability>(a_MK, b_KN, addend_MN, c_MN);
  } else if (a_MK.scalar_type() == at::kFloat) {
    blocked<float, BFloat16, float, Capability>(a_MK, b_KN, addend_MN, c_MN);
  } else if (c_MN.scalar_type() == at::kFloat) {
    blocked<BFloat16, BFloat16, float, Capability>(a_MK, b_KN, addend_MN, c_MN);
  } else if (a_MK.size(1) <= kWholeDepths) {
    blocked<BFloat16, BFloat16, BFloat16, Capability>(a_MK, b_KN, addend_MN, c_MN);
  } else {
    const WorkspaceScope scope(workspace);
    Tensor sums_MN = workspace.allocate(c_MN.sizes(), at::kFloat);
    if (addend_MN.defined()) sums_MN.copy_(addend_MN);
    blocked<BFloat16, BFloat16, float, Capability>(a_MK, b_KN, addend_MN.defined() ? sums_MN : Tensor(), sums_MN);
    c_MN.copy_(sums_MN);
  }
}

// cuBLAS sums bfloat16 operands in float32, and in a split sum too where it is told to. A float32 result of theirs has forms
// of its own.
void on_gpu(const Tensor& a_MK, const Tensor& b_KN, const Tensor& addend_MN, Tensor& c_MN) {
  const bool widens = a_MK.scalar_type() != c_MN.scalar_type();
  if (addend_MN.defined() && widens) {
    at::addmm_out(c_MN, addend_MN, a_MK, b_KN, at::kFloat);
  } else if (addend_MN.defined()) {
    at::addmm_out(c_MN, addend_MN, a_MK, b_KN);
  } else if (widens) {
    at::mm_out(c_MN, a_MK, b_KN, at::kFloat);
  } else {
    at::mm_out(c_MN, a_MK, b_KN);
  }
}

void check_shapes(const Tensor& a_MK, const Tensor& b_KN, const Tensor& c_MN) {
  TORCH_CHECK(a_MK.size(1) == b_KN.size(0) && c_MN.size(0) == a_MK.size(0) && c_MN.size(1) == b_KN.size(1) &&
                  c_MN.stride(1) == 1,
              "gemm: ", a_MK.sizes(), " times ", b_KN.sizes(), " into ", c_MN.sizes());
}

}  // namespace

void scaled_gemm(const Tensor& a_MK, const Tensor& b_KN, double scale, Workspace& workspace, Tensor& c_MN) {
  if (!is_gpu(c_MN.device())) {
    gemm(a_MK, b_KN, {}, workspace, c_MN);
    c_MN.mul_(scale);
    return;
  }
  check_shapes(a_MK, b_KN, c_MN);
  // By 0 nothing is read of what is there.
  at::addmm_out(c_MN, c_MN, a_MK, b_KN, 0, scale);
}

void gemm(const Tensor& a_MK, const Tensor& b_KN, const Tensor& addend_MN, Workspace& workspace, Tensor& c_MN) {
  check_shapes(a_MK, b_KN, c_MN);
  TORCH_CHECK(!addend_MN.defined() || (addend_MN.sizes() == c_MN.sizes() && addend_MN.stride(1) == 1 &&
                                       addend_MN.scalar_type() == c_MN.scalar_type()),
              "gemm: the addend must be as the result is");
  if (is_gpu(c_MN.device())) return on_gpu(a_MK, b_KN, addend_MN, c_MN);
  with_cpu_capability(
      [&](auto capability) { by_types<typename decltype(capability)::type>(a_MK, b_KN, addend_MN, workspace, c_MN); });
}

}  // namespace mmpo
