#include "train/gradient_store.h"

#include "train/reduced_gradients.h"
#include "train/sharded_gradients.h"

namespace mmpo {

std::unique_ptr<GradientStore> make_gradient_store(const Decoder& decoder, Sharding* sharding) {
  if (sharding == nullptr) return std::make_unique<WholeGradients>(decoder);
  if (sharding->shards_gradients()) return std::make_unique<ShardedGradients>(decoder, *sharding);
  return std::make_unique<ReducedGradients>(decoder, *sharding);
}

std::vector<NamedTensor> views_of(const ParameterLayout& layout, const Tensor& flat) {
  std::vector<NamedTensor> views;
  for (const Parameter& parameter : layout.parameters()) {
    const Tensor values = flat.narrow(0, parameter.offset, parameter.size());
    views.push_back(
        {parameter.name, parameter.is_matrix() ? values.view({parameter.rows, parameter.columns}) : values});
  }
  return views;
}

std::vector<NamedTensor> views_of(const ShardPlan& plan, int rank, const Tensor& parts) {
  std::vector<NamedTensor> views;
  for (const ParameterRange& range : plan.ranges(rank)) {
    const Tensor values = parts.narrow(0, plan.place(rank, range.offset()), range.count);
    const Parameter& parameter = range.parameter;
    const bool is_matrix = range.is_whole() && parameter.is_matrix();
    views.push_back(
        {parameter.name, is_matrix ? values.view({parameter.rows, parameter.columns}) : values, range.begin});
  }
  return views;
}

} // namespace mmpo
