// The gradient of one process, in one buffer.
#pragma once

#include "train/gradient_store.h"

namespace mmpo {

class WholeGradients : public GradientStore {
 public:
  explicit WholeGradients(const Decoder& decoder);

  void begin_micro_batch(int64_t) override {}
  void end_micro_batch() override {}
  DecoderGradients& begin_slice(bool has_graded_rows, bool is_last) override;
  void end_slice() override { gradients_.matrices = Into::kSum; }
  void complete() override;
  void begin_update() override { gradients_.matrices = Into::kNothing; }
  double sum_of_squares() override;
  const float* at(int64_t offset) const override { return flat_.const_data_ptr<float>() + offset; }
  Tensor& values() override { return flat_; }
  std::vector<NamedTensor> views() override { return views_of(layout_, flat_); }

 protected:
  const ParameterLayout& layout_;
  Tensor flat_;
  DecoderGradients gradients_;

 private:
  // Most of the gradient is made by products that write it anew (as large as
  // the weights, it costs more to clear and to read than to write); what is
  // left are the small ones, which are only ever added to.
  void clear_sums();

  bool writes_matrices_; // an adapter's are sums, all of them
  bool has_untied_embedding_;
};

// Where a decoder's backward pass adds, in memory that says where a run of the
// trained layout lies.
DecoderGradients gradients_in(const Decoder& decoder, const FlatMemory& memory);

} // namespace mmpo
