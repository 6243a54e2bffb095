#include "train/sharded_gradients.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "common/error.h"
#include "train/reduced_gradients.h"

namespace mmpo {

ShardedGradients::ShardedGradients(const Decoder& decoder, Sharding& sharding)
    : sharding_(sharding), layout_(decoder.trained_layout()), num_layers_(decoder.config()->num_layers),
      writes_matrices_(decoder.adapter() == nullptr), has_untied_embedding_(decoder.config()->tie_embeddings == 0),
      buckets_(sharding.group(), sharding.plan(), sharding.bucket_elements(), sharding.reduce_dtype(),
               sharding.overlaps(), decoder.device()) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(decoder.device());
  int64_t largest_layer = 0;
  for (const ShardPlan::Unit& unit : plan().units()) {
    if (is_layer(unit)) largest_layer = std::max(largest_layer, unit.span().size());
  }
  const Tensor layer = at::zeros({largest_layer}, options);
  for (const ShardPlan::Unit& unit : plan().units()) {
    const int64_t size = unit.span().size();
    memory_.push_back(is_layer(unit) ? layer.narrow(0, 0, size) : at::zeros({size}, options));
  }
  parts_ = at::zeros({plan().size(sharding.rank())}, options);
  gradients_ = gradients_in(decoder, [this](int64_t offset, int64_t count) { return memory(offset, count); });
  gradients_.matrices = Into::kNothing;
  gradients_.on_complete = [this](int64_t unit) { reduce(unit); };
  buckets_.on_sum([this](const Interval& part, const Tensor& sum) {
    parts_.narrow(0, plan().place(sharding_.rank(), part.begin), part.size()).add_(sum);
  });
}

Tensor ShardedGradients::memory(int64_t offset, int64_t count) {
  for (size_t i = 0; i < memory_.size(); ++i) {
    const Interval span = plan().units()[i].span();
    if (offset >= span.begin && offset < span.end) return memory_[i].narrow(0, offset - span.begin, count);
  }
  fail(MMPO_INTERNAL, "element ", offset, " of the flat buffer is no unit's");
}

void ShardedGradients::begin_micro_batch(int64_t num_slices) {
  num_slices_ = num_slices;
  const auto value = static_cast<double>(num_slices);
  slices_of_ranks_ = sharding_.group().gather({&value, 1}, "the exchange of numbers of slices");
}

void ShardedGradients::end_micro_batch() {
  const std::vector<double> all = slices_of_ranks_->wait();
  const auto most = static_cast<int64_t>(std::ranges::max(all));
  for (int64_t slice = num_slices_; slice < most; ++slice) {
    for (size_t unit = 0; unit < memory_.size(); ++unit) buckets_.add({});
  }
}

DecoderGradients& ShardedGradients::begin_slice(bool has_graded_rows, bool) {
  has_graded_rows_ = has_graded_rows;
  bool is_first_layer = true;
  for (size_t unit = 0; unit < memory_.size(); ++unit) {
    const bool is_layer = this->is_layer(plan().units()[unit]);
    if (!is_layer || is_first_layer) prepare(unit);
    is_first_layer = is_first_layer && !is_layer;
  }
  return gradients_;
}

void ShardedGradients::prepare(size_t unit) {
  const int64_t number = plan().units()[unit].number;
  const bool is_written = writes_matrices_ && has_graded_rows_;
  if (!is_written || (number == kEmbeddingUnit && has_untied_embedding_)) {
    memory_[unit].zero_();
    return;
  }
  for (const Parameter& parameter : layout_.parameters()) {
    if (parameter.unit == number && !parameter.is_matrix()) memory(parameter.offset, parameter.size()).zero_();
  }
}

// A unit without parameters (a layer that has no adapter) is none of the
// plan's.
void ShardedGradients::reduce(int64_t number) {
  if (buckets_.next().number != number) return;
  const auto& units = plan().units();
  const auto unit = static_cast<size_t>(&buckets_.next() - units.data());
  buckets_.add(memory_[unit]);
  if (is_layer(units[unit]) && unit + 1 < units.size() && is_layer(units[unit + 1])) prepare(unit + 1);
}

double ShardedGradients::sum_of_squares() {
  const auto at = [this](const Interval& part) {
    return parts_.narrow(0, plan().place(sharding_.rank(), part.begin), part.size());
  };
  return sum_over_ranks(sharding_.group(), mmpo::sum_of_squares(plan(), sharding_.rank(), at));
}

const float* ShardedGradients::at(int64_t offset) const {
  return parts_.const_data_ptr<float>() + plan().place(sharding_.rank(), offset);
}

} // namespace mmpo
