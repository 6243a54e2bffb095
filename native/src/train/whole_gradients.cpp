#include "train/whole_gradients.h"

#include <ATen/ops/zeros.h>

#include "optim/grad_clip.h"

namespace mmpo {

DecoderGradients gradients_in(const Decoder& decoder, const FlatMemory& memory) {
  DecoderGradients gradients;
  const Adapter* adapter = decoder.adapter();
  if (adapter == nullptr) {
    gradients.weights = view_parameters(decoder.config(), decoder.layout(), memory);
  } else {
    gradients.weights.layers.resize(decoder.weights().layers.size());
    gradients.adapter = adapter->view(memory);
    const WholeMatrices whole = adapter->whole(memory);
    gradients.weights.embedding_VH = whole.embedding_VH;
    gradients.weights.head_VH = whole.head_VH;
  }
  return gradients;
}

WholeGradients::WholeGradients(const Decoder& decoder)
    : layout_(decoder.trained_layout()),
      flat_(at::zeros({layout_.size()}, at::TensorOptions().dtype(at::kFloat).device(decoder.device()))),
      gradients_(gradients_in(decoder, memory_of(flat_))), writes_matrices_(decoder.adapter() == nullptr),
      has_untied_embedding_(decoder.config()->tie_embeddings == 0) {}

DecoderGradients& WholeGradients::begin_slice(bool has_graded_rows, bool) {
  if (gradients_.matrices == Into::kNothing) {
    if (writes_matrices_ && has_graded_rows) {
      clear_sums();
    } else {
      flat_.zero_();
    }
  }
  return gradients_;
}

void WholeGradients::clear_sums() {
  for (const Parameter& parameter : layout_.parameters()) {
    if (!parameter.is_matrix()) flat_.narrow(0, parameter.offset, parameter.size()).zero_();
  }
  if (has_untied_embedding_) gradients_.weights.embedding_VH.zero_();
}

void WholeGradients::complete() {
  if (gradients_.matrices == Into::kNothing) flat_.zero_();
}

double WholeGradients::sum_of_squares() { return sums_of_squares({&flat_, 1}).front(); }

} // namespace mmpo
