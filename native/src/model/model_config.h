// The decoder's sizes and switches: mmpo_model_config, checked.
#pragma once

#include <cstdint>
#include <vector>

#include "mmpo/types.h"

namespace mmpo {

class ModelConfig {
 public:
  // Throws Error(MMPO_INVALID_ARGUMENT) naming the field.
  explicit ModelConfig(const mmpo_model_config& config);

  // All but `layers`, which is NULL here: the next two tell what it said.
  const mmpo_model_config* operator->() const { return &config_; }
  const mmpo_model_config& operator*() const { return config_; }

  // How many tokens a token of the layer sees, itself included; 0: all before it.
  int64_t window(int64_t layer) const { return has(layer, MMPO_LAYER_SLIDING) ? config_.sliding_window : 0; }
  bool rotates(int64_t layer) const { return !has(layer, MMPO_LAYER_UNROTATED); }

  int64_t query_size() const { return config_.num_heads * config_.head_dim; }
  int64_t key_size() const { return config_.num_kv_heads * config_.head_dim; }
  // Columns of the fused projection [q | k | v].
  int64_t qkv_size() const { return query_size() + 2 * key_size(); }

 private:
  bool has(int64_t layer, int32_t flag) const {
    return !layers_.empty() && (layers_[static_cast<size_t>(layer)] & flag) != 0;
  }

  mmpo_model_config config_;
  std::vector<int32_t> layers_;
};

}  // namespace mmpo
