// Where the gradients of what is trained are added up, from an update's first slice to its last.
#pragma once

#include "model/decoder.h"

namespace mmpo {

class GradientStore {
 public:
  // Of the decoder's weights, or of its adapter's where it has one.
  explicit GradientStore(const Decoder& decoder);

  // Where a slice's backward pass adds its gradients. has_graded_rows: false for one that has none, whose products write nothing.
  DecoderGradients& begin_slice(bool has_graded_rows);
  void end_slice() { gradients_.matrices = Into::kSum; }

  // The gradient of an update, float32 in the layout of what is trained: zero if there was no slice.
  const Tensor& complete();
  // The next slice begins a new one.
  void begin_update() { gradients_.matrices = Into::kNothing; }

  // What the slices added up to, those since the last update, or that led to it.
  Tensor& flat() { return flat_; }

 private:
  // Most of the gradient is made by products that write it anew (as large as the weights, it costs more to clear and to read than to
  // write); what is left are the small ones, which are only ever added to.
  void clear_sums();

  const ParameterLayout& layout_;
  bool has_untied_embedding_;
  bool writes_matrices_;  // an adapter's are sums, all of them
  Tensor flat_;
  DecoderGradients gradients_;
};

}  // namespace mmpo
