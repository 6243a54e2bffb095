#include "train/trained_weights.h"

#include <string_view>

#include "model/load_parameters.h"

namespace mmpo {

TrainedWeights::TrainedWeights(Decoder& decoder, bool without_masters) : decoder_(decoder) {
  Adapter* adapter = decoder.adapter();
  const Tensor& computed = adapter != nullptr ? adapter->compute_flat() : decoder.flat();
  if (computed.scalar_type() == at::kBFloat16) rounded_ = computed;
  if (adapter != nullptr) {
    flat_ = adapter->flat();
  } else {
    flat_ = without_masters ? computed : computed.to(at::kFloat);
  }
}

float* TrainedWeights::masters(int64_t offset) {
  return flat_.scalar_type() == at::kFloat ? flat_.mutable_data_ptr<float>() + offset : nullptr;
}

c10::BFloat16* TrainedWeights::rounded(int64_t offset) {
  return rounded_.defined() ? rounded_.mutable_data_ptr<c10::BFloat16>() + offset : nullptr;
}

std::vector<NamedTensor> TrainedWeights::views_of(const Tensor& flat) const {
  std::vector<NamedTensor> views;
  for (const Parameter& parameter : layout().parameters()) {
    const Tensor values = flat.narrow(0, parameter.offset, parameter.size());
    views.push_back(
        {parameter.name, parameter.is_matrix() ? values.view({parameter.rows, parameter.columns}) : values});
  }
  return views;
}

void TrainedWeights::load(std::span<const mmpo_tensor> tensors) {
  if (decoder_.adapter() != nullptr) {
    load_parameters(layout(), tensors, [](std::string_view) { return false; }, "adapter_config.json", flat_);
  } else {
    const auto redundant = [&](std::string_view name) { return is_redundant(name, decoder_.config()); };
    load_parameters(layout(), tensors, redundant, "config.json", flat_);
  }
  refresh();
}

void TrainedWeights::refresh() {
  if (rounded_.defined() && !rounded_.is_same(flat_)) rounded_.copy_(flat_);
}

}  // namespace mmpo
