#include "optim/optimizer.h"

#include <cmath>

#include "common/error.h"
#include "optim/adam8bit.h"
#include "optim/adamw.h"

namespace mmpo {
namespace {

void check(const mmpo_optimizer_config& config) {
  require(config.beta1 >= 0 && config.beta1 < 1, "adam_beta1 must be in [0, 1), got ", config.beta1);
  require(config.beta2 >= 0 && config.beta2 < 1, "adam_beta2 must be in [0, 1), got ", config.beta2);
  require(config.epsilon > 0 && std::isfinite(config.epsilon), "adam_epsilon must be > 0, got ", config.epsilon);
  require(config.weight_decay >= 0 && std::isfinite(config.weight_decay), "weight_decay must be >= 0, got ",
          config.weight_decay);
}

}  // namespace

std::vector<ParameterRange> whole_ranges(std::span<const Parameter> parameters) {
  std::vector<ParameterRange> ranges;
  for (const Parameter& parameter : parameters) ranges.push_back({parameter, 0, parameter.size()});
  return ranges;
}

std::unique_ptr<Optimizer> make_optimizer(const mmpo_optimizer_config& config, std::span<const ParameterRange> ranges,
                                          at::Device device) {
  check(config);
  const AdamWSettings settings{config.beta1, config.beta2, config.epsilon, config.weight_decay};
  switch (config.optimizer) {
    case MMPO_ADAMW:
      return std::make_unique<AdamW>(settings, ranges, device);
    case MMPO_ADAMW_8BIT:
      return std::make_unique<Adam8bit>(settings, ranges, device);
    default:
      fail(MMPO_INVALID_ARGUMENT, "unknown optimizer ", config.optimizer);
  }
}

}  // namespace mmpo
