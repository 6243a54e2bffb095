#include "kernels/dropout_linear.h"

#include <algorithm>

#include "common/device.h"
#include "kernels/cuda_kernels.h"
#include "kernels/dispatch.h"
#include "kernels/gemm.h"
#include "kernels/tensor_rows.h"

namespace mmpo {
namespace {

// On the CPU what dropout leaves is made for so many rows at a time, for one product after the other while x is in the cache.
constexpr int64_t kRowsAtOnce = 512;

void check(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, const Tensor& low_TS) {
  TORCH_CHECK(masks.count >= 1 && masks.count <= kMostMasks && weight_SK.size(0) % masks.count == 0 &&
                  weight_SK.size(1) == x_TK.size(1) && low_TS.size(0) == x_TK.size(0) &&
                  low_TS.size(1) == weight_SK.size(0) && weight_SK.scalar_type() == x_TK.scalar_type() &&
                  low_TS.scalar_type() == x_TK.scalar_type(),
              "dropout_linear: ", masks.count, " products of ", x_TK.sizes(), ' ', x_TK.scalar_type(), " with ",
              weight_SK.sizes(), ' ', weight_SK.scalar_type(), " are not ", low_TS.sizes(), ' ', low_TS.scalar_type());
}

// Product p's part of rows (0) or columns (1).
Tensor part(const Tensor& x, int64_t dim, int64_t p, const DropoutMasks& masks) {
  const int64_t rank = x.size(dim) / masks.count;
  return x.narrow(dim, p * rank, rank);
}

// body(CpuKernels<T, capability>()) for x.
template <typename Body>
void with_cpu_kernels(const Tensor& x, const Body& body) {
  TORCH_CHECK(x.is_cpu(), "dropout apart from its product is the CPU's, got a tensor on ", x.device());
  with_cpu_capability([&]<typename Capability>(std::type_identity<Capability>) {
    with_type(x, [&]<typename T>(std::type_identity<T>) { body(CpuKernels<T, Capability>(), T()); });
  });
}

// body(first, count, p, stream): of product p, for rows [first, first + count).
template <typename Body>
void for_each_part(int64_t num_rows, const DropoutMasks& masks, const Body& body) {
  for (int64_t first = 0; first < num_rows; first += kRowsAtOnce) {
    for (int64_t p = 0; p < masks.count; ++p) {
      DropoutStream stream = masks.at[p];
      stream.first_row += first;
      body(first, std::min(kRowsAtOnce, num_rows - first), p, stream);
    }
  }
}

void forward_on_cpu(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, Workspace& workspace,
                    const Tensor& out_TS) {
  const Tensor memory = workspace.allocate({std::min(kRowsAtOnce, x_TK.size(0)), x_TK.size(1)}, x_TK.scalar_type());
  for_each_part(x_TK.size(0), masks, [&](int64_t first, int64_t count, int64_t p, const DropoutStream& stream) {
    Tensor kept = memory.narrow(0, 0, count);
    dropout(x_TK.narrow(0, first, count), stream, kept);
    Tensor out = part(out_TS, 1, p, masks).narrow(0, first, count);
    gemm(kept, part(weight_SK, 0, p, masks).t(), {}, workspace, out);
  });
}

void backward_on_cpu(const Tensor& grad_TS, const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks,
                     Workspace& workspace, const Tensor& grad_x_TK, const Tensor& grad_weight_SK) {
  const int64_t most_rows = std::min(kRowsAtOnce, x_TK.size(0));
  const Tensor kept_memory = workspace.allocate({most_rows, x_TK.size(1)}, x_TK.scalar_type());
  const Tensor grad_memory = workspace.allocate({most_rows, x_TK.size(1)}, at::kFloat);
  for_each_part(x_TK.size(0), masks, [&](int64_t first, int64_t count, int64_t p, const DropoutStream& stream) {
    Tensor kept = kept_memory.narrow(0, 0, count);
    Tensor grad_kept = grad_memory.narrow(0, 0, count);
    const Tensor grad = part(grad_TS, 1, p, masks).narrow(0, first, count);
    gemm(grad, part(weight_SK, 0, p, masks), {}, workspace, grad_kept);
    // The mask is made once for both: the gradient through it, and dropout of x again.
    with_cpu_kernels(x_TK, [&]<typename Kernels, typename T>(Kernels, T) {
      Kernels::dropout_backward(rows<const float>(grad_kept), rows<const T>(x_TK.narrow(0, first, count)), stream,
                                rows<T>(kept), rows<T>(grad_x_TK.narrow(0, first, count)));
    });
    Tensor grad_weight = part(grad_weight_SK, 0, p, masks);
    gemm(grad.t(), kept, grad_weight, workspace, grad_weight);
  });
}

// What the kernels keep partial sums in.
template <typename T>
Tensor scratch(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, Workspace& workspace) {
  const int64_t size =
      CudaDropoutLinear<T>::scratch_size(x_TK.size(0), x_TK.size(1), weight_SK.size(0) / masks.count, masks.count);
  return workspace.allocate({size}, at::kFloat);
}

}  // namespace

void dropout(const Tensor& x_TK, const DropoutStream& stream, Tensor& out_TK) {
  TORCH_CHECK(x_TK.sizes() == out_TK.sizes() && x_TK.scalar_type() == out_TK.scalar_type(), "dropout of ", x_TK.sizes(),
              ' ', x_TK.scalar_type(), " into ", out_TK.sizes(), ' ', out_TK.scalar_type());
  with_cpu_kernels(x_TK, [&]<typename Kernels, typename T>(Kernels, T) {
    Kernels::dropout(rows<const T>(x_TK), stream, rows<T>(out_TK));
  });
}

void dropout_linear(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, double scale,
                    Workspace& workspace, Tensor& out_TS) {
  check(x_TK, weight_SK, masks, out_TS);
  const WorkspaceScope scope(workspace);
  if (!is_gpu(x_TK.device())) {
    forward_on_cpu(x_TK, weight_SK, masks, workspace, out_TS);
    out_TS.mul_(scale);
    return;
  }
  with_type(x_TK, [&]<typename T>(std::type_identity<T>) {
    const Tensor sums = scratch<T>(x_TK, weight_SK, masks, workspace);
    CudaDropoutLinear<T>::forward(rows<const T>(x_TK), rows<const T>(weight_SK), masks, static_cast<float>(scale),
                                  sums.mutable_data_ptr<float>(), rows<T>(out_TS), cuda_stream());
  });
}

void dropout_linear_backward(const Tensor& grad_TS, const Tensor& x_TK, const Tensor& weight_SK,
                             const DropoutMasks& masks, Workspace& workspace, Tensor& grad_x_TK,
                             Tensor& grad_weight_SK) {
  check(x_TK, weight_SK, masks, grad_TS);
  TORCH_CHECK(grad_x_TK.sizes() == x_TK.sizes() && grad_x_TK.scalar_type() == x_TK.scalar_type() &&
                  grad_weight_SK.sizes() == weight_SK.sizes() && grad_weight_SK.scalar_type() == at::kFloat,
              "dropout_linear_backward: gradients ", grad_x_TK.sizes(), ' ', grad_x_TK.scalar_type(), " of ",
              x_TK.sizes(), " and ", grad_weight_SK.sizes(), ' ', grad_weight_SK.scalar_type(), " of ",
              weight_SK.sizes());
  const WorkspaceScope scope(workspace);
  if (!is_gpu(x_TK.device()))
    return backward_on_cpu(grad_TS, x_TK, weight_SK, masks, workspace, grad_x_TK, grad_weight_SK);
  with_type(x_TK, [&]<typename T>(std::type_identity<T>) {
    const Tensor sums = scratch<T>(x_TK, weight_SK, masks, workspace);
    CudaDropoutLinear<T>::backward(rows<const T>(grad_TS), rows<const T>(x_TK), rows<const T>(weight_SK), masks,
                                   sums.mutable_data_ptr<float>(), rows<T>(grad_x_TK), rows<float>(grad_weight_SK),
                                   cuda_stream());
  });
}

}  // namespace mmpo
