#include "optim/adamw.h"

#include <ATen/ops/zeros.h>

#include <cmath>

#include "common/cuda_runtime.h"
#include "common/device.h"
#include "kernels/cuda_kernels.h"
#include "kernels/dispatch.h"

namespace mmpo {

template <typename T>
AdamWScalars<T> adamw_scalars(const AdamWSettings& settings, double learning_rate, int64_t step,
                              double clip_coefficient) {
  const double steps = static_cast<double>(step);
  const double correction1 = 1 - std::pow(settings.beta1, steps);
  const double correction2 = 1 - std::pow(settings.beta2, steps);
  return {.decay = static_cast<T>(1 - learning_rate * settings.weight_decay),
          .clip = static_cast<T>(clip_coefficient),
          .beta2 = static_cast<T>(settings.beta2),
          .epsilon = static_cast<T>(settings.epsilon),
          .one_minus_beta1 = static_cast<T>(1 - settings.beta1),
          .one_minus_beta2 = static_cast<T>(1 - settings.beta2),
          .step_size = static_cast<T>(learning_rate / correction1),
          .inverse_root_bc2 = static_cast<T>(1 / std::sqrt(correction2))};
}

template <typename T>
void adamw_step(const AdamWShard<T>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                double clip_coefficient) {
  const AdamWScalars<T> scalars = adamw_scalars<T>(settings, learning_rate, step, clip_coefficient);
  with_cpu_capability([&]<typename Capability>(Capability) {
    CpuOptimizer<T, typename Capability::type>::adamw(shard.param, shard.grad, shard.exp_avg, shard.exp_avg_sq,
                                                      shard.bf16_param, shard.count, scalars);
  });
}

AdamW::AdamW(const AdamWSettings& settings, std::span<const ParameterRange> ranges, at::Device device)
    : settings_(settings), device_(device) {
  for (const ParameterRange& range : ranges) {
    moments_.push_back({range, zeros_like(range, at::kFloat, device), zeros_like(range, at::kFloat, device)});
  }
}

void AdamW::step(const Locate& locate, const Update& update) {
  for (const Moments& moments : moments_) {
    const Elements elements = locate(moments.range);
    const AdamWShard<float> shard{elements.weights,
                                  elements.gradient,
                                  moments.exp_avg.mutable_data_ptr<float>(),
                                  moments.exp_avg_sq.mutable_data_ptr<float>(),
                                  elements.bf16_weights,
                                  moments.range.count};
    const AdamWSettings settings = settings_for(moments.range.parameter, settings_);
    if (!is_gpu(device_)) {
      adamw_step(shard, settings, update.learning_rate, update.step, update.clip_coefficient);
    } else {
      CudaOptimizer<float>::adamw(
          shard.param, shard.grad, shard.exp_avg, shard.exp_avg_sq, shard.bf16_param, shard.count,
          adamw_scalars<float>(settings, update.learning_rate, update.step, update.clip_coefficient), cuda_stream());
    }
  }
}

std::vector<NamedTensor> AdamW::state() const {
  std::vector<NamedTensor> state;
  for (const Moments& moments : moments_) {
    const ParameterRange& range = moments.range;
    state.push_back({"exp_avg." + range.parameter.name, moments.exp_avg, range.begin});
    state.push_back({"exp_avg_sq." + range.parameter.name, moments.exp_avg_sq, range.begin});
  }
  return state;
}

AdamWSettings settings_for(const Parameter& parameter, AdamWSettings settings) {
  if (!parameter.is_matrix()) settings.weight_decay = 0;
  return settings;
}

at::Tensor zeros_like(const ParameterRange& range, at::ScalarType dtype, at::Device device) {
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  const Parameter& parameter = range.parameter;
  return range.is_whole() && parameter.is_matrix() ? at::zeros({parameter.rows, parameter.columns}, options)
                                                   : at::zeros({range.count}, options);
}

template AdamWScalars<float> adamw_scalars(const AdamWSettings&, double, int64_t, double);
template AdamWScalars<double> adamw_scalars(const AdamWSettings&, double, int64_t, double);
template void adamw_step(const AdamWShard<float>&, const AdamWSettings&, double, int64_t, double);
template void adamw_step(const AdamWShard<double>&, const AdamWSettings&, double, int64_t, double);

}  // namespace mmpo
