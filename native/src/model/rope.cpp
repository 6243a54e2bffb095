#include "model/rope.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace mmpo {
namespace {

constexpr double kTwoPi = 6.283185307179586;

void require_positive(const char* field, double value) {
  require(value > 0 && std::isfinite(value), field, " must be > 0, got ", value);
}

// Llama 3.1's reference: low frequencies are divided by the factor, high ones kept, those between interpolated.
float llama3_scaled(double frequency, const mmpo_model_config& config) {
  const double wavelength = kTwoPi / frequency;
  const double low_wavelength = config.rope_original_max_positions / config.rope_low_freq_factor;
  const double high_wavelength = config.rope_original_max_positions / config.rope_high_freq_factor;
  if (wavelength < high_wavelength) return static_cast<float>(frequency);
  if (wavelength > low_wavelength) return static_cast<float>(frequency / config.rope_factor);
  const double smooth = (config.rope_original_max_positions / wavelength - config.rope_low_freq_factor) /
                        (config.rope_high_freq_factor - config.rope_low_freq_factor);
  return static_cast<float>((1 - smooth) * frequency / config.rope_factor + smooth * frequency);
}

// YaRN, arXiv 2309.00071: between the channels `low` and `high` a frequency goes over from kept to divided.
struct YarnRamp {
  double low;
  double high;

  explicit YarnRamp(const mmpo_model_config& config) {
    low = channel(config, config.rope_beta_fast);
    high = channel(config, config.rope_beta_slow);
    if (config.rope_truncate != 0) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(config.head_dim) - 1);
    if (low == high) high += 0.001;  // else 0 / 0
  }

  // The share of the divided frequency in the frequency of channel i.
  float divided(size_t i) const {
    const float share = (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    return std::clamp(share, 0.0F, 1.0F);
  }

  // The channel that turns so often over the original positions.
  static double channel(const mmpo_model_config& config, double turns) {
    return static_cast<double>(config.head_dim) * std::log(config.rope_original_max_positions / (turns * kTwoPi)) /
           (2 * std::log(config.rope_theta));
  }
};

}  // namespace

void check_rope(const mmpo_model_config& config) {
  require_positive("rope_theta", config.rope_theta);
  const int32_t type = config.rope_type;
  require(type >= MMPO_ROPE_DEFAULT && type <= MMPO_ROPE_YARN, "unknown rope_type ", type);
  if (type == MMPO_ROPE_DEFAULT) return;
  require_positive("rope factor", config.rope_factor);
  if (type == MMPO_ROPE_LINEAR) return;
  require_positive("rope original_max_position_embeddings", config.rope_original_max_positions);
  if (type == MMPO_ROPE_LLAMA3) {
    require(config.rope_low_freq_factor > 0 && config.rope_high_freq_factor > config.rope_low_freq_factor &&
                std::isfinite(config.rope_high_freq_factor),
            "rope high_freq_factor (", config.rope_high_freq_factor, ") must be above low_freq_factor (",
            config.rope_low_freq_factor, ") and both > 0");
  } else {
    require_positive("rope attention_factor", config.rope_attention_factor);
    require_positive("rope beta_fast", config.rope_beta_fast);
    require_positive("rope beta_slow", config.rope_beta_slow);
    require(config.rope_theta != 1, "rope_theta must not be 1 with YaRN");
  }
}

RotaryFrequencies rotary_frequencies(const mmpo_model_config& config) {
  RotaryFrequencies result{std::vector<float>(static_cast<size_t>(config.head_dim / 2)), 1};
  if (config.rope_type == MMPO_ROPE_YARN) result.attention_factor = static_cast<float>(config.rope_attention_factor);
  const auto factor = static_cast<float>(config.rope_factor);
  for (size_t i = 0; i < result.inverse.size(); ++i) {
    const auto exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    const float power = std::pow(static_cast<float>(config.rope_theta), exponent);
    const float frequency = 1.0F / power;
    switch (config.rope_type) {
      case MMPO_ROPE_LLAMA3:
        result.inverse[i] = llama3_scaled(static_cast<double>(frequency), config);
        break;
      case MMPO_ROPE_LINEAR:
        result.inverse[i] = frequency / factor;
        break;
      case MMPO_ROPE_YARN: {
        const float kept = 1 - YarnRamp(config).divided(i);
        result.inverse[i] = 1.0F / (factor * power) * (1 - kept) + frequency * kept;
        break;
      }
      default:
        result.inverse[i] = frequency;
    }
  }
  return result;
}

}  // namespace mmpo
