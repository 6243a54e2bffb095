// Training of a model's weights, or of its adapter's where it has one: gradients, moments, master weights, and the two calls
// of a step.
#pragma once

#include <vector>

#include "model/model.h"
#include "optim/adamw.h"
#include "train/objective.h"

namespace mmpo {

class Trainer {
 public:
  // The model must outlive the trainer, which updates its weights in place; with an adapter the adapter's alone.
  Trainer(Model& model, const mmpo_optimizer_config& config);

  struct Result {
    std::vector<double> losses;  // [G]
    std::vector<double> logps;  // [C]
    std::vector<double> rewards;  // [C]
  };
  // Forward and backward; adds to the gradients.
  Result accumulate(const mmpo_batch& batch, const Objective& objective);

  // One AdamW update; returns the gradient's norm before clipping. Error(MMPO_NON_FINITE) leaves everything as it was.
  double step(double learning_rate, double max_grad_norm);

  // Flat float32 state of mmpo_state, all of layout().size() elements.
  Tensor& state(int32_t which);
  int64_t num_steps() const { return num_steps_; }
  // After the state was overwritten: the model's weights follow.
  void restore(int64_t num_steps);

  const Model& model() const { return model_; }
  // Of what is trained.
  const ParameterLayout& layout() const;

 private:
  struct Stretch {  // parameters that share a weight decay
    int64_t offset;
    int64_t count;
    bool decays;
  };

  Model& model_;
  mmpo_optimizer_config config_;
  Tensor master_;  // float32: what is trained; the model's own buffer where it is float32
  Tensor bfloat16_;  // what the model computes with, master_ rounded; undefined where that is master_ itself
  Tensor gradient_;
  Tensor exp_avg_;
  Tensor exp_avg_sq_;
  DecoderGradients gradients_;
  std::vector<Stretch> stretches_;
  int64_t num_steps_ = 0;
  int64_t micro_batch_ = 0;  // since the last step
};

// The objective's losses without gradients.
Trainer::Result evaluate(Model& model, const mmpo_batch& batch, const Objective& objective);

}  // namespace mmpo
