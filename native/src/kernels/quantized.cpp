#include "kernels/quantized.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_scaled_mm.h>
#include <ATen/ops/add.h>
#include <c10/util/Float8_e4m3fn.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "common/device.h"
#include "kernels/cuda_kernels.h"
#include "kernels/gemm.h"
#include "kernels/tensor_rows.h"

namespace mmpo {
namespace {

// Rows of about so many elements are worth a thread.
constexpr int64_t kGrain = int64_t{1} << 14;

int64_t rows_a_thread(int64_t columns) { return std::max<int64_t>(1, kGrain / columns); }

template <typename T>
Rows<T> byte_rows(const Tensor& q_TK) {
  TORCH_CHECK(q_TK.dim() == 2 && q_TK.scalar_type() == at::kFloat8_e4m3fn && q_TK.stride(1) == 1,
              "quantized rows are e4m3 and contiguous, got ", q_TK.scalar_type(), " with strides ", q_TK.strides());
  return {static_cast<T*>(q_TK.data_ptr()), q_TK.size(0), q_TK.size(1), q_TK.stride(0)};
}

const float* vector(const Tensor& x, int64_t count) {
  TORCH_CHECK(x.dim() == 1 && x.size(0) >= count && x.is_contiguous() && x.scalar_type() == at::kFloat,
              "a contiguous vector of ", count, " floats is needed, got ", x.sizes());
  return x.const_data_ptr<float>();
}

void quantize_on_cpu(Rows<const c10::BFloat16> x, const float* factors, Rows<uint8_t> q, float* scales) {
  at::parallel_for(0, x.count, rows_a_thread(x.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const c10::BFloat16* values = x[row];
      const auto value = [&](int64_t i) { return factors == nullptr ? float{values[i]} : values[i] * factors[i]; };
      float largest = 0;
      for (int64_t i = 0; i < x.columns; ++i) {
        const float magnitude = std::abs(value(i));
        largest = magnitude > largest ? magnitude : largest;  // NaN is passed over
      }
      const float scale = std::max(largest / kLargestE4m3, std::numeric_limits<float>::min());
      const float inverse = 1.0f / scale;
      scales[row] = scale;
      for (int64_t i = 0; i < x.columns; ++i) q[row][i] = c10::Float8_e4m3fn(value(i) * inverse).x;
    }
  });
}

// Every e4m3 number as bfloat16.
const std::array<c10::BFloat16, 256>& decoded() {
  static const std::array<c10::BFloat16, 256> values = [] {
    std::array<c10::BFloat16, 256> all;
    for (size_t i = 0; i < all.size(); ++i) {
      all[i] = static_cast<float>(c10::Float8_e4m3fn(static_cast<uint8_t>(i), c10::Float8_e4m3fn::from_bits()));
    }
    return all;
  }();
  return values;
}

Tensor decode(const Tensor& q_TK, Workspace& workspace) {
  Tensor out_TK = workspace.allocate(q_TK.sizes(), at::kBFloat16);
  const auto from = byte_rows<const uint8_t>(q_TK);
  const auto to = rows<c10::BFloat16>(out_TK);
  at::parallel_for(0, from.count, rows_a_thread(from.columns), [&](int64_t begin, int64_t end) {
    const auto& values = decoded();
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t i = 0; i < from.columns; ++i) to[row][i] = values[from[row][i]];
    }
  });
  return out_TK;
}

struct QuantizedRows {
  Tensor values_TK, scales_T;

  QuantizedRows(const Tensor& x_TK, const Tensor& factors_K, Workspace& workspace)
      : values_TK(workspace.allocate(x_TK.sizes(), at::kFloat8_e4m3fn)),
        scales_T(workspace.allocate({x_TK.size(0)}, at::kFloat)) {
    quantize_rows(x_TK, factors_K, values_TK, scales_T);
  }
};

// out = (x b) with the scales of x's rows and of b's columns (undefined: 1), rounded to bfloat16. b: bfloat16 here.
void multiply_on_cpu(const QuantizedRows& x, const Tensor& b_KN, const Tensor& scales_N, Workspace& workspace,
                     Tensor& out_TN) {
  Tensor sums_TN = workspace.allocate(out_TN.sizes(), at::kFloat);
  gemm(decode(x.values_TK, workspace), b_KN, {}, workspace, sums_TN);
  sums_TN.mul_(x.scales_T.unsqueeze(1));
  if (scales_N.defined()) sums_TN.mul_(scales_N);
  out_TN.copy_(sums_TN);
}

