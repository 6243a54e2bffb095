// Frozen weights in eight bits: e4m3 (a sign, four bits of exponent, three of mantissa; the largest number is 448) with a float32
// scale for each row, and products of linear layers with them. What a product reads beside the weight is rounded in the same way, a
// row (token) at a time, as it comes:
//   scale = max(max |x| / 448, the smallest normal float), q = x * (1 / scale) rounded to the nearest e4m3, ties to even.
// So out = (q_x q_w^T) scale_x scale_w. A GPU multiplies e4m3 itself (at::_scaled_mm, sums in float32); the CPU multiplies the same
// numbers in bfloat16, which holds every one of them, and sums in float32 too.
// Shapes: T rows, K inputs, N outputs of a linear layer. Activations are bfloat16.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "common/cuda_runtime.h"
#include "common/workspace.h"

namespace mmpo {

using at::Tensor;

// N and K of a product on a GPU are multiples of it.
inline constexpr int64_t kQuantizedMultiple = 16;

// Why this device has no products of e4m3; empty where it has.
std::string quantized_is_missing(at::Device device);
std::string quantized_is_missing(const GpuProperties& gpu);

// Rows of bfloat16 [T, K] to e4m3 [T, K] and float32 scales_T. factors_K, float32: what each column is multiplied by first; undefined: by 1.
// A row with a number that is not finite has NaN in its place, and a product with it is NaN.
void quantize_rows(const Tensor& x_TK, const Tensor& factors_K, Tensor& q_TK, Tensor& scales_T);

struct QuantizedMatrix {
  Tensor values_NK;  // e4m3
  Tensor scales_N;  // float32
};

// out = residual + x w^T + bias; both may be undefined, and out may be the residual. The product is rounded to bfloat16 before each sum.
void quantized_linear(const Tensor& residual_TN, const Tensor& x_TK, const QuantizedMatrix& weight,
                      const Tensor& bias_N, Workspace& workspace, Tensor& out_TN);

// grad_x = grad w, of the same numbers: w's scales, which lie along the sum, are multiplied into grad before its rows are
// rounded. ones: float32, K of them at least. On a GPU w is turned for it, in memory of the workspace.
void quantized_linear_backward_input(const Tensor& grad_TN, const QuantizedMatrix& weight, const Tensor& ones,
                                     Workspace& workspace, Tensor& grad_x_TK);

}  // namespace mmpo
