// What updates weights: AdamW or its 8-bit sibling, each owning the state that it needs. It sees parameters in a flat buffer, a
// whole model's or an adapter's alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/parameter.h"
#include "mmpo/mmpo.h"

namespace mmpo {

// State with the name that a checkpoint knows it by: "exp_avg.model.norm.weight".
struct NamedTensor {
  std::string name;
  at::Tensor values;
};

class Optimizer {
 public:
  // The flat buffers of one update, all in the layout of the parameters.
  struct Buffers {
    float* weights;  // null: the bfloat16 ones are what is trained, and each update is rounded
    const float* gradient;
    c10::BFloat16* bf16_weights;  // receives the updated weights, rounded; null: no such copy

    // From an element on.
    Buffers from(int64_t offset) const {
      return {weights == nullptr ? nullptr : weights + offset, gradient + offset,
              bf16_weights == nullptr ? nullptr : bf16_weights + offset};
    }
  };
  struct Update {
    double learning_rate;
    double clip_coefficient;  // multiplies the gradient
    int64_t step;  // from 1: the t of the bias correction
  };

  Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  virtual void step(const Buffers& buffers, const Update& update) = 0;

  // Everything that an exact restart needs beside weights and number of steps, zeros at first. Views of the optimizer's
  // memory: what is written there counts from the next step on.
  virtual std::vector<NamedTensor> state() const = 0;
};

// Error(MMPO_INVALID_ARGUMENT) names a setting out of its range.
// device: of the buffers that it will be given, and of its state.
std::unique_ptr<Optimizer> make_optimizer(const mmpo_optimizer_config& config, std::span<const Parameter> parameters,
                                          at::Device device = at::kCPU);

}  // namespace mmpo
