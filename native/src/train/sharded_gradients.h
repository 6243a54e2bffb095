// The gradient of one rank of several that keeps the sums of its own parts
// alone (ZeRO's stage 2): every slice's gradient is made in memory for one
// layer, which the next one uses again, and reduced while backward goes on.
// Beside the parts there are that layer, the head, the embedding and two
// buckets.
//
// Ranks may have different numbers of slices. Since all that is reduced is
// added up, it does not matter which slices meet: a rank that has fewer than
// another adds zeros until all have made the same number of reductions.
#pragma once

#include <optional>

#include "dist/gradient_buckets.h"
#include "train/gradient_store.h"

namespace mmpo {

class ShardedGradients : public GradientStore {
 public:
  ShardedGradients(const Decoder& decoder, Sharding& sharding);

  void begin_micro_batch(int64_t num_slices) override;
  void end_micro_batch() override;
  DecoderGradients& begin_slice(bool has_graded_rows, bool is_last) override;
  void end_slice() override {}
  void complete() override { buckets_.finish(); }
  void begin_update() override { parts_.zero_(); }
  double sum_of_squares() override;
  const float* at(int64_t offset) const override;
  Tensor& values() override { return parts_; }
  std::vector<NamedTensor> views() override { return views_of(plan(), sharding_.rank(), parts_); }

 private:
  const ShardPlan& plan() const { return sharding_.plan(); }
  bool is_layer(const ShardPlan::Unit& unit) const { return unit.number >= 0 && unit.number < num_layers_; }
  Tensor memory(int64_t offset, int64_t count);
  // Clears what the slice's backward pass adds to in a unit's memory, and does
  // not write anew.
  void prepare(size_t unit);
  void reduce(int64_t unit);

  Sharding& sharding_;
  const ParameterLayout& layout_;
  int64_t num_layers_;
  bool writes_matrices_; // as in WholeGradients
  bool has_untied_embedding_;
  bool has_graded_rows_ = true;
  std::vector<Tensor> memory_; // of each unit of the plan, one for all layers
  Tensor parts_;
  DecoderGradients gradients_;
  GradientBuckets buckets_;
  int64_t num_slices_ = 0; // of the micro-batch
  std::optional<RankGroup::Values> slices_of_ranks_;
};

} // namespace mmpo
