#include "model/linear.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

namespace mmpo {

void linear(const Tensor& x_TK, const Tensor& weight_NK, const Tensor& bias_N, Tensor& out_TN) {
  if (bias_N.defined()) {
    at::addmm_out(out_TN, bias_N, x_TK, weight_NK.t());
  } else {
    at::mm_out(out_TN, x_TK, weight_NK.t());
  }
}

void linear_residual(const Tensor& residual_TN, const Tensor& x_TK, const Tensor& weight_NK, const Tensor& bias_N,
                     Tensor& out_TN) {
  at::addmm_out(out_TN, residual_TN, x_TK, weight_NK.t());
  if (bias_N.defined()) out_TN.add_(bias_N);
}

void linear_backward_input(const Tensor& grad_TN, const Tensor& weight_NK, Tensor& grad_x_TK) {
  at::mm_out(grad_x_TK, grad_TN, weight_NK);
}

void linear_backward_weight(const Tensor& grad_TN, const Tensor& x_TK, Tensor& grad_weight_NK, Tensor& grad_bias_N) {
  if (grad_TN.scalar_type() == at::kFloat) {
    at::addmm_out(grad_weight_NK, grad_weight_NK, grad_TN.t(), x_TK);
  } else {
    grad_weight_NK.add_(at::mm(grad_TN.t(), x_TK));
  }
  if (grad_bias_N.defined()) grad_bias_N.add_(at::sum(grad_TN, {0}, false, at::kFloat));
}

}  // namespace mmpo
