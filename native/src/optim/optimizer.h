// What updates weights: AdamW or its 8-bit sibling, each owning the state that it needs. It sees ranges of parameters, a whole
// model's or an adapter's alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/parameter.h"
#include "mmpo/types.h"

namespace mmpo {

// State with the name that a checkpoint knows it by: "exp_avg.model.norm.weight". In the parameter's shape, or flat where it is a
// part: then its first element is the one at begin.
struct NamedTensor {
  std::string name;
  at::Tensor values;
  int64_t begin = 0;
};

class Optimizer {
 public:
  // A range's elements in one update.
  struct Elements {
    float* weights;  // null: the bfloat16 ones are what is trained, and each update is rounded
    const float* gradient;
    c10::BFloat16* bf16_weights;  // receives the updated weights, rounded; null: no such copy
  };
  using Locate = std::function<Elements(const ParameterRange&)>;
  struct Update {
    double learning_rate;
    double clip_coefficient;  // multiplies the gradient
    int64_t step;  // from 1: the t of the bias correction
  };

  Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  virtual void step(const Locate& locate, const Update& update) = 0;

  // Everything that an exact restart needs beside weights and number of steps, zeros at first. Views of the optimizer's
  // memory: what is written there counts from the next step on.
  virtual std::vector<NamedTensor> state() const = 0;
};

// Elements whose state may share a number: a range begins at a multiple of them within its parameter.
inline constexpr int64_t kOptimizerBlock = 256;

// All of each parameter.
std::vector<ParameterRange> whole_ranges(std::span<const Parameter> parameters);

// Error(MMPO_INVALID_ARGUMENT) names a setting out of its range.
// device: of the elements that it will be given, and of its state.
std::unique_ptr<Optimizer> make_optimizer(const mmpo_optimizer_config& config, std::span<const ParameterRange> ranges,
                                          at::Device device = at::kCPU);

}  // namespace mmpo
