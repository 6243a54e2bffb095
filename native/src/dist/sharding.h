// What a trainer that shares its work with other ranks has: their group, the plan, and the settings of ZeRO.
//
// Each rank trains on its share of every micro-batch's rows, which may be none. What a loss takes from the rows of other ranks it gets so:
//   - the mean over pairs, or over tokens, is in the objective's scale, which the caller computes from the whole batch; gradients are
//     summed over ranks, never averaged;
//   - MMPO's range of rewards the caller passes, from its cache of references; where it passes none, and for the mean length of chosen
//     completions of CHOSEN_NLL, the ranks gather four numbers each before the forward pass (../train/rank_batch.h);
//   - AOT, whose pairs depend on each other through their order, gathers the log-probabilities of all of them between two forward passes.
// Losses, log-probabilities and rewards come back of a rank's own rows; whoever logs them adds them up over ranks.
// Dropout masks are a function of a row's number in the whole update, which the caller passes (Trainer::expect_groups).
#pragma once

#include <memory>

#include "dist/rank_group.h"
#include "dist/shard_plan.h"
#include "mmpo/types.h"

namespace mmpo {

class Sharding {
 public:
  // parameters: of what is trained. Error(MMPO_INVALID_ARGUMENT) names the setting.
  Sharding(const mmpo_sharding& settings, std::span<const Parameter> parameters, at::Device device);

  RankGroup& group() { return group_; }
  const ShardPlan& plan() const { return plan_; }
  int rank() const { return group_.rank(); }

  // Whether a rank updates its own parts alone, and has the optimizer's state of these alone.
  bool shards_update() const { return settings_.zero_stage >= 1; }
  // Whether a rank keeps the gradient of its own parts alone, and so reduces every slice's.
  bool shards_gradients() const { return settings_.zero_stage == 2 && settings_.reduce == MMPO_REDUCE_MICRO_BATCH; }
  bool overlaps() const { return settings_.overlap != 0; }
  at::ScalarType reduce_dtype() const { return settings_.reduce_dtype == MMPO_BFLOAT16 ? at::kBFloat16 : at::kFloat; }
  // Of float32.
  int64_t bucket_elements() const { return std::max<int64_t>(1, settings_.bucket_bytes / 4); }

 private:
  mmpo_sharding settings_;
  RankGroup group_;
  ShardPlan plan_;
};

// None where there is one rank, which makes no collective.
std::unique_ptr<Sharding> make_sharding(const mmpo_sharding* settings, std::span<const Parameter> parameters,
                                        at::Device device);

}  // namespace mmpo
