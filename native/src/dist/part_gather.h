// The way back: every rank's parts of a flat buffer go to all the others, a bucket after the other.
#pragma once

#include "dist/rank_group.h"
#include "dist/shard_plan.h"

namespace mmpo {

class PartGather {
 public:
  // num_elements: of a bucket, see ShardPlan.
  PartGather(RankGroup& group, const ShardPlan& plan, int64_t num_elements);

  // flat: in the plan's layout, of which this rank's parts count. what: for messages.
  void spread(Tensor& flat, const std::string& what);

 private:
  struct Slot {
    Tensor mine, all;
    RankGroup::Work work;
    size_t bucket = 0;
    bool is_under_way = false;
  };
  void send(Slot& slot, size_t bucket, const Tensor& flat, const std::string& what);
  void receive(Slot& slot, Tensor& flat);
  // The largest part of a bucket: every rank sends as much.
  int64_t padded_size(size_t bucket) const;

  RankGroup& group_;
  const ShardPlan& plan_;
  std::vector<ShardPlan::Bucket> buckets_;
};

}  // namespace mmpo
