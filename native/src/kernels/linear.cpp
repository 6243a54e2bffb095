#include "kernels/linear.h"

#include <ATen/ops/sum.h>

#include "kernels/gemm.h"

namespace mmpo {

void linear(const Tensor& residual_TN, const Tensor& x_TK, const Tensor& weight_NK, const Tensor& bias_N,
            Workspace& workspace, Tensor& out_TN) {
  gemm(x_TK, weight_NK.t(), residual_TN, workspace, out_TN);
  if (bias_N.defined()) out_TN.add_(bias_N);
}

void linear_backward_input(const Tensor& grad_TN, const Tensor& weight_NK, Workspace& workspace, Tensor& grad_x_TK) {
  gemm(grad_TN, weight_NK, {}, workspace, grad_x_TK);
}

void linear_backward_weight(const Tensor& grad_TN, const Tensor& x_TK, Workspace& workspace, Tensor& grad_weight_NK,
                            Tensor& grad_bias_N, Into into) {
  if (grad_weight_NK.defined()) {
    gemm(grad_TN.t(), x_TK, into == Into::kSum ? grad_weight_NK : Tensor(), workspace, grad_weight_NK);
  }
  if (grad_bias_N.defined()) grad_bias_N.add_(at::sum(grad_TN, {0}, false, at::kFloat));
}

}  // namespace mmpo
