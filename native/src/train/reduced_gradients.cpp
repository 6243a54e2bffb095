#include "train/reduced_gradients.h"

#include "common/error.h"
#include "optim/grad_clip.h"

namespace mmpo {

double sum_of_squares(const ShardPlan& plan, int rank, const std::function<Tensor(const Interval&)>& at) {
  std::vector<Tensor> parts;
  for (const ShardPlan::Unit& unit : plan.units()) {
    const Interval part = unit.part(rank);
    if (part.size() > 0) parts.push_back(at(part));
  }
  double sum = 0;
  for (const double of_part : sums_of_squares(parts)) sum += of_part;
  return sum;
}

double sum_over_ranks(RankGroup& group, double own) {
  double sum = 0;
  for (const double of_rank : group.gather({&own, 1}, "the sum of the gradient's norm").wait()) sum += of_rank;
  return sum;
}

ReducedGradients::ReducedGradients(const Decoder& decoder, Sharding& sharding)
    : WholeGradients(decoder), sharding_(sharding),
      buckets_(sharding.group(), sharding.plan(), sharding.bucket_elements(), sharding.reduce_dtype(),
               sharding.overlaps(), decoder.device()),
      gather_(sharding.group(), sharding.plan(), sharding.bucket_elements()) {
  buckets_.on_sum(
      [this](const Interval& part, const Tensor& sum) { flat_.narrow(0, part.begin, part.size()).copy_(sum); });
}

DecoderGradients& ReducedGradients::begin_slice(bool has_graded_rows, bool is_last) {
  require(!is_reduced_,
          "a micro-batch after the one that was announced as the "
          "last of its update");
  WholeGradients::begin_slice(has_graded_rows, is_last);
  gradients_.on_complete = nullptr;
  if (is_last) {
    is_reduced_ = true;
    gradients_.on_complete = [this](int64_t unit) { reduce(unit); };
  }
  return gradients_;
}

// A unit without parameters (a layer that has no adapter) is none of the
// plan's.
void ReducedGradients::reduce(int64_t unit) {
  if (buckets_.next().number != unit) return;
  const Interval span = buckets_.next().span();
  buckets_.add(flat_.narrow(0, span.begin, span.size()));
}

void ReducedGradients::complete() {
  if (!is_reduced_) {
    WholeGradients::complete();
    is_reduced_ = true;
    for (const ShardPlan::Unit& unit : sharding_.plan().units()) reduce(unit.number);
  }
  buckets_.finish();
  if (!sharding_.shards_update()) gather_.spread(flat_, "the gathering of gradients");
}

void ReducedGradients::begin_update() {
  WholeGradients::begin_update();
  is_reduced_ = false;
}

double ReducedGradients::sum_of_squares() {
  const auto at = [this](const Interval& part) { return flat_.narrow(0, part.begin, part.size()); };
  const auto of_rank = [&](int rank) { return mmpo::sum_of_squares(sharding_.plan(), rank, at); };
  if (sharding_.shards_update()) return sum_over_ranks(sharding_.group(), of_rank(sharding_.rank()));
  double sum = 0;
  for (int rank = 0; rank < sharding_.group().size(); ++rank) sum += of_rank(rank);
  return sum;
}

} // namespace mmpo
