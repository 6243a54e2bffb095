#include "kernels/backend.h"

#include <cmath>

#include "common/device.h"
#include "cuda/emulator.h"
#include "kernels/cuda_kernels.h"
#include "kernels/device_stay.h"
#include "kernels/dropout_linear.h"
#include "kernels/kernel_testing.h"
#include "kernels/quantized.h"
#include "optim/code_book.h"
#include "optim/grad_clip.h"

namespace mmpo::testing {
namespace {

// libmmpo's own functions, on the CPU or a GPU.
class Dispatched : public Backend {
 public:
  explicit Dispatched(at::Device device) : device_(device) {}

  void rms_norm(const Tensor& x_TH, const Tensor& weight_H, double eps, Tensor& out_TH, Tensor& rstd_T) override {
    DeviceStay on(device_);
    Tensor out = on.result(out_TH), rstd = on.result(rstd_T);
    mmpo::rms_norm(on(x_TH), on(weight_H), eps, out, rstd);
  }
  void rms_norm_recompute(const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T, Tensor& out_TH) override {
    DeviceStay on(device_);
    Tensor out = on.result(out_TH);
    mmpo::rms_norm_recompute(on(x_TH), on(weight_H), on(rstd_T), out);
  }
  void rms_norm_backward(const Tensor& grad_out_TH, const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T,
                         Tensor& grad_x_TH, Tensor& grad_weight_H, Into into) override {
    DeviceStay on(device_);
    Tensor grad_x = on.result(grad_x_TH), grad_weight = on.result(grad_weight_H);
    mmpo::rms_norm_backward(on(grad_out_TH), on(x_TH), on(weight_H), on(rstd_T), grad_x, grad_weight, into);
  }
  void rope_(Tensor& x_TND, const Tensor& cos_PD, const Tensor& sin_PD, const Tensor& positions_T,
             bool inverse) override {
    DeviceStay on(device_);
    Tensor x = on.result(x_TND);
    mmpo::rope_(x, on(cos_PD), on(sin_PD), on(positions_T), inverse);
  }
  void swiglu(const Tensor& gate_up_T2I, Tensor& out_TI) override {
    DeviceStay on(device_);
    Tensor out = on.result(out_TI);
    mmpo::swiglu(on(gate_up_T2I), out);
  }
  void swiglu_backward(const Tensor& grad_out_TI, const Tensor& gate_up_T2I, Tensor& grad_gate_up_T2I) override {
    DeviceStay on(device_);
    Tensor grad_gate_up = on.result(grad_gate_up_T2I);
    mmpo::swiglu_backward(on(grad_out_TI), on(gate_up_T2I), grad_gate_up);
  }
  void dropout_linear(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, double scale,
                      Tensor& out_TS) override {
    DeviceStay on(device_);
    Workspace workspace(device_);
    Tensor out = on.result(out_TS);
    mmpo::dropout_linear(on(x_TK), on(weight_SK), masks, scale, workspace, out);
  }
  void dropout_linear_backward(const Tensor& grad_TS, const Tensor& x_TK, const Tensor& weight_SK,
                               const DropoutMasks& masks, Tensor& grad_x_TK, Tensor& grad_weight_SK) override {
    DeviceStay on(device_);
    Workspace workspace(device_);
    Tensor grad_x = on.result(grad_x_TK), grad_weight = on.result(grad_weight_SK);
    mmpo::dropout_linear_backward(on(grad_TS), on(x_TK), on(weight_SK), masks, workspace, grad_x, grad_weight);
  }
  void log_softmax_gather(const Tensor& logits_RV, const Tensor& targets_R, Tensor& lse_R, Tensor& logp_R,
                          const LogSoftmaxExtras& extras) override {
    DeviceStay on(device_);
    LogSoftmaxExtras there = extras;
    Tensor lse = on.result(lse_R), logp = on.result(logp_R);
    mmpo::log_softmax_gather(
        on(logits_RV), on(targets_R), lse, logp,
        {on.result(there.log_squares_R), on.result(there.entropies_R), on.result(there.is_first_R)});
  }
  void softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& lse_R, const Tensor& weights_R,
                         const Tensor& entropies_R, const Tensor& entropy_weights_R) override {
    DeviceStay on(device_);
    Tensor logits = on.result(logits_RV);
    mmpo::softmax_gradient_(logits, on(targets_R), on(lse_R), on(weights_R), on(entropies_R), on(entropy_weights_R));
  }
  void log_softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& weights_R,
                             Tensor& logp_R) override {
    DeviceStay on(device_);
    Tensor logits = on.result(logits_RV), logp = on.result(logp_R);
    mmpo::log_softmax_gradient_(logits, on(targets_R), on(weights_R), logp);
  }
  void quantize_rows(const Tensor& x_TK, const Tensor& factors_K, Tensor& q_TK, Tensor& scales_T) override {
    DeviceStay on(device_);
    Tensor q = on.result(q_TK), scales = on.result(scales_T);
    mmpo::quantize_rows(on(x_TK), on(factors_K), q, scales);
  }
  void add_rows(const Tensor& from_RH, const Tensor& rows_R, Tensor& sum_TH) override {
    DeviceStay on(device_);
    Tensor sum = on.result(sum_TH);
    mmpo::add_rows(on(from_RH), on(rows_R), sum);
  }

