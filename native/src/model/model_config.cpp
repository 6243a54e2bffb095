#include "model/model_config.h"

#include <cmath>

#include "common/error.h"

namespace mmpo {
namespace {

void require_positive(const char* field, int64_t value) {
  require(value > 0, field, " must be > 0, got ", value);
}

// Llama 3.1's rule for one frequency.
float llama3_scaled(double frequency, const mmpo_model_config& config) {
  constexpr double two_pi = 6.283185307179586;
  const double wavelength = two_pi / frequency;
  const double low_wavelength = config.rope_original_max_positions / config.rope_low_freq_factor;
  const double high_wavelength = config.rope_original_max_positions / config.rope_high_freq_factor;
  if (wavelength < high_wavelength) return static_cast<float>(frequency);
  if (wavelength > low_wavelength) return static_cast<float>(frequency / config.rope_factor);
  const double smooth = (config.rope_original_max_positions / wavelength - config.rope_low_freq_factor) /
                        (config.rope_high_freq_factor - config.rope_low_freq_factor);
  return static_cast<float>((1 - smooth) * frequency / config.rope_factor + smooth * frequency);
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
  require(config.num_heads % config.num_kv_heads == 0, "num_heads (", config.num_heads,
          ") must be a multiple of num_kv_heads (", config.num_kv_heads, ")");
  require(config.head_dim % 2 == 0, "head_dim must be even for rotary embeddings, got ", config.head_dim);
  require(config.rms_norm_eps > 0, "rms_norm_eps must be > 0, got ", config.rms_norm_eps);
  require(config.rope_theta > 0, "rope_theta must be > 0, got ", config.rope_theta);
  require(config.rope_type == MMPO_ROPE_DEFAULT || config.rope_type == MMPO_ROPE_LLAMA3, "unknown rope_type ",
          config.rope_type);
  if (config.rope_type == MMPO_ROPE_LLAMA3) {
    require(config.rope_factor >= 1, "rope factor must be >= 1, got ", config.rope_factor);
    require(config.rope_low_freq_factor > 0 && config.rope_high_freq_factor > config.rope_low_freq_factor,
            "rope high_freq_factor (", config.rope_high_freq_factor, ") must be above low_freq_factor (",
            config.rope_low_freq_factor, ") and both > 0");
    require(config.rope_original_max_positions > 0, "rope original_max_position_embeddings must be > 0, got ",
            config.rope_original_max_positions);
  }
}

std::vector<float> ModelConfig::inverse_frequencies() const {
  std::vector<float> frequencies(static_cast<size_t>(config_.head_dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const auto exponent = static_cast<float>(2 * i) / static_cast<float>(config_.head_dim);
    const float frequency = 1.0F / std::pow(static_cast<float>(config_.rope_theta), exponent);
    frequencies[i] = config_.rope_type == MMPO_ROPE_LLAMA3 ? llama3_scaled(static_cast<double>(frequency), config_) : frequency;
  }
  return frequencies;
}

}  // namespace mmpo
