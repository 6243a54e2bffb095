// The matrices of a decoder's projections where they are frozen and held in e4m3 (../kernels/quantized.h), half the bytes of
// bfloat16. Embedding, norms, biases and head are not among them.
// Shapes: N outputs, K inputs of a fused projection.
#pragma once

#include <array>
#include <vector>

#include "kernels/quantized.h"
#include "model/parameters.h"

namespace mmpo {

class FrozenProjections {
 public:
  // Throws Error(MMPO_UNSUPPORTED) for a device without such products, and for sizes that have none.
  FrozenProjections(const ModelConfig& config, at::Device device);

  // Names and shapes of what is held.
  const ParameterLayout& layout() const { return layout_; }
  // values: of that parameter, one after another.
  void set(size_t index, const Tensor& values);

  const QuantizedMatrix& at(int64_t layer, Projection projection) const {
    return matrices_[static_cast<size_t>(layer)][static_cast<size_t>(projection)];
  }
  // As many as the largest K.
  const Tensor& ones() const { return ones_; }

 private:
  ParameterLayout layout_;
  Tensor values_;  // e4m3, of all
  Tensor scales_;  // float32, one for each row of all
  Tensor ones_;
  std::vector<int64_t> first_rows_;  // of each parameter among all rows
  std::vector<std::array<QuantizedMatrix, kNumProjections>> matrices_;
};

}  // namespace mmpo
