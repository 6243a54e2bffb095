// AdamW (Loshchilov and Hutter, arXiv 1711.05101) over flat arrays, as torch.optim.AdamW computes it: one pass over memory
// that also applies the clipping coefficient and refreshes the bfloat16 weights.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "kernels/arguments.h"
#include "optim/optimizer.h"

namespace mmpo {

struct AdamWSettings {
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay;  // decoupled: param *= 1 - learning_rate * weight_decay, before the update
};

// A stretch of parameters with their state, all of count elements. Borrowed; none may overlap.
template <typename T>
struct AdamWShard {
  T* param;  // fp32 weights, or the fp32 master copy of bfloat16 ones; null: bf16_param is what is trained
  const T* grad;
  T* exp_avg;  // first moment
  T* exp_avg_sq;  // second moment
  c10::BFloat16* bf16_param;  // receives the updated weights, rounded; null: no such copy
  int64_t count;
};

// step: the number of this update, from 1 (the t of the bias correction). clip_coefficient multiplies the gradient.
template <typename T>
void adamw_step(const AdamWShard<T>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                double clip_coefficient);

// What the kernel takes for such a step.
template <typename T>
AdamWScalars<T> adamw_scalars(const AdamWSettings& settings, double learning_rate, int64_t step,
                              double clip_coefficient);

// AdamW over ranges of named parameters, decay of matrices only.
class AdamW : public Optimizer {
 public:
  // device: of all elements and of the state.
  AdamW(const AdamWSettings& settings, std::span<const ParameterRange> ranges, at::Device device = at::kCPU);

  void step(const Locate& locate, const Update& update) override;
  std::vector<NamedTensor> state() const override;

 private:
  struct Moments {
    ParameterRange range;
    at::Tensor exp_avg, exp_avg_sq;  // float32, in the range's shape
  };

  AdamWSettings settings_;
  at::Device device_;
  std::vector<Moments> moments_;
};

// The settings for one parameter: vectors (norms, biases) are not decayed.
AdamWSettings settings_for(const Parameter& parameter, AdamWSettings settings);

// Zeros in the range's shape.
at::Tensor zeros_like(const ParameterRange& range, at::ScalarType dtype, at::Device device);

}  // namespace mmpo
