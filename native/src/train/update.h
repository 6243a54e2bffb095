// One update of what is trained: the gradient's norm, clipping, the optimizer's step, over the ranges that this process updates.
#pragma once

#include <memory>

#include "optim/optimizer.h"
#include "train/gradient_store.h"
#include "train/trained_weights.h"

namespace mmpo {

class Update {
 public:
  // The weights must outlive it.
  Update(const mmpo_optimizer_config& config, TrainedWeights& weights, at::Device device);

  // gradient: complete; step: this update's number, from 1. Returns the norm before clipping, that of all ranks.
  // Error(MMPO_NON_FINITE) leaves everything as it was, on all of them.
  double apply(GradientStore& gradient, double learning_rate, double max_grad_norm, int64_t step);

  std::vector<NamedTensor> state() const { return optimizer_->state(); }

 private:
  TrainedWeights& weights_;
  std::unique_ptr<Optimizer> optimizer_;
};

}  // namespace mmpo
