// Training of a model's weights, or of its adapter's where it has one, in three parts: a store of gradients, the weights that are
// trained, and the update; and the two calls of a step.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "dist/sharding.h"
#include "model/model.h"
#include "train/gradient_store.h"
#include "train/objective.h"
#include "train/trained_weights.h"
#include "train/update.h"

namespace mmpo {

class Trainer {
 public:
  // The model must outlive the trainer, which updates its weights in place; with an adapter the adapter's alone.
  // sharding: null for one process, else what it shares with other ranks, which make the same calls in the same order.
  Trainer(Model& model, const mmpo_optimizer_config& config, const mmpo_sharding* sharding = nullptr);

  struct Result {
    std::vector<double> losses;  // [G]
    std::vector<double> logps;  // [C]
    std::vector<double> rewards;  // [C]
  };
  // Forward and backward, slice by slice; adds to the gradients.
  Result accumulate(const mmpo_batch& batch, const Objective& objective);

  // Which of the update's groups, of all ranks, those of the next micro-batch are; where nobody says so, those after the last
  // micro-batch's. Masks of dropout are functions of that.
  void expect_groups(std::span<const int64_t> numbers);
  // The next micro-batch is the last one before step().
  void expect_step() { expects_step_ = true; }

  // One update; returns the gradient's norm before clipping. Error(MMPO_NON_FINITE) leaves everything as it was.
  double step(double learning_rate, double max_grad_norm);

  // What is trained: float32 master weights, or the model's own (which are bfloat16 where such a model has no masters), in the
  // layout; of a rank that has the masters of its parts alone, those.
  Tensor& parameters() { return weights_.values(); }
  // float32: what the micro-batches added up to, those since the last step, or that led to it; likewise.
  Tensor& gradients() { return gradients_->values(); }
  // Views, by name, of the two and of the optimizer's state: an mmpo_state. They live as long as the trainer.
  const std::vector<NamedTensor>& state(int32_t which) const;
  int64_t num_steps() const { return num_steps_; }
  // What is trained, from tensors that have all of it, read by read where they are not in memory; the model's weights follow.
  // Error(MMPO_INVALID_MODEL) names the tensor.
  void load(std::span<const mmpo_tensor> tensors, const ReadWeights& read = nullptr) { weights_.load(tensors, read); }
  // After the state was overwritten: the model's weights follow.
  void restore(int64_t num_steps);

  const Model& model() const { return model_; }
  // Of what is trained.
  const ParameterLayout& layout() const { return weights_.layout(); }
  bool is_sharded() const { return sharding_ != nullptr; }
  // By this rank to others.
  int64_t bytes_sent() const { return sharding_ != nullptr ? sharding_->group().bytes_sent() : 0; }

 private:
  using GroupNumbers = std::span<const int64_t>;  // within the update, for dropout's masks
  // What expect_groups() was told of the next micro-batch's, which is used up, or those after the last one's.
  std::vector<int64_t> take_group_numbers(int64_t num_groups);
  // What losses take from other ranks' rows is known by now.
  Result accumulate_own(std::span<const BatchSlice> slices, const Objective& objective, GroupNumbers numbers);
  CompletionScores accumulate_slice(const mmpo_batch& batch, const Objective& objective, GroupNumbers numbers,
                                    bool is_last);
  // The same without gradients, under the same masks.
  CompletionScores score_slice(const mmpo_batch& batch, const Objective& objective, GroupNumbers numbers);
  // Of a slice's forward pass.
  DropoutPass dropout(const PackedBatch& packed, GroupNumbers numbers) const;

  Model& model_;
  int32_t recompute_;
  std::unique_ptr<Sharding> sharding_;  // null where there is one rank
  TrainedWeights weights_;
  std::unique_ptr<GradientStore> gradients_;
  Update update_;
  std::array<std::vector<NamedTensor>, 3> state_;  // by mmpo_state
  int64_t num_steps_ = 0;
  std::vector<int64_t> expected_groups_;  // of the next micro-batch; empty: those after the last one's
  int64_t next_group_ = 0;  // of the update: one more than the last micro-batch's last
  bool expects_step_ = false;
};

// The objective's losses without gradients.
Trainer::Result evaluate(Model& model, const mmpo_batch& batch, const Objective& objective);

}  // namespace mmpo
