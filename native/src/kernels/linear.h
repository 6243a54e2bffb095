// Matrix products of a linear layer: the one place that calls them.
// Shapes: T rows, K inputs, N outputs. Activations and weights have one dtype; gradients of parameters are float32.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/workspace.h"
#include "kernels/arguments.h"

namespace mmpo {

using at::Tensor;

// out = residual + x w^T + bias; residual and bias may be undefined, and out may be the residual.
void linear(const Tensor& residual_TN, const Tensor& x_TK, const Tensor& weight_NK, const Tensor& bias_N,
            Workspace& workspace, Tensor& out_TN);

// grad_x = grad w.
void linear_backward_input(const Tensor& grad_TN, const Tensor& weight_NK, Workspace& workspace, Tensor& grad_x_TK);

// grad_weight = grad^T x, or added to it; grad_bias += column sums of grad; one that is undefined (no bias, a frozen weight) is
// left out.
void linear_backward_weight(const Tensor& grad_TN, const Tensor& x_TK, Workspace& workspace, Tensor& grad_weight_NK,
                            Tensor& grad_bias_N, Into into = Into::kSum);

}  // namespace mmpo
