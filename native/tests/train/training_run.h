// Small models in training, the same every time, for tests of what a step promises.
#pragma once

#include <gtest/gtest.h>

#include "common/error.h"
#include "kernels/kernel_testing.h"
#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo::testing {

using Tokens = BatchBuilder::Tokens;

inline constexpr mmpo_optimizer_config kOptimizer{0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0};

struct TokenPair {
  Tokens prompt, chosen, rejected;
  double ref_chosen, ref_rejected;
};

inline size_t random_length(int64_t most) { return static_cast<size_t>(at::randint(1, most + 1, {1}).item<int64_t>()); }

inline std::vector<TokenPair> random_pairs(size_t count, uint64_t seed, int64_t longest = 30) {
  at::manual_seed(seed);
  const int64_t vocabulary = random_config().vocab_size;
  std::vector<TokenPair> pairs;
  for (size_t i = 0; i < count; ++i) {
    TokenPair pair{random_tokens(random_length(longest), vocabulary), random_tokens(random_length(longest), vocabulary),
                   random_tokens(random_length(longest), vocabulary), 0, 0};
    pair.ref_chosen = -5.0 * static_cast<double>(pair.chosen.size());
    pair.ref_rejected = -5.5 * static_cast<double>(pair.rejected.size());
    pairs.push_back(pair);
  }
  return pairs;
}

inline Trainer::Result accumulate(Trainer& trainer, std::span<const TokenPair> pairs, const mmpo_objective& settings,
                                  std::span<const double> refs) {
  BatchBuilder builder;
  for (const TokenPair& pair : pairs) builder.add(pair.prompt, {pair.chosen, pair.rejected});
  const mmpo_batch batch = builder.batch();
  return trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
}

inline Trainer::Result accumulate(Trainer& trainer, std::span<const TokenPair> pairs, const mmpo_objective& settings) {
  std::vector<double> refs;
  for (const TokenPair& pair : pairs) refs.insert(refs.end(), {pair.ref_chosen, pair.ref_rejected});
  return accumulate(trainer, pairs, settings, refs);
}

inline Trainer::Result accumulate_chosen(Trainer& trainer, std::span<const TokenPair> pairs, double scale) {
  BatchBuilder builder;
  for (const TokenPair& pair : pairs) builder.add(pair.prompt, {pair.chosen});
  mmpo_objective settings = objective(MMPO_LOSS_SFT, 1);
  settings.scale = scale;
  const mmpo_batch batch = builder.batch();
  return trainer.accumulate(batch, Objective(settings, batch, {}, std::nullopt));
}

inline Tensor gradients(Trainer& trainer) { return trainer.gradients().cpu().clone(); }

inline double relative_difference(const Tensor& found, const Tensor& expected) {
  return ((found - expected).norm() / expected.norm()).item<double>();
}

// NaN equals itself here.
inline bool same_bits(const Tensor& a, const Tensor& b) { return at::equal(a.view(at::kByte), b.view(at::kByte)); }

// A model and its trainer, from the same weights every time.
struct TrainingRun {
  std::unique_ptr<Model> model;
  Trainer trainer;

  explicit TrainingRun(at::ScalarType dtype = at::kFloat, const mmpo_optimizer_config& optimizer = kOptimizer,
                       const mmpo_model_config& config = random_config())
      : model(random_model(config, 21, dtype)), trainer(*model, optimizer) {}

  // Of slices that hold this many tokens.
  static TrainingRun sliced(int64_t slice_tokens, at::ScalarType dtype = at::kFloat) {
    TrainingRun run(dtype);
    run.model->set_slice_tokens(slice_tokens);
    return run;
  }

  // Step after step on other pairs; step s is the same in every run.
  void steps(int first, int last) {
    for (int step = first; step < last; ++step) {
      for (uint64_t micro_batch = 0; micro_batch < 2; ++micro_batch) {
        mmpo_objective settings = objective(MMPO_LOSS_DPO, 0.1);
        settings.scale = 1.0 / 6;
        accumulate(trainer, random_pairs(3, 100 + 2 * static_cast<uint64_t>(step) + micro_batch), settings);
      }
      trainer.step(1e-3, 1.0);
    }
  }
};

inline void expect_same_state(TrainingRun& a, TrainingRun& b) {
  EXPECT_EQ(a.trainer.num_steps(), b.trainer.num_steps());
  for (const int32_t state : {MMPO_STATE_PARAMETERS, MMPO_STATE_GRADIENTS, MMPO_STATE_OPTIMIZER}) {
    const auto& tensors = a.trainer.state(state);
    ASSERT_EQ(tensors.size(), b.trainer.state(state).size());
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_EQ(tensors[i].name, b.trainer.state(state)[i].name);
      EXPECT_TRUE(same_bits(tensors[i].values, b.trainer.state(state)[i].values)) << tensors[i].name;
    }
  }
  EXPECT_TRUE(same_bits(a.model->decoder().flat(), b.model->decoder().flat()));
}

}  // namespace mmpo::testing
