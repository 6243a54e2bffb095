#include "dist/sharding.h"

#include "common/error.h"

namespace mmpo {
namespace {

const mmpo_sharding& checked(const mmpo_sharding& settings) {
  require(settings.backend != nullptr, "a sharding's backend must not be NULL");
  require(settings.zero_stage >= 0 && settings.zero_stage <= 2, "zero_stage must be 0, 1 or 2, got ",
          settings.zero_stage);
  require(settings.reduce == MMPO_REDUCE_STEP || settings.reduce == MMPO_REDUCE_MICRO_BATCH, "unknown reduce ",
          settings.reduce);
  require(settings.reduce == MMPO_REDUCE_STEP || settings.zero_stage == 2,
          "zero_reduce: micro_batch is for zero_stage 2; "
          "with stage ",
          settings.zero_stage, " a rank has the whole gradient, which is reduced once a step");
  require(settings.reduce_dtype == MMPO_FLOAT32 || settings.reduce_dtype == MMPO_BFLOAT16,
          "reduce_dtype must be MMPO_FLOAT32 or MMPO_BFLOAT16, got ", settings.reduce_dtype);
  require(settings.bucket_bytes >= 1, "bucket_bytes must be >= 1, got ", settings.bucket_bytes);
  return settings;
}

}  // namespace

Sharding::Sharding(const mmpo_sharding& settings, std::span<const Parameter> parameters, at::Device device)
    : settings_(checked(settings)), group_(*static_cast<c10d::Backend*>(settings.backend), device),
      plan_(parameters, group_.size()) {}

std::unique_ptr<Sharding> make_sharding(const mmpo_sharding* settings, std::span<const Parameter> parameters,
                                        at::Device device) {
  if (settings == nullptr) return nullptr;
  auto sharding = std::make_unique<Sharding>(*settings, parameters, device);
  return sharding->group().size() == 1 ? nullptr : std::move(sharding);
}

}  // namespace mmpo
