#include "model/model_config.h"

#include <cmath>
#include <limits>

#include "common/error.h"
#include "model/rope.h"

namespace mmpo {
namespace {

void require_positive(const char* field, int64_t value) { require(value > 0, field, " must be > 0, got ", value); }

void require_positive(const char* field, double value) {
  require(value > 0 && std::isfinite(value), field, " must be > 0, got ", value);
}

// Sizes come from a file: their products must not overflow before memory is asked for. 2^40 parameters are 4 TiB in float32.
void require_possible_size(const mmpo_model_config& config) {
  constexpr double most_parameters = 0x1p40;
  const auto hidden = static_cast<double>(config.hidden_size);
  const auto heads = static_cast<double>(config.num_heads) + 2 * static_cast<double>(config.num_kv_heads);
  const double layer =
      hidden * (2 * heads * static_cast<double>(config.head_dim) + 3 * static_cast<double>(config.intermediate_size));
  const double total =
      2 * hidden * static_cast<double>(config.vocab_size) + layer * static_cast<double>(config.num_layers);
  require(total <= most_parameters, "the sizes ask for about ", total, " parameters, more than ", most_parameters,
          ": vocab_size ", config.vocab_size, ", hidden_size ", config.hidden_size, ", intermediate_size ",
          config.intermediate_size, ", num_layers ", config.num_layers, ", num_heads ", config.num_heads,
          ", num_kv_heads ", config.num_kv_heads, ", head_dim ", config.head_dim);
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  require(config.vocab_size <= most && config.max_positions <= most && config.num_layers <= 10000, "vocab_size (",
          config.vocab_size, ") and max_positions (", config.max_positions, ") must fit 32 bits, num_layers (",
          config.num_layers, ") is at most 10000");
}

}  // namespace

ModelConfig::ModelConfig(const mmpo_model_config& config) : config_(config) {
  require_positive("vocab_size", config.vocab_size);
  require_positive("hidden_size", config.hidden_size);
  require_positive("intermediate_size", config.intermediate_size);
  require_positive("num_layers", config.num_layers);
  require_positive("num_heads", config.num_heads);
  require_positive("num_kv_heads", config.num_kv_heads);
  require_positive("head_dim", config.head_dim);
  require_positive("max_positions", config.max_positions);
  require_possible_size(config);
  require(config.num_heads % config.num_kv_heads == 0, "num_heads (", config.num_heads,
          ") must be a multiple of num_kv_heads (", config.num_kv_heads, ")");
  require(config.head_dim % 2 == 0, "head_dim must be even for rotary embeddings, got ", config.head_dim);
  require_positive("rms_norm_eps", config.rms_norm_eps);
  check_rope(config);
  config_.layers = nullptr;
  if (config.layers == nullptr) return;
  layers_.assign(config.layers, config.layers + config.num_layers);
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    constexpr int32_t all = MMPO_LAYER_SLIDING | MMPO_LAYER_UNROTATED;
    require((layers_[layer] & ~all) == 0, "layers[", layer, "] is ", layers_[layer], ", not a set of mmpo_layer");
    if ((layers_[layer] & MMPO_LAYER_SLIDING) != 0) require_positive("sliding_window", config.sliding_window);
  }
}

}  // namespace mmpo
