#include "dist/part_gather.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>

namespace mmpo {

PartGather::PartGather(RankGroup& group, const ShardPlan& plan, int64_t num_elements)
    : group_(group), plan_(plan), buckets_(plan.buckets(num_elements)) {}

int64_t PartGather::padded_size(size_t bucket) const {
  int64_t largest = 0;
  for (int rank = 0; rank < group_.size(); ++rank) largest = std::max(largest, plan_.size(buckets_[bucket], rank));
  return largest;
}

void PartGather::spread(Tensor& flat, const std::string& what) {
  int64_t largest = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) largest = std::max(largest, padded_size(bucket));
  // One bucket is packed or unpacked while the other travels.
  std::array<Slot, 2> slots;
  for (Slot& slot : slots) {
    slot.mine = at::empty({largest}, flat.options());
    slot.all = at::empty({group_.size() * largest}, flat.options());
  }
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    Slot& slot = slots[bucket % slots.size()];
    receive(slot, flat);
    send(slot, bucket, flat, what);
  }
  for (size_t i = 0; i < slots.size(); ++i) receive(slots[(buckets_.size() + i) % slots.size()], flat);
}

void PartGather::send(Slot& slot, size_t bucket, const Tensor& flat, const std::string& what) {
  const int64_t size = padded_size(bucket);
  int64_t begin = 0;
  for (size_t unit = buckets_[bucket].first_unit; unit < buckets_[bucket].end_unit; ++unit) {
    const Interval part = plan_.units()[unit].part(group_.rank());
    slot.mine.narrow(0, begin, part.size()).copy_(flat.narrow(0, part.begin, part.size()));
    begin += part.size();
  }
  slot.mine.narrow(0, begin, size - begin).zero_();
  slot.bucket = bucket;
  slot.is_under_way = true;
  slot.work = group_.all_gather(slot.mine.narrow(0, 0, size), slot.all.narrow(0, 0, group_.size() * size), what);
}

void PartGather::receive(Slot& slot, Tensor& flat) {
  if (!slot.is_under_way) return;
  slot.work.wait();
  slot.is_under_way = false;
  const ShardPlan::Bucket& bucket = buckets_[slot.bucket];
  const int64_t size = padded_size(slot.bucket);
  for (int rank = 0; rank < group_.size(); ++rank) {
    if (rank == group_.rank()) continue;
    int64_t begin = rank * size;
    for (size_t unit = bucket.first_unit; unit < bucket.end_unit; ++unit) {
      const Interval part = plan_.units()[unit].part(rank);
      flat.narrow(0, part.begin, part.size()).copy_(slot.all.narrow(0, begin, part.size()));
      begin += part.size();
    }
  }
}

}  // namespace mmpo
