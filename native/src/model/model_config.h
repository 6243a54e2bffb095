// The decoder's sizes and switches: mmpo_model_config, checked.
#pragma once

#include <cstdint>

#include "mmpo/mmpo.h"

namespace mmpo {

class ModelConfig {
 public:
  // Throws Error(MMPO_INVALID_ARGUMENT) naming the field.
  explicit ModelConfig(const mmpo_model_config& config);

  const mmpo_model_config* operator->() const { return &config_; }
  const mmpo_model_config& operator*() const { return config_; }

  int64_t query_size() const { return config_.num_heads * config_.head_dim; }
  int64_t key_size() const { return config_.num_kv_heads * config_.head_dim; }
  // Columns of the fused projection [q | k | v].
  int64_t qkv_size() const { return query_size() + 2 * key_size(); }

 private:
  mmpo_model_config config_;
};

}  // namespace mmpo
