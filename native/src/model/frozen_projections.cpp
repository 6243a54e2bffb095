#include "model/frozen_projections.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <algorithm>

#include "common/error.h"

namespace mmpo {
namespace {

void check(const ModelConfig& config, at::Device device) {
  const std::string missing = quantized_is_missing(device);
  if (!missing.empty()) fail(MMPO_UNSUPPORTED, "the model's projections cannot be held in fp8: ", missing);
  const auto check_size = [](const char* what, int64_t size) {
    if (size % kQuantizedMultiple == 0) return;
    fail(MMPO_UNSUPPORTED, "the model's projections cannot be held in fp8: its ", what, " is ", size,
         ", and GPUs multiply fp8 matrices whose sizes are multiples of ", kQuantizedMultiple);
  };
  check_size("hidden_size", config->hidden_size);
  check_size("intermediate_size", config->intermediate_size);
  check_size("number of query columns", config.query_size());
  check_size("number of query, key and value columns", config.qkv_size());
}

}  // namespace

FrozenProjections::FrozenProjections(const ModelConfig& config, at::Device device)
    : layout_((check(config, device), config), ModelPart::kProjections) {
  const at::TensorOptions there = at::TensorOptions().device(device);
  values_ = at::empty({layout_.size()}, there.dtype(at::kFloat8_e4m3fn));
  int64_t num_rows = 0;
  for (const Parameter& parameter : layout_.parameters()) {
    first_rows_.push_back(num_rows);
    num_rows += parameter.rows;
  }
  scales_ = at::empty({num_rows}, there.dtype(at::kFloat));
  ones_ = at::ones({std::max({config->hidden_size, config->intermediate_size, config.query_size()})},
                   there.dtype(at::kFloat));
  int64_t row = 0;
  for (const LayerParameters& layer : view_parameters(config, layout_, memory_of(values_)).layers) {
    auto& matrices = matrices_.emplace_back();
    for (size_t p = 0; p < kNumProjections; ++p) {
      const Tensor& values_NK = layer.matrix(static_cast<Projection>(p));
      matrices[p] = {values_NK, scales_.narrow(0, row, values_NK.size(0))};
      row += values_NK.size(0);
    }
  }
}

void FrozenProjections::set(size_t index, const Tensor& values) {
  const Parameter& parameter = layout_.parameters()[index];
  Tensor q_NK = values_.narrow(0, parameter.offset, parameter.size()).view({parameter.rows, parameter.columns});
  Tensor scales_N = scales_.narrow(0, first_rows_[index], parameter.rows);
  quantize_rows(values.view({parameter.rows, parameter.columns}), {}, q_NK, scales_N);
}

}  // namespace mmpo
