#include "kernels/kernels.h"

#include <ATen/ceil_div.h>
#include <ATen/ops/empty.h>

#include "common/cuda_runtime.h"
#include "common/device.h"
#include "kernels/cuda_kernels.h"
#include "kernels/dispatch.h"
#include "kernels/tensor_rows.h"

namespace mmpo {
namespace {

// A contiguous vector of the given length.
template <typename T>
const T* vector(const Tensor& x, int64_t count) {
  TORCH_CHECK(x.dim() == 1 && x.size(0) == count && x.is_contiguous(), "kernels: a contiguous vector of ", count,
              " elements is needed, got ", x.sizes());
  return x.const_data_ptr<T>();
}

template <typename T>
T* mutable_vector(Tensor& x, int64_t count) {
  vector<T>(x, count);
  return x.mutable_data_ptr<T>();
}

template <typename T>
T* vector_if_defined(Tensor x, int64_t count) {
  return x.defined() ? mutable_vector<T>(x, count) : nullptr;
}

void check_same(const Tensor& a, const Tensor& b) {
  TORCH_CHECK(a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.device() == b.device(),
              "kernels: shapes, types and devices must be equal, got ", a.sizes(), " ", a.scalar_type(), " on ",
              a.device(), " and ", b.sizes(), " ", b.scalar_type(), " on ", b.device());
}

// [T, 2I] beside [T, I].
void check_gate_up(const Tensor& gate_up_T2I, const Tensor& x_TI) {
  TORCH_CHECK(gate_up_T2I.dim() == 2 && x_TI.dim() == 2 && gate_up_T2I.size(0) == x_TI.size(0) &&
                  gate_up_T2I.size(1) == 2 * x_TI.size(1) && gate_up_T2I.scalar_type() == x_TI.scalar_type(),
              "kernels: [T, 2I] and [T, I] of one type are needed, got ", gate_up_T2I.sizes(), " ",
              gate_up_T2I.scalar_type(), " and ", x_TI.sizes(), " ", x_TI.scalar_type());
}

// body(T, Capability) as std::type_identity values. Capability: of the CPU, or Gpu for tensors that are there.
template <typename Body>
void dispatch(const Tensor& x, const Body& body) {
  const auto by_type = [&](auto capability) { with_type(x, [&](auto type) { body(type, capability); }); };
  if (is_gpu(x.device())) {
    by_type(std::type_identity<Gpu>());
  } else {
    with_cpu_capability(by_type);
  }
}

// CudaKernels on the stream that LibTorch queues on, too.
template <typename T>
struct OnStream {
  using Kernels = CudaKernels<T>;

  static void rms_norm(auto... x) { Kernels::rms_norm(x..., cuda_stream()); }
  static void rms_norm_recompute(auto... x) { Kernels::rms_norm_recompute(x..., cuda_stream()); }
  static void rms_norm_backward(auto... x) { Kernels::rms_norm_backward(x..., cuda_stream()); }
  static void rope(auto... x) { Kernels::rope(x..., cuda_stream()); }
  static void swiglu(auto... x) { Kernels::swiglu(x..., cuda_stream()); }
  static void swiglu_backward(auto... x) { Kernels::swiglu_backward(x..., cuda_stream()); }
  static void log_softmax_gather(auto... x) { Kernels::log_softmax_gather(x..., cuda_stream()); }
  static void softmax_gradient(auto... x) { Kernels::softmax_gradient(x..., cuda_stream()); }
  static void log_softmax_gradient(auto... x) { Kernels::log_softmax_gradient(x..., cuda_stream()); }
};

template <typename T, typename Capability>
struct KernelsOf {
  using type = CpuKernels<T, Capability>;
};
template <typename T>
struct KernelsOf<T, Gpu> {
  using type = OnStream<T>;
};

template <typename T, typename Sum>
void add_rows_on_cpu(Rows<const T> from, const int64_t* rows, Rows<Sum> sum) {
  for (int64_t r = 0; r < from.count; ++r) {
    const T* values = from[r];
    Sum* sums = sum[rows[r]];
    for (int64_t i = 0; i < from.columns; ++i) {
      sums[i] = static_cast<Sum>(static_cast<float>(sums[i]) + static_cast<float>(values[i]));
    }
  }
}

template <typename T, typename Capability>
using Kernels = typename KernelsOf<typename T::type, typename Capability::type>::type;

}  // namespace

void rms_norm(const Tensor& x_TH, const Tensor& weight_H, double eps, Tensor& out_TH, Tensor& rstd_T) {
  check_same(x_TH, out_TH);
  const Tensor weight = weight_H.to(x_TH.scalar_type());
  dispatch(x_TH, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::rms_norm(rows<const Value>(x_TH), vector<Value>(weight, x_TH.size(-1)),
                                     static_cast<float>(eps), rows<Value>(out_TH),
                                     mutable_vector<float>(rstd_T, num_rows(x_TH)));
  });
}

