// Rotary frequencies and their scalings, by hand.
#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>

#include "common/error.h"
#include "model_testing.h"

namespace mmpo {
namespace {

mmpo_model_config scaled(int32_t type, double factor) {
  mmpo_model_config config = testing::random_config();
  config.head_dim = 16;
  config.rope_type = type;
  config.rope_factor = factor;
  return config;
}

std::vector<float> plain() { return rotary_frequencies(scaled(MMPO_ROPE_DEFAULT, 0)).inverse; }

TEST(Rope, PlainFrequenciesArePowersOfTheta) {
  const std::vector<float> frequencies = plain();
  ASSERT_EQ(frequencies.size(), 8U);
  EXPECT_EQ(frequencies[0], 1.0F);
  EXPECT_NEAR(frequencies[2], 0.1F, 1e-7F);  // 10000^(-4/16)
}

TEST(Rope, LinearDividesEveryFrequency) {
  const RotaryFrequencies found = rotary_frequencies(scaled(MMPO_ROPE_LINEAR, 2.5));
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(found.inverse[i], plain()[i] / 2.5F);
  EXPECT_EQ(found.attention_factor, 1.0F);
}

// Channel of t turns: 16 log(1024 / (2 pi t)) / (2 log 10000): 32 turns 1.41, 1 turn 4.42. Truncated: 1 and 5.
TEST(Rope, YarnGoesFromKeptToDividedBetweenItsBounds) {
  mmpo_model_config config = scaled(MMPO_ROPE_YARN, 4);
  config.rope_original_max_positions = 1024;
  config.rope_attention_factor = 1.25;
  config.rope_beta_fast = 32;
  config.rope_beta_slow = 1;
  config.rope_truncate = 1;
  const RotaryFrequencies found = rotary_frequencies(config);
  EXPECT_EQ(found.attention_factor, 1.25F);
  const float divided[] = {0, 0, 0.25F, 0.5F, 0.75F, 1, 1, 1};
  for (size_t i = 0; i < 8; ++i) {
    const float expected = plain()[i] * (1 - divided[i] + divided[i] / 4);
    EXPECT_NEAR(found.inverse[i], expected, 2e-7F * expected) << i;
  }
  config.rope_truncate = 0;
  const double low = 16 * std::log(1024 / (32 * 2 * M_PI)) / (2 * std::log(10000));
  const double high = 16 * std::log(1024 / (2 * M_PI)) / (2 * std::log(10000));
  const double share = (2 - low) / (high - low);
  EXPECT_NEAR(rotary_frequencies(config).inverse[2], static_cast<double>(plain()[2]) * (1 - share + share / 4), 1e-7);
}

TEST(Rope, NamesTheFieldThatCannotBe) {
  const auto refused = [](const mmpo_model_config& config) -> std::string {
    try {
      check_rope(config);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused(scaled(MMPO_ROPE_LINEAR, 1)), "");
  EXPECT_EQ(refused(scaled(MMPO_ROPE_LINEAR, 0)), "rope factor must be > 0, got 0");
  EXPECT_EQ(refused(scaled(MMPO_ROPE_YARN, 2)), "rope original_max_position_embeddings must be > 0, got 0");
  mmpo_model_config config = scaled(MMPO_ROPE_YARN, 2);
  config.rope_original_max_positions = 8;
  EXPECT_EQ(refused(config), "rope attention_factor must be > 0, got 0");
}

}  // namespace
}  // namespace mmpo
