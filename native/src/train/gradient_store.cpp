#include "train/gradient_store.h"

#include <ATen/ops/zeros.h>

namespace mmpo {

GradientStore::GradientStore(const Decoder& decoder)
    : layout_(decoder.trained_layout()), has_untied_embedding_(decoder.config()->tie_embeddings == 0),
      writes_matrices_(decoder.adapter() == nullptr),
      flat_(at::zeros({layout_.size()}, at::TensorOptions().dtype(at::kFloat).device(decoder.device()))) {
  const Adapter* adapter = decoder.adapter();
  if (adapter == nullptr) {
    gradients_.weights = view_parameters(decoder.config(), layout_, flat_);
  } else {
    gradients_.weights.layers.resize(decoder.weights().layers.size());
    gradients_.adapter = adapter->view(flat_);
    const WholeMatrices whole = adapter->whole(flat_);
    gradients_.weights.embedding_VH = whole.embedding_VH;
    gradients_.weights.head_VH = whole.head_VH;
  }
}

DecoderGradients& GradientStore::begin_slice(bool has_graded_rows) {
  if (gradients_.matrices == Into::kNothing) {
    if (writes_matrices_ && has_graded_rows) {
      clear_sums();
    } else {
      flat_.zero_();
    }
  }
  return gradients_;
}

void GradientStore::clear_sums() {
  for (const Parameter& parameter : layout_.parameters()) {
    if (!parameter.is_matrix()) flat_.narrow(0, parameter.offset, parameter.size()).zero_();
  }
  if (has_untied_embedding_) gradients_.weights.embedding_VH.zero_();
}

const Tensor& GradientStore::complete() {
  if (gradients_.matrices == Into::kNothing) flat_.zero_();
  return flat_;
}

}  // namespace mmpo
