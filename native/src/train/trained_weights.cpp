#include "train/trained_weights.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <string_view>

#include "train/gradient_store.h"

namespace mmpo {

TrainedWeights::TrainedWeights(Decoder& decoder, bool without_masters, Sharding* sharding)
    : decoder_(decoder), sharding_(sharding) {
  Adapter* adapter = decoder.adapter();
  const Tensor& computed = adapter != nullptr ? adapter->compute_flat() : decoder.flat();
  const bool shares_update = sharding != nullptr && sharding->shards_update();
  if (computed.scalar_type() == at::kBFloat16) rounded_ = computed;
  if (shares_update) {
    gather_ = std::make_unique<PartGather>(sharding->group(), sharding->plan(), sharding->bucket_elements());
  }
  has_parts_alone_ = shares_update && rounded_.defined() && adapter == nullptr && !without_masters;
  if (adapter != nullptr) {
    values_ = adapter->flat();
  } else if (has_parts_alone_) {
    values_ = at::empty({sharding->plan().size(sharding->rank())}, computed.options().dtype(at::kFloat));
    take_parts(computed);
  } else {
    values_ = without_masters ? computed : computed.to(at::kFloat);
  }
}

void TrainedWeights::take_parts(const Tensor& flat) {
  const ShardPlan& plan = sharding_->plan();
  int64_t begin = 0;
  for (const ShardPlan::Unit& unit : plan.units()) {
    const Interval part = unit.part(sharding_->rank());
    values_.narrow(0, begin, part.size()).copy_(flat.narrow(0, part.begin, part.size()));
    begin += part.size();
  }
}

std::vector<ParameterRange> TrainedWeights::ranges() const {
  return gather_ != nullptr ? sharding_->plan().ranges(sharding_->rank()) : whole_ranges(layout().parameters());
}

float* TrainedWeights::masters(int64_t offset) {
  if (values_.scalar_type() != at::kFloat) return nullptr;
  const int64_t place = has_parts_alone_ ? sharding_->plan().place(sharding_->rank(), offset) : offset;
  return values_.mutable_data_ptr<float>() + place;
}

c10::BFloat16* TrainedWeights::rounded(int64_t offset) {
  return rounded_.defined() ? rounded_.mutable_data_ptr<c10::BFloat16>() + offset : nullptr;
}

std::vector<NamedTensor> TrainedWeights::views() const {
  return has_parts_alone_ ? views_of(sharding_->plan(), sharding_->rank(), values_) : views_of(layout(), values_);
}

void TrainedWeights::load(std::span<const mmpo_tensor> tensors, const ReadWeights& read) {
  // Of masters of which this rank has parts alone: all of them once, and what remains of it.
  Tensor all = has_parts_alone_ ? at::zeros({layout().size()}, values_.options()) : values_;
  if (decoder_.adapter() != nullptr) {
    load_parameters(
        layout(), tensors, read, [](std::string_view) { return false; }, "adapter_config.json", into(layout(), all));
  } else {
    const auto redundant = [&](std::string_view name) { return is_redundant(name, decoder_.config()); };
    load_parameters(layout(), tensors, read, redundant, "config.json", into(layout(), all));
  }
  if (has_parts_alone_) {
    take_parts(all);
    rounded_.copy_(all);
  } else {
    round();
  }
}

void TrainedWeights::round() {
  if (rounded_.defined() && !rounded_.is_same(values_)) rounded_.copy_(values_);
}

void TrainedWeights::refresh() {
  if (!has_parts_alone_) {
    round();
    return;
  }
  int64_t begin = 0;
  for (const ShardPlan::Unit& unit : sharding_->plan().units()) {
    const Interval part = unit.part(sharding_->rank());
    rounded_.narrow(0, part.begin, part.size()).copy_(values_.narrow(0, begin, part.size()));
    begin += part.size();
  }
  spread();
}

void TrainedWeights::spread() {
  if (gather_ == nullptr) return;
  Tensor& sent = has_parts_alone_ ? rounded_ : values_;
  gather_->spread(sent, "the gathering of updated weights");
  // Of an adapter: the optimizer rounded this rank's parts alone.
  if (!has_parts_alone_) round();
}

}  // namespace mmpo
