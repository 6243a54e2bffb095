// Ranks that train together in a world of threads (../dist/fake_world.h), with uneven shares of rows, one of them without any.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dist/fake_world.h"
#include "model_testing.h"
#include "train/trainer.h"

namespace mmpo::testing::sharded {

// How ranks share, and what they train.
struct Case {
  std::string name;
  int32_t zero_stage = 2;
  int32_t reduce = MMPO_REDUCE_MICRO_BATCH;
  int32_t optimizer = MMPO_ADAMW;
  int32_t loss = MMPO_LOSS_DPO;
  int32_t second_loss = -1;
  bool lora = false;
  int32_t whole = 0;  // beside LoRA
  double dropout = 0;
  bool tied = false;
  at::ScalarType dtype = at::kFloat;
  bool without_masters = false;
  int64_t bucket_bytes = 300000;
  int32_t overlap = 1;
  int32_t reduce_dtype = MMPO_FLOAT32;
};

inline mmpo_model_config config_of(const Case& c) {
  mmpo_model_config config = wide_config();
  config.hidden_size = 96;
  config.intermediate_size = 160;
  config.num_layers = 3;
  config.tie_embeddings = c.tied ? 1 : 0;
  return config;
}

inline mmpo_optimizer_config optimizer_of(const Case& c) {
  return {0.9, 0.999, 1e-8, 0.01, MMPO_RECOMPUTE_SELECTIVE, c.optimizer, c.without_masters ? 1 : 0};
}

struct Row {
  BatchBuilder::Tokens prompt, chosen, rejected;
  double ref_chosen, ref_rejected;
};

// Micro-batches of 8 rows and of 5: of 4 ranks with 2 rows each the third has 1 of the second, the last none.
inline constexpr size_t kWholeBatch = 8;
inline constexpr int kSteps = 3;
inline std::vector<std::vector<Row>> micro_batches_of(int step) {
  at::manual_seed(700 + static_cast<uint64_t>(step));
  const int64_t vocabulary = wide_config().vocab_size;
  std::vector<std::vector<Row>> micro_batches;
  for (const size_t count : {kWholeBatch, size_t{5}}) {
    auto& rows = micro_batches.emplace_back();
    for (size_t i = 0; i < count; ++i) {
      const auto tokens = [&](size_t length) { return random_tokens(length, vocabulary); };
      const size_t length = 3 + 7 * i;
      rows.push_back({tokens(4 + i), tokens(length), tokens(30 - 2 * i), -7.0 * static_cast<double>(length), -190.0});
    }
  }
  return micro_batches;
}

struct Outcome {
  std::vector<double> norms;  // of each step
  std::vector<double> losses, rewards;  // of all rows of all steps, in the order in which they are dealt out
  Tensor weights;  // that the model computes with
  int64_t bytes = 0;
};

// What one rank, of num_ranks, does.
class RankRun {
 public:
  RankRun(const Case& c, int rank, int num_ranks)
      : case_(c), rank_(rank), num_ranks_(num_ranks), model_(random_model(config_of(c), 21, c.dtype)) {
    // Of two of its rows.
    model_->set_slice_tokens(90);
    if (!c.lora) return;
    set_adapter(*model_, {.rank = 8, .scaling = 2.0, .dropout = c.dropout, .seed = 3, .whole = c.whole});
    Adapter& adapter = *model_->decoder().adapter();
    at::manual_seed(5);
    adapter.flat().add_(at::randn({adapter.layout().size()}) * 0.05);
    adapter.refresh();
  }

  // backend: null for one process.
  void create(void* backend) {
    const mmpo_sharding sharding{backend,      case_.bucket_bytes, case_.zero_stage,
                                 case_.reduce, case_.reduce_dtype, case_.overlap};
    trainer_ = std::make_unique<Trainer>(*model_, optimizer_of(case_), backend == nullptr ? nullptr : &sharding);
  }

