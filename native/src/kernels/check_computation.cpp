#include "kernels/check_computation.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sin.h>
#include <c10/core/InferenceMode.h>

#include <string>

#include "common/device.h"
#include "common/error.h"
#include "kernels/attention_plan.h"
#include "kernels/gemm.h"
#include "kernels/gpu_decode_attention.h"
#include "kernels/quantized.h"

namespace mmpo {
namespace {

// Rounding of a bfloat16 result and of what flash attention rounds on the way, of values of about 1.
constexpr double kLargestError = 0.05;

// Numbers in [-1, 1] that bfloat16 holds, on the CPU.
Tensor numbers(int64_t rows, int64_t columns) {
  return at::sin(at::arange(rows * columns, at::kFloat) * 1.3).view({rows, columns}).to(at::kBFloat16);
}

void compare(const std::string& what, const Tensor& found, const Tensor& expected) {
  const double error = (found.cpu().to(at::kFloat) - expected.to(at::kFloat)).abs().max().item<double>();
  // Written so that NaN fails.
  if (!(error <= kLargestError)) {
    fail(MMPO_INTERNAL, what, " is wrong by ", error, " where rounding explains ", kLargestError);
  }
}

template <typename Body>
void attempt(const std::string& what, const Body& body) {
  try {
    body(what);
  } catch (const c10::Error& error) {
    fail(MMPO_INTERNAL, what, " failed: ", error.what_without_backtrace());
  }
}

void check_product(const std::string& what, at::Device device) {
  const Tensor a_MK = numbers(24, 64);
  const Tensor b_NK = numbers(40, 64) / 8;
  Workspace workspace(device);
  Tensor c_MN = at::empty({24, 40}, a_MK.options().device(device));
  gemm(a_MK.to(device), b_NK.to(device).t(), {}, workspace, c_MN);
  compare(what, c_MN, at::matmul(a_MK.to(at::kFloat), b_NK.to(at::kFloat).t()));
}

// Forward and backward of a weight in e4m3, as a frozen projection is multiplied.
void check_quantized(const std::string& what, at::Device device) {
  const Tensor x_TK = numbers(24, 64), grad_TN = numbers(24, 48);
  const auto empty = [&](int64_t rows, int64_t columns) {
    return at::empty({rows, columns}, x_TK.options().device(device));
  };
  QuantizedMatrix weight{at::empty({48, 64}, at::TensorOptions(at::kFloat8_e4m3fn).device(device)),
                         at::empty({48}, at::TensorOptions(at::kFloat).device(device))};
  const auto values = [](const Tensor& q, const Tensor& scales) {
    return q.cpu().to(at::kFloat) * scales.cpu().unsqueeze(1);
  };
  const auto rounded = [&](const Tensor& x, const Tensor& factors) {
    Tensor q = at::empty(x.sizes(), at::kFloat8_e4m3fn), scales = at::empty({x.size(0)}, at::kFloat);
    quantize_rows(x, factors, q, scales);
    return values(q, scales);
  };
  quantize_rows((numbers(48, 64) / 8).to(device), {}, weight.values_NK, weight.scales_N);
  Workspace workspace(device);
  Tensor out_TN = empty(24, 48), grad_x_TK = empty(24, 64);
  quantized_linear({}, x_TK.to(device), weight, {}, workspace, out_TN);
  quantized_linear_backward_input(grad_TN.to(device), weight, at::ones({64}, weight.scales_N.options()), workspace,
                                  grad_x_TK);
  const Tensor w_NK = values(weight.values_NK, weight.scales_N);
  compare(what, out_TN, at::matmul(rounded(x_TK, {}), w_NK.t()));
  const Tensor scaled_TN = rounded(grad_TN, weight.scales_N.cpu());
  compare("the gradient of " + what, grad_x_TK, at::matmul(scaled_TN, weight.values_NK.cpu().to(at::kFloat)));
}

// A prompt with two completions, so that keys are gathered too, by four heads for two of keys, as a Llama of bfloat16 has them.
void check_attention(const std::string& what, at::Device device) {
  constexpr AttentionShape shape{4, 2, 64};
  const std::vector<Segment> segments{{0, 9, 0, 0, 0}, {9, 5, 0, 9, 0}, {14, 7, 0, 9, 0}};
  constexpr int64_t kRows = 21;
  constexpr int64_t kQueries = 4 * 64;
  constexpr int64_t kFused = (4 + 2 * 2) * 64;
  const Tensor qkv_TQ = numbers(kRows, kFused);
  const Tensor grad_out_TA = numbers(kRows, kQueries) / 4;
  const auto empty = [](int64_t rows, int64_t columns, at::ScalarType type, at::Device where) {
    return at::empty({rows, columns}, at::TensorOptions().dtype(type).device(where));
  };
  Tensor expected_out = empty(kRows, kQueries, at::kFloat, at::kCPU);
  Tensor expected_lse = empty(4, kRows, at::kFloat, at::kCPU);
  Tensor expected_grad = empty(kRows, kFused, at::kFloat, at::kCPU);
  Workspace on_host;
  attention(qkv_TQ.to(at::kFloat), segments, shape, expected_out, expected_lse);
  attention_backward(grad_out_TA.to(at::kFloat), qkv_TQ.to(at::kFloat), expected_out, expected_lse, segments, shape,
                     on_host, expected_grad);

  Workspace workspace(device);
  const AttentionPlan plan(segments, device);
  const Tensor there_TQ = qkv_TQ.to(device);
  Tensor out_TA, lse_NT;
  if (!is_gpu(device)) {
    out_TA = empty(kRows, kQueries, at::kBFloat16, device);
    lse_NT = empty(4, kRows, at::kFloat, device);
  }
  Tensor grad_TQ = empty(kRows, kFused, at::kBFloat16, device);
  plan.forward(there_TQ, shape, out_TA, lse_NT);
  compare(what, out_TA, expected_out);
  plan.backward(grad_out_TA.to(device), there_TQ, out_TA, lse_NT, shape, workspace, grad_TQ);
  compare("the gradient of " + what, grad_TQ, expected_grad);
}

// One query a sequence over a cache, of which some places have no row: as decoding calls it, without a window and with one.
void check_decoding(const std::string& what, at::Device device) {
  constexpr int64_t kPlaces = 5, kCapacity = 70, kKeyColumns = 2 * 64, kQueries = 4 * 64;
  const std::vector<DecodeRow> rows{{0, 1}, {1, 70}, {3, 37}, {4, 12}};
  const auto count = static_cast<int64_t>(rows.size());
  for (const AttentionShape shape : {AttentionShape{4, 2, 64}, AttentionShape{4, 2, 64, 9}}) {
    const Tensor qkv_nQ = numbers(count, kQueries + 2 * kKeyColumns);
    Tensor keys_SLK = numbers(kPlaces * kCapacity, kKeyColumns).view({kPlaces, kCapacity, kKeyColumns});
    Tensor values_SLK = keys_SLK.flip(0).contiguous();
    Tensor expected = at::empty({count, kQueries}, at::kFloat);
    decode_attention(qkv_nQ.to(at::kFloat), keys_SLK.to(at::kFloat), values_SLK.to(at::kFloat), rows, shape, expected);
    // Nothing that lies behind a sequence's keys may count.
    for (const DecodeRow& row : rows) {
      for (const Tensor& cache_SLK : {keys_SLK, values_SLK}) {
        cache_SLK[row.sequence].narrow(0, row.num_keys, kCapacity - row.num_keys).fill_(1000);
      }
    }
    Tensor found;
    gpu_decode_attention(
        qkv_nQ.to(device), keys_SLK.to(device), values_SLK.to(device),
        GpuDecodeRows(rows, kCapacity, shape.window, VarlenAttention::is_flash(device, at::kBFloat16, shape), device),
        shape, found);
    compare(what, found, expected);
  }
}

}  // namespace

void check_computation(at::Device device) {
  const c10::InferenceMode without_autograd;
  attempt("a product of two bfloat16 matrices", [&](const std::string& what) { check_product(what, device); });
  if (quantized_is_missing(device).empty()) {
    attempt("a product of fp8 matrices", [&](const std::string& what) { check_quantized(what, device); });
  }
  attempt("attention in bfloat16", [&](const std::string& what) { check_attention(what, device); });
  attempt("attention over cached keys in bfloat16", [&](const std::string& what) { check_decoding(what, device); });
}

}  // namespace mmpo