 protected:
  at::Device device_;
};

class Cpu : public Dispatched {
 public:
  Cpu() : Dispatched(at::kCPU) {}
  std::string name() const override { return "Cpu"; }

  void adamw_step(const AdamWShard<float>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                  double clip_coefficient) override {
    mmpo::adamw_step(shard, settings, learning_rate, step, clip_coefficient);
  }
  void adamw_step(const AdamWShard<double>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                  double clip_coefficient) override {
    mmpo::adamw_step(shard, settings, learning_rate, step, clip_coefficient);
  }
  void adam8bit_step(const Adam8bitShard& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                     double clip_coefficient) override {
    mmpo::adam8bit_step(shard, settings, learning_rate, step, clip_coefficient);
  }
  double l2_norm(const float* values, int64_t count) override { return mmpo::l2_norm(values, count); }
  double l2_norm(const double* values, int64_t count) override { return mmpo::l2_norm(values, count); }

  std::unique_ptr<Variant> variant(int number) override {
    struct Scope : Variant {
      explicit Scope(int count) : threads(count) {}
      Threads threads;
    };
    return std::make_unique<Scope>(number);
  }
};

// The optimizers' kernels for CUDA, on the device or emulated.
template <typename Platform>
struct CudaArrays {
  at::Device device;

  template <typename T>
  void adamw_step(const AdamWShard<T>& shard, const AdamWScalars<T>& scalars) const {
    DeviceStay on(device);
    const int64_t count = shard.count;
    CudaOptimizer<T, Platform>::adamw(on.result(shard.param, count), on.result(shard.grad, count),
                                      on.result(shard.exp_avg, count), on.result(shard.exp_avg_sq, count),
                                      on.result(shard.bf16_param, count), count, scalars, nullptr);
  }
  void adam8bit_step(const Adam8bitArrays& host, const Adam8bitScalars& scalars) const {
    DeviceStay on(device);
    const int64_t count = host.count;
    const int64_t num_blocks = (count + kAdam8bitBlock - 1) / kAdam8bitBlock;
    const Adam8bitArrays arrays{on.result(host.param, count),        on.result(host.grad, count),
                                on.result(host.codes1, count),       on.result(host.codes2, count),
                                on.result(host.absmax1, num_blocks), on.result(host.absmax2, num_blocks),
                                on.result(host.bf16_param, count),   count};
    CudaAdam8bit<Platform>::step(arrays, scalars, on(&signed_code_book(), 1), on(&unsigned_code_book(), 1), nullptr);
  }
  template <typename T>
  double l2_norm(const T* values, int64_t count) const {
    DeviceStay on(device);
    const int64_t num_blocks = (count + kNormBlock - 1) / kNormBlock;
    Tensor partials = on.scratch({num_blocks}, at::kDouble);
    double sum = 0;
    CudaOptimizer<T, Platform>::sums_of_squares(on(values, count), count, partials.mutable_data_ptr<double>(), nullptr);
    Tensor total = on.scratch({1}, at::kDouble);
    CudaSum<Platform>::sum(partials.const_data_ptr<double>(), num_blocks, total.mutable_data_ptr<double>(), nullptr);
    sum = total.item<double>();
    return std::sqrt(sum);
  }
};

