// Reduction of gradients over ranks, unit by unit in the order in which backward completes them: a bucket of units is sent as soon as its
// last one is complete, beside the rest of the backward pass.
//
// A reduction is an all-to-all: each rank gets every rank's gradient of its own part, and adds them up in the order of ranks. These are the
// bytes of a reduce-scatter in a ring, (N - 1) / N of the gradient from every rank, but a sum does not depend on the algorithm that a
// library chooses for a size: buckets of any size, ZeRO's stages, and overlap or none give the same bits. What is sent may be
// bfloat16; it is added up in float32.
//
// It is a sum, not a mean: losses are scaled by the whole batch before (mmpo_objective's scale), so uneven shares need no weights.
#pragma once

#include <optional>

#include "dist/rank_group.h"
#include "dist/shard_plan.h"

namespace mmpo {

class GradientBuckets {
 public:
  // num_elements: of a bucket, see ShardPlan; dtype: what is sent, float32 or bfloat16; overlap: false waits for each bucket at once.
  GradientBuckets(RankGroup& group, const ShardPlan& plan, int64_t num_elements, at::ScalarType dtype, bool overlap,
                  at::Device device);

  // What becomes of this rank's part of a unit, summed over ranks: float32.
  using Deliver = std::function<void(const Interval& part, const Tensor& sum)>;
  void on_sum(Deliver deliver) { deliver_ = std::move(deliver); }

  // The unit that comes next in the plan, with its gradient: float32 of its span, copied; undefined: zero. After the last unit comes the
  // first: the next round, while buckets of the last one may still travel.
  void add(const Tensor& gradient);
  const ShardPlan::Unit& next() const { return plan_.units()[unit_]; }
  // Until every sum is delivered; rounds are whole.
  void finish();

 private:
  // Memory of a bucket on its way. Two of them: one is filled while the other travels.
  struct Slot {
    Tensor sent, received;
    RankGroup::Work work;
    std::optional<ShardPlan::Bucket> bucket;  // none: free
  };
  void send(Slot& slot);
  void deliver(Slot& slot);

  RankGroup& group_;
  const ShardPlan& plan_;
  std::vector<ShardPlan::Bucket> buckets_;
  bool overlap_;
  Deliver deliver_;
  std::vector<Slot> slots_;
  Tensor sum_;  // of received bfloat16
  size_t unit_ = 0;  // of the plan, this and the next: where the round is
  size_t bucket_ = 0;
  size_t slot_ = 0;
};

}  // namespace mmpo
