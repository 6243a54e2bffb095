#include "optim/adam8bit.h"

#include <ATen/ceil_div.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "common/cuda_runtime.h"
#include "common/device.h"
#include "kernels/cuda_kernels.h"
#include "kernels/dispatch.h"
#include "optim/code_book.h"

namespace mmpo {
namespace {

bool keeps_32_bits(const ParameterRange& range) {
  return range.parameter.size() < kAdam8bitMinSize || range.parameter.is_embedding();
}

static_assert(kOptimizerBlock == kAdam8bitBlock);

at::Tensor bytes_of(const CodeBook& book) {
  return at::from_blob(const_cast<CodeBook*>(&book), {static_cast<int64_t>(sizeof(CodeBook))}, at::kByte);
}

std::vector<ParameterRange> in_32_bits(std::span<const ParameterRange> ranges) {
  std::vector<ParameterRange> kept;
  std::ranges::copy_if(ranges, std::back_inserter(kept), keeps_32_bits);
  return kept;
}

}  // namespace

Adam8bitScalars adam8bit_scalars(const AdamWSettings& settings, double learning_rate, int64_t step,
                                 double clip_coefficient) {
  const double steps = static_cast<double>(step);
  const auto beta1 = static_cast<float>(settings.beta1);
  const auto beta2 = static_cast<float>(settings.beta2);
  const auto correction1 = static_cast<float>(1 - std::pow(settings.beta1, steps));
  const auto correction2 = static_cast<float>(std::sqrt(1 - std::pow(settings.beta2, steps)));
  return {.clip = static_cast<float>(clip_coefficient),
          .beta1 = beta1,
          .beta2 = beta2,
          .one_minus_beta1 = 1.0f - beta1,
          .one_minus_beta2 = 1.0f - beta2,
          .epsilon = correction2 * static_cast<float>(settings.epsilon),
          .step_size = -static_cast<float>(learning_rate) * correction2 / correction1,
          .decay = static_cast<float>(1 - learning_rate * settings.weight_decay)};
}

Adam8bitArrays kernel_arrays(const Adam8bitShard& shard) {
  return {shard.param,      shard.grad, shard.exp_avg, shard.exp_avg_sq, shard.exp_avg_absmax, shard.exp_avg_sq_absmax,
          shard.bf16_param, shard.count};
}

void adam8bit_step(const Adam8bitShard& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                   double clip_coefficient) {
  const Adam8bitScalars scalars = adam8bit_scalars(settings, learning_rate, step, clip_coefficient);
  with_cpu_capability([&]<typename Capability>(Capability) {
    CpuAdam8bit<typename Capability::type>::step(kernel_arrays(shard), scalars, signed_code_book(),
                                                 unsigned_code_book());
  });
}

Adam8bit::Adam8bit(const AdamWSettings& settings, std::span<const ParameterRange> ranges, at::Device device)
    : settings_(settings), device_(device), whole_(settings, in_32_bits(ranges), device) {
  if (is_gpu(device)) {
    signed_book_ = bytes_of(signed_code_book()).to(device);
    unsigned_book_ = bytes_of(unsigned_code_book()).to(device);
  }
  const auto scales = [&](int64_t count) {
    return at::zeros({count}, at::TensorOptions().dtype(at::kFloat).device(device));
  };
  for (const ParameterRange& range : ranges) {
    if (keeps_32_bits(range)) continue;
    const int64_t num_blocks = at::ceil_div(range.count, kAdam8bitBlock);
    quantized_.push_back({range, zeros_like(range, at::kByte, device), zeros_like(range, at::kByte, device),
                          scales(num_blocks), scales(num_blocks)});
  }
}

void Adam8bit::step(const Locate& locate, const Update& update) {
  whole_.step(locate, update);
  for (const Quantized& state : quantized_) {
    const Elements elements = locate(state.range);
    const Adam8bitShard shard{elements.weights,
                              elements.gradient,
                              state.exp_avg.mutable_data_ptr<uint8_t>(),
                              state.exp_avg_sq.mutable_data_ptr<uint8_t>(),
                              state.exp_avg_absmax.mutable_data_ptr<float>(),
                              state.exp_avg_sq_absmax.mutable_data_ptr<float>(),
                              elements.bf16_weights,
                              state.range.count};
    const AdamWSettings settings = settings_for(state.range.parameter, settings_);
    if (!is_gpu(device_)) {
      adam8bit_step(shard, settings, update.learning_rate, update.step, update.clip_coefficient);
    } else {
      CudaAdam8bit<>::step(kernel_arrays(shard),
                           adam8bit_scalars(settings, update.learning_rate, update.step, update.clip_coefficient),
                           static_cast<const CodeBook*>(signed_book_.const_data_ptr()),
                           static_cast<const CodeBook*>(unsigned_book_.const_data_ptr()), cuda_stream());
    }
  }
}

std::vector<NamedTensor> Adam8bit::state() const {
  std::vector<NamedTensor> all = whole_.state();
  for (const Quantized& state : quantized_) {
    const std::string& name = state.range.parameter.name;
    const int64_t begin = state.range.begin;
    all.push_back({"exp_avg." + name, state.exp_avg, begin});
    all.push_back({"exp_avg_sq." + name, state.exp_avg_sq, begin});
    all.push_back({"exp_avg_absmax." + name, state.exp_avg_absmax, begin / kAdam8bitBlock});
    all.push_back({"exp_avg_sq_absmax." + name, state.exp_avg_sq_absmax, begin / kAdam8bitBlock});
  }
  return all;
}

}  // namespace mmpo