// b_NK: its transpose is multiplied by, as the GPU's matrix units want it.
void multiply_on_gpu(const QuantizedRows& x, const Tensor& b_NK, const Tensor& scales_N, Tensor& out_TN) {
  // Sums are float32 from end to end, not in the fewer bits of the faster way.
  constexpr bool kFewerBits = false;
  at::_scaled_mm_out(out_TN, x.values_TK, b_NK.t(), x.scales_T.unsqueeze(1), scales_N.unsqueeze(0), {}, {},
                     at::kBFloat16, kFewerBits);
}

Tensor turned(const Tensor& values_NK, Workspace& workspace) {
  Tensor out_KN = workspace.allocate({values_NK.size(1), values_NK.size(0)}, at::kFloat8_e4m3fn);
  TORCH_CHECK(values_NK.is_contiguous(), "a weight in e4m3 is contiguous");
  CudaQuantized<>::transpose(byte_rows<const uint8_t>(values_NK), byte_rows<uint8_t>(out_KN), cuda_stream());
  return out_KN;
}

}  // namespace

std::string quantized_is_missing(const GpuProperties& gpu) {
  if (gpu.major > 8 || (gpu.major == 8 && gpu.minor >= 9)) return "";
  return "products in fp8 need a GPU of compute capability 8.9 or more (Ada, Hopper and later), and " + gpu.name +
         " has " + std::to_string(gpu.major) + "." + std::to_string(gpu.minor);
}

std::string quantized_is_missing(at::Device device) {
  return device.is_cpu() ? "" : quantized_is_missing(gpu_properties(device.index()));
}

void quantize_rows(const Tensor& x_TK, const Tensor& factors_K, Tensor& q_TK, Tensor& scales_T) {
  TORCH_CHECK(x_TK.sizes() == q_TK.sizes() && x_TK.scalar_type() == at::kBFloat16,
              "quantize_rows takes bfloat16 rows to as many, got ", x_TK.scalar_type(), " ", x_TK.sizes(), " and ",
              q_TK.sizes());
  const auto x = rows<const c10::BFloat16>(x_TK);
  const float* factors = factors_K.defined() ? vector(factors_K, x.columns) : nullptr;
  vector(scales_T, x.count);
  float* scales = scales_T.mutable_data_ptr<float>();
  if (is_gpu(x_TK.device())) {
    CudaQuantized<>::quantize(x, factors, byte_rows<uint8_t>(q_TK), scales, cuda_stream());
  } else {
    quantize_on_cpu(x, factors, byte_rows<uint8_t>(q_TK), scales);
  }
}

void quantized_linear(const Tensor& residual_TN, const Tensor& x_TK, const QuantizedMatrix& weight,
                      const Tensor& bias_N, Workspace& workspace, Tensor& out_TN) {
  if (x_TK.size(0) == 0) return;
  const WorkspaceScope scope(workspace);
  const bool replaces = residual_TN.defined() && residual_TN.const_data_ptr() == out_TN.const_data_ptr();
  Tensor product_TN = replaces ? workspace.allocate(out_TN.sizes(), at::kBFloat16) : out_TN;
  {
    const WorkspaceScope of_product(workspace);
    const QuantizedRows x(x_TK, {}, workspace);
    if (is_gpu(out_TN.device())) {
      multiply_on_gpu(x, weight.values_NK, weight.scales_N, product_TN);
    } else {
      multiply_on_cpu(x, decode(weight.values_NK, workspace).t(), weight.scales_N, workspace, product_TN);
    }
  }
  if (residual_TN.defined()) at::add_out(out_TN, residual_TN, product_TN);
  if (bias_N.defined()) out_TN.add_(bias_N);
}

void quantized_linear_backward_input(const Tensor& grad_TN, const QuantizedMatrix& weight, const Tensor& ones,
                                     Workspace& workspace, Tensor& grad_x_TK) {
  if (grad_TN.size(0) == 0) return;
  const WorkspaceScope scope(workspace);
  const QuantizedRows grad(grad_TN, weight.scales_N, workspace);
  if (is_gpu(grad_x_TK.device())) {
    multiply_on_gpu(grad, turned(weight.values_NK, workspace), ones.narrow(0, 0, grad_x_TK.size(1)), grad_x_TK);
  } else {
    multiply_on_cpu(grad, decode(weight.values_NK, workspace), {}, workspace, grad_x_TK);
  }
}

}  // namespace mmpo