void rms_norm_recompute(const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T, Tensor& out_TH) {
  check_same(x_TH, out_TH);
  const Tensor weight = weight_H.to(x_TH.scalar_type());
  dispatch(x_TH, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::rms_norm_recompute(rows<const Value>(x_TH), vector<Value>(weight, x_TH.size(-1)),
                                               vector<float>(rstd_T, num_rows(x_TH)), rows<Value>(out_TH));
  });
}

void rms_norm_backward(const Tensor& grad_out_TH, const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T,
                       Tensor& grad_x_TH, Tensor& grad_weight_H, Into into) {
  check_same(x_TH, grad_out_TH);
  check_same(x_TH, grad_x_TH);
  const int64_t tokens = num_rows(x_TH);
  const int64_t hidden = x_TH.size(-1);
  const Tensor weight = weight_H.to(x_TH.scalar_type());
  Tensor partials;
  if (grad_weight_H.defined()) {
    const int64_t num_blocks = at::ceil_div(tokens, kWeightGradientBlock);
    partials = at::empty({num_blocks, hidden}, x_TH.options().dtype(at::kFloat));
  }
  dispatch(x_TH, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::rms_norm_backward(rows<const Value>(grad_out_TH), rows<const Value>(x_TH),
                                              vector<Value>(weight, hidden), vector<float>(rstd_T, tokens),
                                              rows<Value>(grad_x_TH), vector_if_defined<float>(grad_weight_H, hidden),
                                              partials.defined() ? partials.mutable_data_ptr<float>() : nullptr, into);
  });
}

void rope_(Tensor& x_TND, const Tensor& cos_PD, const Tensor& sin_PD, const Tensor& positions_T, bool inverse) {
  TORCH_CHECK(x_TND.dim() == 3 && x_TND.stride(2) == 1 && x_TND.size(2) % 2 == 0,
              "rope_ takes [T, N, D] with contiguous heads of even size, got ", x_TND.sizes(), " with strides ",
              x_TND.strides());
  TORCH_CHECK(cos_PD.dim() == 2 && cos_PD.size(1) == x_TND.size(2) / 2 && cos_PD.is_contiguous() &&
                  sin_PD.sizes() == cos_PD.sizes() && sin_PD.is_contiguous(),
              "rope_ takes contiguous cos and sin of [P, ", x_TND.size(2) / 2, "], got ", cos_PD.sizes(), " and ",
              sin_PD.sizes());
  const int64_t tokens = x_TND.size(0);
  const bool narrow = positions_T.scalar_type() == at::kInt;
  const Positions positions{narrow ? vector<int32_t>(positions_T, tokens) : nullptr,
                            narrow ? nullptr : vector<int64_t>(positions_T, tokens)};
  dispatch(x_TND, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    const Heads<Value> heads{
        x_TND.mutable_data_ptr<Value>(), tokens, x_TND.size(1), x_TND.size(2), x_TND.stride(0), x_TND.stride(1)};
    Kernels<T, Capability>::rope(heads, cos_PD.const_data_ptr<float>(), sin_PD.const_data_ptr<float>(), positions,
                                 inverse);
  });
}