// A backend whose optimizers are these.
template <typename Platform>
class CudaBackend : public Dispatched {
 public:
  explicit CudaBackend(at::Device device) : Dispatched(device), arrays_{device} {}

  void adamw_step(const AdamWShard<float>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                  double clip_coefficient) override {
    arrays_.adamw_step(shard, adamw_scalars<float>(settings, learning_rate, step, clip_coefficient));
  }
  void adamw_step(const AdamWShard<double>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                  double clip_coefficient) override {
    arrays_.adamw_step(shard, adamw_scalars<double>(settings, learning_rate, step, clip_coefficient));
  }
  void adam8bit_step(const Adam8bitShard& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                     double clip_coefficient) override {
    arrays_.adam8bit_step(kernel_arrays(shard), adam8bit_scalars(settings, learning_rate, step, clip_coefficient));
  }
  double l2_norm(const float* values, int64_t count) override { return arrays_.l2_norm(values, count); }
  double l2_norm(const double* values, int64_t count) override { return arrays_.l2_norm(values, count); }

 private:
  CudaArrays<Platform> arrays_;
};

class Cuda : public CudaBackend<Gpu> {
 public:
  Cuda() : CudaBackend(at::kCUDA) {}
  std::string name() const override { return "Cuda"; }
  // A GPU orders its blocks as it likes: a second run is a variant already.
  std::unique_ptr<Variant> variant(int) override { return std::make_unique<Variant>(); }
};

// Of heads [T, N, D], too.
int64_t num_rows(const Tensor& x) { return x.numel() / x.size(-1); }

template <typename T>
Rows<T> rows(const Tensor& x) {
  T* data = static_cast<T*>(x.data_ptr());
  if (x.dim() == 2) return {data, x.size(0), x.size(1), x.stride(0)};
  return {data, num_rows(x), x.size(2), x.stride(1), x.size(1), x.stride(0)};
}

template <typename T>
T* vector(const Tensor& x) {
  return x.defined() ? static_cast<T*>(x.data_ptr()) : nullptr;
}

// body(value of the element type) for the type of x.
template <typename Body>
void with_type(const Tensor& x, const Body& body) {
  x.scalar_type() == at::kFloat ? body(float()) : body(c10::BFloat16());
}

// The kernels of CudaKernels<T, EmulatedGpu> in place of libmmpo's.
class EmulatedCuda : public CudaBackend<EmulatedGpu> {
 public:
  EmulatedCuda() : CudaBackend(at::kCPU) {}
  std::string name() const override { return "EmulatedCuda"; }

