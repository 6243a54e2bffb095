#include "train/update.h"

#include <cmath>

#include "common/error.h"
#include "optim/grad_clip.h"

namespace mmpo {

Update::Update(const mmpo_optimizer_config& config, TrainedWeights& weights, at::Device device)
    : weights_(weights), optimizer_(make_optimizer(config, weights.ranges(), device)) {}

double Update::apply(GradientStore& gradient, double learning_rate, double max_grad_norm, int64_t step) {
  require(learning_rate >= 0 && std::isfinite(learning_rate), "learning_rate must be >= 0, got ", learning_rate);
  require(max_grad_norm >= 0, "max_grad_norm must be >= 0 (0: no clipping), got ", max_grad_norm);
  const double norm = std::sqrt(gradient.sum_of_squares());
  if (!std::isfinite(norm)) {
    fail(MMPO_NON_FINITE, "the gradient's norm is ", norm, " in step ", step, "; nothing was updated");
  }
  const auto locate = [&](const ParameterRange& range) {
    const int64_t offset = range.offset();
    return Optimizer::Elements{weights_.masters(offset), gradient.at(offset), weights_.rounded(offset)};
  };
  optimizer_->step(locate, {learning_rate, clip_coefficient(norm, max_grad_norm), step});
  return norm;
}

}  // namespace mmpo