void swiglu(const Tensor& gate_up_T2I, Tensor& out_TI) {
  check_gate_up(gate_up_T2I, out_TI);
  dispatch(out_TI, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::swiglu(rows<const Value>(gate_up_T2I), rows<Value>(out_TI));
  });
}

void swiglu_backward(const Tensor& grad_out_TI, const Tensor& gate_up_T2I, Tensor& grad_gate_up_T2I) {
  check_gate_up(gate_up_T2I, grad_out_TI);
  check_same(gate_up_T2I, grad_gate_up_T2I);
  dispatch(grad_out_TI, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::swiglu_backward(rows<const Value>(grad_out_TI), rows<const Value>(gate_up_T2I),
                                            rows<Value>(grad_gate_up_T2I));
  });
}

void log_softmax_gather(const Tensor& logits_RV, const Tensor& targets_R, Tensor& lse_R, Tensor& logp_R,
                        const LogSoftmaxExtras& extras) {
  const int64_t num_rows = logits_RV.size(0);
  const SoftmaxExtras arrays{
      .log_squares = vector_if_defined<float>(extras.log_squares_R, num_rows),
      .entropies = vector_if_defined<float>(extras.entropies_R, num_rows),
      .is_first = vector_if_defined<bool>(extras.is_first_R, num_rows),
  };
  dispatch(logits_RV, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::log_softmax_gather(rows<const Value>(logits_RV), vector<int64_t>(targets_R, num_rows),
                                               mutable_vector<float>(lse_R, num_rows),
                                               mutable_vector<float>(logp_R, num_rows), arrays);
  });
}

void softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& lse_R, const Tensor& weights_R,
                       const Tensor& entropies_R, const Tensor& entropy_weights_R) {
  const int64_t num_rows = logits_RV.size(0);
  EntropyTerms entropy;
  if (entropies_R.defined()) {
    entropy = {vector<float>(entropies_R, num_rows), vector<float>(entropy_weights_R, num_rows)};
  }
  dispatch(logits_RV, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::softmax_gradient(rows<Value>(logits_RV), vector<int64_t>(targets_R, num_rows),
                                             vector<float>(lse_R, num_rows), vector<float>(weights_R, num_rows),
                                             entropy);
  });
}

void log_softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& weights_R, Tensor& logp_R) {
  const int64_t num_rows = logits_RV.size(0);
  dispatch(logits_RV, [&]<typename T, typename Capability>(T, Capability) {
    using Value = typename T::type;
    Kernels<T, Capability>::log_softmax_gradient(rows<Value>(logits_RV), vector<int64_t>(targets_R, num_rows),
                                                 vector<float>(weights_R, num_rows),
                                                 mutable_vector<float>(logp_R, num_rows));
  });
}

void add_rows(const Tensor& from_RH, const Tensor& rows_R, Tensor& sum_TH) {
  TORCH_CHECK(from_RH.dim() == 2 && sum_TH.dim() == 2 && from_RH.size(1) == sum_TH.size(1),
              "add_rows takes matrices of equal rows, got ", from_RH.sizes(), " and ", sum_TH.sizes());
  const int64_t* places = vector<int64_t>(rows_R, from_RH.size(0));
  const auto add = [&]<typename T, typename Sum>(std::type_identity<T>, std::type_identity<Sum>) {
    if (is_gpu(from_RH.device())) {
      CudaRows<T, Sum>::add(rows<const T>(from_RH), places, rows<Sum>(sum_TH), cuda_stream());
    } else {
      add_rows_on_cpu(rows<const T>(from_RH), places, rows<Sum>(sum_TH));
    }
  };
  constexpr std::type_identity<float> float32;
  constexpr std::type_identity<c10::BFloat16> bfloat16;
  if (from_RH.scalar_type() == at::kFloat) {
    add(float32, float32);
  } else if (sum_TH.scalar_type() == at::kFloat) {
    add(bfloat16, float32);
  } else {
    add(bfloat16, bfloat16);
  }
}

}  // namespace mmpo
