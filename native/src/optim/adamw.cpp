#include "optim/adamw.h"

#include <cmath>

#include "kernels/dispatch.h"

namespace mmpo {

template <typename T>
void adamw_step(const AdamWShard<T>& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                double clip_coefficient) {
  const double steps = static_cast<double>(step);
  const double correction1 = 1 - std::pow(settings.beta1, steps);
  const double correction2 = 1 - std::pow(settings.beta2, steps);
  const AdamWScalars<T> scalars{.decay = static_cast<T>(1 - learning_rate * settings.weight_decay),
                                .clip = static_cast<T>(clip_coefficient),
                                .beta2 = static_cast<T>(settings.beta2),
                                .epsilon = static_cast<T>(settings.epsilon),
                                .one_minus_beta1 = static_cast<T>(1 - settings.beta1),
                                .one_minus_beta2 = static_cast<T>(1 - settings.beta2),
                                .step_size = static_cast<T>(learning_rate / correction1),
                                .inverse_root_bc2 = static_cast<T>(1 / std::sqrt(correction2))};
  with_cpu_capability([&]<typename Capability>(Capability) {
    CpuOptimizer<T, typename Capability::type>::adamw(shard.param, shard.grad, shard.exp_avg, shard.exp_avg_sq,
                                                      shard.bf16_param, shard.count, scalars);
  });
}

template void adamw_step(const AdamWShard<float>&, const AdamWSettings&, double, int64_t, double);
template void adamw_step(const AdamWShard<double>&, const AdamWSettings&, double, int64_t, double);

}  // namespace mmpo
