// The gradient of one rank of several, whole in one buffer, and reduced once an
// update: beside the backward pass of the slice that is known to be the last,
// or after it. Then each rank has the sums of its own parts, and at ZeRO's
// stage 0 those of all.
#pragma once

#include "dist/gradient_buckets.h"
#include "dist/part_gather.h"
#include "train/whole_gradients.h"

namespace mmpo {

class ReducedGradients : public WholeGradients {
 public:
  ReducedGradients(const Decoder& decoder, Sharding& sharding);

  DecoderGradients& begin_slice(bool has_graded_rows, bool is_last) override;
  void complete() override;
  void begin_update() override;
  double sum_of_squares() override;

 private:
  void reduce(int64_t unit);

  Sharding& sharding_;
  GradientBuckets buckets_;
  PartGather gather_;
  bool is_reduced_ = false; // or being it
};

// Of a rank's parts, which lie where at says: one sum a part, added up in their
// order.
double sum_of_squares(const ShardPlan& plan, int rank, const std::function<Tensor(const Interval&)>& at);
// Of all ranks' parts, each of which knows its own.
double sum_over_ranks(RankGroup& group, double own);

} // namespace mmpo
