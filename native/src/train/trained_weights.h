// What is trained: a model's weights or its adapter's, by the model's own memory or by float32 masters of it, and the copy that the
// model computes with.
#pragma once

#include <span>
#include <vector>

#include "model/decoder.h"
#include "optim/optimizer.h"

namespace mmpo {

class TrainedWeights {
 public:
  // without_masters: of a bfloat16 model without an adapter, whose own weights are then what is trained.
  TrainedWeights(Decoder& decoder, bool without_masters);

  const ParameterLayout& layout() const { return decoder_.trained_layout(); }
  // float32, or bfloat16 where such a model is trained without masters.
  Tensor& flat() { return flat_; }

  // Where the elements from an offset of the layout on lie. masters: null where the bfloat16 ones are trained; rounded: null where the
  // model computes in float32.
  float* masters(int64_t offset);
  c10::BFloat16* rounded(int64_t offset);

  // Views of flat() by name, in the parameters' shapes.
  std::vector<NamedTensor> views() const { return views_of(flat_); }
  // The same of another buffer in the layout.
  std::vector<NamedTensor> views_of(const Tensor& flat) const;

  // From tensors that have all of it; the model's weights follow. Error(MMPO_INVALID_MODEL) names the tensor.
  void load(std::span<const mmpo_tensor> tensors);
  // After flat() was written: the model's weights follow.
  void refresh();

 private:
  Decoder& decoder_;
  Tensor flat_;
  Tensor rounded_;  // what a bfloat16 model computes with: flat_ rounded, or flat_ itself
};

}  // namespace mmpo
