// LoRA's products with an input behind dropout. P of them read the same x, each through a mask of its own: its weight is r
// rows of weight_SK, its result r columns of out_TS. A mask is made where it is used and never stored (DropoutStream); on a
// GPU, neither is what it leaves of x (../../cuda/dropout_linear.cu).
//
// Shapes: T rows, K inputs, r outputs of a product, S = P r. x, weights and results are float32 or bfloat16, all of one type;
// sums are float32 and rounded once. Results are scaled where it is said; backward takes gradients that the caller has scaled.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/workspace.h"
#include "kernels/arguments.h"

namespace mmpo {

using at::Tensor;

// out = scale * dropout(x) weight^T. On a GPU sums are scaled before they are rounded; on the CPU what was rounded is.
void dropout_linear(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, double scale,
                    Workspace& workspace, Tensor& out_TS);

// grad_x += where x is kept, grad weight, product after product; grad_weight (float32) += grad^T dropout(x).
void dropout_linear_backward(const Tensor& grad_TS, const Tensor& x_TK, const Tensor& weight_SK,
                             const DropoutMasks& masks, Workspace& workspace, Tensor& grad_x_TK,
                             Tensor& grad_weight_SK);

// out = x where the stream keeps an element, 0 where it does not. On the CPU alone.
void dropout(const Tensor& x_TK, const DropoutStream& stream, Tensor& out_TK);

}  // namespace mmpo