  void rms_norm(const Tensor& x, const Tensor& weight, double eps, Tensor& out, Tensor& rstd) override {
    DeviceStay on(device_);
    on.result(out), on.result(rstd);
    with_type(x, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::rms_norm(rows<const T>(x), vector<T>(weight), static_cast<float>(eps), rows<T>(out),
                                            vector<float>(rstd), nullptr);
    });
  }
  void rms_norm_recompute(const Tensor& x, const Tensor& weight, const Tensor& rstd, Tensor& out) override {
    DeviceStay on(device_);
    on.result(out);
    with_type(x, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::rms_norm_recompute(rows<const T>(x), vector<T>(weight), vector<float>(rstd),
                                                      rows<T>(out), nullptr);
    });
  }
  void rms_norm_backward(const Tensor& grad_out, const Tensor& x, const Tensor& weight, const Tensor& rstd,
                         Tensor& grad_x, Tensor& grad_weight, Into into) override {
    DeviceStay on(device_);
    on.result(grad_x), on.result(grad_weight);
    const int64_t num_blocks = (x.numel() / x.size(-1) + kWeightGradientBlock - 1) / kWeightGradientBlock;
    const Tensor partials = on.scratch({grad_weight.defined() ? num_blocks : 0, x.size(-1)}, at::kFloat);
    with_type(x, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::rms_norm_backward(
          rows<const T>(grad_out), rows<const T>(x), vector<T>(weight), vector<float>(rstd), rows<T>(grad_x),
          vector<float>(grad_weight), grad_weight.defined() ? vector<float>(partials) : nullptr, into, nullptr);
    });
  }
  void rope_(Tensor& x, const Tensor& cosines, const Tensor& sines, const Tensor& positions, bool inverse) override {
    DeviceStay on(device_);
    on.result(x);
    const bool narrow = positions.scalar_type() == at::kInt;
    const Positions places{narrow ? vector<int32_t>(positions) : nullptr,
                           narrow ? nullptr : vector<int64_t>(positions)};
    with_type(x, [&]<typename T>(T) {
      const Heads<T> heads{vector<T>(x), x.size(0), x.size(1), x.size(2), x.stride(0), x.stride(1)};
      CudaKernels<T, EmulatedGpu>::rope(heads, vector<float>(cosines), vector<float>(sines), places, inverse, nullptr);
    });
  }
  void swiglu(const Tensor& gate_up, Tensor& out) override {
    DeviceStay on(device_);
    on.result(out);
    with_type(out, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::swiglu(rows<const T>(gate_up), rows<T>(out), nullptr);
    });
  }
  void swiglu_backward(const Tensor& grad_out, const Tensor& gate_up, Tensor& grad_gate_up) override {
    DeviceStay on(device_);
    on.result(grad_gate_up);
    with_type(grad_out, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::swiglu_backward(rows<const T>(grad_out), rows<const T>(gate_up),
                                                   rows<T>(grad_gate_up), nullptr);
    });
  }
  void dropout_linear(const Tensor& x, const Tensor& weight, const DropoutMasks& masks, double scale,
                      Tensor& out) override {
    DeviceStay on(device_);
    on.result(out);
    with_type(x, [&]<typename T>(T) {
      const Tensor scratch = dropout_scratch<T>(on, x, weight, masks);
      CudaDropoutLinear<T, EmulatedGpu>::forward(rows<const T>(x), rows<const T>(weight), masks,
                                                 static_cast<float>(scale), vector<float>(scratch), rows<T>(out),
                                                 nullptr);
    });
  }
  void dropout_linear_backward(const Tensor& grad, const Tensor& x, const Tensor& weight, const DropoutMasks& masks,
                               Tensor& grad_x, Tensor& grad_weight) override {
    DeviceStay on(device_);
    on.result(grad_x), on.result(grad_weight);
    with_type(x, [&]<typename T>(T) {
      const Tensor scratch = dropout_scratch<T>(on, x, weight, masks);
      CudaDropoutLinear<T, EmulatedGpu>::backward(rows<const T>(grad), rows<const T>(x), rows<const T>(weight), masks,
                                                  vector<float>(scratch), rows<T>(grad_x), rows<float>(grad_weight),
                                                  nullptr);
    });
  }
  void log_softmax_gather(const Tensor& logits, const Tensor& targets, Tensor& lse, Tensor& logp,
                          const LogSoftmaxExtras& wanted) override {
    DeviceStay on(device_);
    LogSoftmaxExtras there = wanted;
    on.result(lse), on.result(logp);
    on.result(there.log_squares_R), on.result(there.entropies_R), on.result(there.is_first_R);
    const SoftmaxExtras extras{there.log_squares_R.defined() ? vector<float>(there.log_squares_R) : nullptr,
                               there.entropies_R.defined() ? vector<float>(there.entropies_R) : nullptr,
                               there.is_first_R.defined() ? vector<bool>(there.is_first_R) : nullptr};
    with_type(logits, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::log_softmax_gather(rows<const T>(logits), vector<int64_t>(targets),
                                                      vector<float>(lse), vector<float>(logp), extras, nullptr);
    });
  }
  void softmax_gradient_(Tensor& logits, const Tensor& targets, const Tensor& lse, const Tensor& weights,
                         const Tensor& entropies, const Tensor& entropy_weights) override {
    DeviceStay on(device_);
    on.result(logits);
    EntropyTerms entropy;
    if (entropies.defined()) entropy = {vector<float>(entropies), vector<float>(entropy_weights)};
    with_type(logits, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::softmax_gradient(rows<T>(logits), vector<int64_t>(targets), vector<float>(lse),
                                                    vector<float>(weights), entropy, nullptr);
    });
  }
  void log_softmax_gradient_(Tensor& logits, const Tensor& targets, const Tensor& weights, Tensor& logp) override {
    DeviceStay on(device_);
    on.result(logits), on.result(logp);
    with_type(logits, [&]<typename T>(T) {
      CudaKernels<T, EmulatedGpu>::log_softmax_gradient(rows<T>(logits), vector<int64_t>(targets),
                                                        vector<float>(weights), vector<float>(logp), nullptr);
    });
  }
  void quantize_rows(const Tensor& x, const Tensor& factors, Tensor& q, Tensor& scales) override {
    DeviceStay on(device_);
    on.result(q), on.result(scales);
    CudaQuantized<EmulatedGpu>::quantize(rows<const c10::BFloat16>(x), vector<float>(factors), rows<uint8_t>(q),
                                         vector<float>(scales), nullptr);
  }
  void add_rows(const Tensor& from, const Tensor& places, Tensor& sum) override {
    DeviceStay on(device_);
    on.result(sum);
    with_type(from, [&]<typename T>(T) {
      with_type(sum, [&]<typename Sum>(Sum) {
        if constexpr (!std::is_same_v<T, float> || std::is_same_v<Sum, float>) {
          CudaRows<T, Sum, EmulatedGpu>::add(rows<const T>(from), vector<int64_t>(places), rows<Sum>(sum), nullptr);
        }
      });
    });
  }

  std::unique_ptr<Variant> variant(int number) override {
    struct Scope : Variant {
      explicit Scope(int k) : device(2 * k - 1, k == 2) {}
      emulator::Device device;
    };
    return std::make_unique<Scope>(number);
  }

 private:
  template <typename T>
  static Tensor dropout_scratch(const DeviceStay& on, const Tensor& x, const Tensor& weight,
                                const DropoutMasks& masks) {
    return on.scratch({CudaDropoutLinear<T, EmulatedGpu>::scratch_size(x.size(0), x.size(1),
                                                                       weight.size(0) / masks.count, masks.count)},
                      at::kFloat);
  }
};

Backend* current = nullptr;

}  // namespace

const std::vector<Backend*>& backends() {
  static Cpu cpu;
  static EmulatedCuda emulated;
  static Cuda cuda;
  static const bool has_cuda = cuda_is_missing().empty();
  static const std::vector<Backend*> all =
      has_cuda ? std::vector<Backend*>{&cpu, &emulated, &cuda} : std::vector<Backend*>{&cpu, &emulated};
  return all;
}

Backend& backend() { return *current; }

void KernelTest::SetUp() { current = GetParam(); }

}  // namespace mmpo::testing