  void step(const std::vector<std::vector<Row>>& micro_batches, std::vector<std::vector<double>>& losses,
            std::vector<std::vector<double>>& rewards) {
    size_t total = 0;
    for (const auto& rows : micro_batches) total += rows.size();
    int64_t rows_before = 0;
    for (const auto& rows : micro_batches) {
      BatchBuilder builder;
      std::vector<double> refs;
      std::vector<int64_t> numbers;
      for (const size_t i : share_of(rows.size())) {
        numbers.push_back(rows_before + static_cast<int64_t>(i));
        builder.add(rows[i].prompt, {rows[i].chosen, rows[i].rejected});
        refs.insert(refs.end(), {rows[i].ref_chosen, rows[i].ref_rejected});
      }
      mmpo_objective settings = objective(case_.loss, 0.1);
      settings.aux_weight = 0.5;
      settings.scale = 1.0 / static_cast<double>(total);
      if (case_.second_loss >= 0) {
        settings.losses[1] = case_.second_loss;
        settings.loss_weights[1] = 0.7;
        settings.num_losses = 2;
      }
      const mmpo_batch batch = builder.batch();
      trainer_->expect_groups(numbers);
      rows_before += static_cast<int64_t>(rows.size());
      if (&rows == &micro_batches.back()) trainer_->expect_step();
      const auto result = trainer_->accumulate(batch, Objective(settings, batch, refs, std::nullopt));
      losses.push_back(result.losses);
      rewards.push_back(result.rewards);
    }
    norms_.push_back(trainer_->step(1e-4, 0.5));
  }

  Trainer& trainer() { return *trainer_; }
  Model& model() { return *model_; }
  const std::vector<double>& norms() const { return norms_; }

 private:
  // This rank's of a micro-batch's rows, which are dealt out in another order than theirs; of the last ranks none where there are few.
  std::vector<size_t> share_of(size_t num_rows) const {
    const size_t share = kWholeBatch / static_cast<size_t>(num_ranks_);
    const size_t begin = static_cast<size_t>(rank_) * share;
    std::vector<size_t> rows;
    for (size_t i = begin; i < std::min(num_rows, begin + share); ++i) rows.push_back(3 * i % num_rows);
    return rows;
  }

  Case case_;
  int rank_;
  int num_ranks_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<double> norms_;
};

inline Tensor weights_of(Model& model) {
  const Adapter* adapter = model.decoder().adapter();
  return (adapter != nullptr ? const_cast<Adapter*>(adapter)->compute_flat() : model.decoder().flat()).clone();
}

// Steps [first, last) of ranks that exist, each on a thread.
inline Outcome train(FakeWorld& world, std::vector<std::unique_ptr<RankRun>>& ranks, int first, int last) {
  std::vector<std::vector<std::vector<Row>>> steps;
  for (int step = first; step < last; ++step) steps.push_back(micro_batches_of(step));
  const size_t num_ranks = ranks.size();
  std::vector<std::vector<std::vector<double>>> losses(num_ranks), rewards(num_ranks);
  world.run([&](int rank, void*) {
    const auto r = static_cast<size_t>(rank);
    for (const auto& micro_batches : steps) ranks[r]->step(micro_batches, losses[r], rewards[r]);
  });
  Outcome outcome;
  for (size_t micro_batch = 0; micro_batch < losses[0].size(); ++micro_batch) {
    for (size_t r = 0; r < num_ranks; ++r) {
      const auto add = [](std::vector<double>& all, const std::vector<double>& some) {
        all.insert(all.end(), some.begin(), some.end());
      };
      add(outcome.losses, losses[r][micro_batch]);
      add(outcome.rewards, rewards[r][micro_batch]);
    }
  }
  outcome.norms = ranks[0]->norms();
  outcome.weights = weights_of(ranks[0]->model());
  outcome.bytes = ranks[0]->trainer().bytes_sent();
  for (size_t r = 1; r < num_ranks; ++r) {
    EXPECT_EQ(ranks[r]->norms(), outcome.norms);
    EXPECT_TRUE(at::equal(weights_of(ranks[r]->model()), outcome.weights)) << "rank " << r << " has other weights";
    EXPECT_EQ(world.calls(static_cast<int>(r)), world.calls(0)) << "rank " << r << " makes other collectives";
  }
  return outcome;
}

inline std::vector<std::unique_ptr<RankRun>> make_ranks(FakeWorld& world, const Case& c, int num_ranks,
                                                        bool alone = false) {
  // Models are drawn from the generator that all threads share.
  std::vector<std::unique_ptr<RankRun>> ranks;
  for (int rank = 0; rank < num_ranks; ++rank) ranks.push_back(std::make_unique<RankRun>(c, rank, num_ranks));
  world.run([&](int rank, void* backend) { ranks[static_cast<size_t>(rank)]->create(alone ? nullptr : backend); });
  return ranks;
}

inline Outcome train(const Case& c, int num_ranks, int num_steps = kSteps) {
  FakeWorld world(num_ranks);
  auto ranks = make_ranks(world, c, num_ranks);
  return train(world, ranks, 0, num_steps);
}

inline Outcome train_alone(const Case& c, int num_steps = kSteps) {
  FakeWorld world(1);
  auto ranks = make_ranks(world, c, 1, true);
  return train(world, ranks, 0, num_steps);
}

}  // namespace mmpo::testing::sharded
