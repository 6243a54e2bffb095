#include "dist/gradient_buckets.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "common/error.h"

namespace mmpo {

GradientBuckets::GradientBuckets(RankGroup& group, const ShardPlan& plan, int64_t num_elements, at::ScalarType dtype,
                                 bool overlap, at::Device device)
    : group_(group), plan_(plan), buckets_(plan.buckets(num_elements)), overlap_(overlap) {
  int64_t largest = 0;
  int64_t largest_part = 0;
  for (const auto& bucket : buckets_) {
    int64_t elements = 0;
    for (size_t unit = bucket.first_unit; unit < bucket.end_unit; ++unit) elements += plan.units()[unit].span().size();
    largest = std::max(largest, elements);
    largest_part = std::max(largest_part, plan.size(bucket, group.rank()));
  }
  const auto options = at::TensorOptions().dtype(dtype).device(device);
  slots_.resize(std::min<size_t>(overlap ? 2 : 1, buckets_.size()));
  for (Slot& slot : slots_) {
    slot.sent = at::empty({largest}, options);
    slot.received = at::empty({group.size() * largest_part}, options);
  }
  if (dtype != at::kFloat) sum_ = at::empty({largest_part}, options.dtype(at::kFloat));
}

void GradientBuckets::add(const Tensor& gradient) {
  const ShardPlan::Bucket& bucket = buckets_[bucket_];
  Slot& slot = slots_[slot_];
  if (unit_ == bucket.first_unit) deliver(slot);
  const ShardPlan::Unit& unit = plan_.units()[unit_];
  int64_t of_rank = 0;  // where a rank's elements begin
  for (int rank = 0; rank < group_.size(); ++rank) {
    const Interval part = unit.part(rank);
    const int64_t before = plan_.size({bucket.first_unit, unit_}, rank);
    Tensor to = slot.sent.narrow(0, of_rank + before, part.size());
    if (gradient.defined()) {
      to.copy_(gradient.narrow(0, part.begin - unit.span().begin, part.size()));
    } else {
      to.zero_();
    }
    of_rank += plan_.size(bucket, rank);
  }
  if (++unit_ == bucket.end_unit) {
    send(slot);
    if (!overlap_) deliver(slot);
    bucket_ = (bucket_ + 1) % buckets_.size();
    slot_ = (slot_ + 1) % slots_.size();
    unit_ %= plan_.units().size();
  }
}

void GradientBuckets::send(Slot& slot) {
  const ShardPlan::Bucket& bucket = buckets_[bucket_];
  slot.bucket = bucket;
  std::vector<int64_t> send_sizes;
  int64_t num_sent = 0;
  for (int rank = 0; rank < group_.size(); ++rank) {
    send_sizes.push_back(plan_.size(bucket, rank));
    num_sent += send_sizes.back();
  }
  const int64_t own = plan_.size(bucket, group_.rank());
  std::vector<int64_t> receive_sizes(static_cast<size_t>(group_.size()), own);
  const auto& units = plan_.units();
  slot.work =
      group_.all_to_all(slot.sent.narrow(0, 0, num_sent), std::move(send_sizes),
                        slot.received.narrow(0, 0, group_.size() * own), std::move(receive_sizes),
                        "the reduction of gradients of units " + std::to_string(units[bucket.first_unit].number) +
                            " to " + std::to_string(units[bucket.end_unit - 1].number));
}

void GradientBuckets::deliver(Slot& slot) {
  if (!slot.bucket) return;
  const ShardPlan::Bucket bucket = *slot.bucket;
  slot.work.wait();
  slot.bucket.reset();
  const int64_t own = plan_.size(bucket, group_.rank());
  Tensor sum = slot.received.narrow(0, 0, own);
  if (sum_.defined()) sum = sum_.narrow(0, 0, own).copy_(sum);
  for (int rank = 1; rank < group_.size(); ++rank) sum.add_(slot.received.narrow(0, rank * own, own));
  int64_t begin = 0;
  for (size_t unit = bucket.first_unit; unit < bucket.end_unit; ++unit) {
    const Interval part = plan_.units()[unit].part(group_.rank());
    if (part.size() > 0) deliver_(part, sum.narrow(0, begin, part.size()));
    begin += part.size();
  }
}

void GradientBuckets::finish() {
  if (unit_ != 0) fail(MMPO_INTERNAL, "gradients of ", unit_, " of ", plan_.units().size(), " units were reduced");
  // The oldest first.
  for (size_t i = 0; i < slots_.size(); ++i) deliver(slots_[(slot_ + i) % slots_.size()]);
}

}  // namespace mmpo
