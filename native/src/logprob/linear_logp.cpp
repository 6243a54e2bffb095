#include "logprob/linear_logp.h"

#include <algorithm>

#include "kernels/kernels.h"
#include "model/linear.h"

namespace mmpo {

LinearLogp::LinearLogp(const HeadRows& rows, const Tensor& head_VH, Workspace& workspace, int64_t logit_bytes)
    : rows_(rows), head_VH_(head_VH), workspace_(workspace), num_rows_(rows.hidden_RH.size(0)) {
  const int64_t row_bytes = head_VH.size(0) * static_cast<int64_t>(rows.hidden_RH.element_size());
  const int64_t largest = std::max<int64_t>(1, logit_bytes / row_bytes);
  // Chunks of equal size: a small rest would waste a product.
  num_chunks_ = (num_rows_ + largest - 1) / largest;
  const int64_t most = num_chunks_ == 0 ? 0 : (num_rows_ + num_chunks_ - 1) / num_chunks_;
  memory_RV_ = workspace.allocate({most, head_VH.size(0)}, rows.hidden_RH.scalar_type());
}

LinearLogp::Chunk LinearLogp::chunk(int64_t index) const {
  const int64_t first = num_rows_ * index / num_chunks_;
  return {index, first, num_rows_ * (index + 1) / num_chunks_ - first};
}

Tensor LinearLogp::logits(const Chunk& chunk) {
  Tensor logits_RV = memory_RV_.narrow(0, 0, chunk.count);
  if (held_ != chunk.index) {
    linear(rows_.hidden_RH.narrow(0, chunk.first, chunk.count), head_VH_, {}, workspace_, logits_RV);
    held_ = chunk.index;
  }
  return logits_RV;
}

void LinearLogp::log_softmax(const Chunk& chunk, const Tensor& logits_RV, Tensor& lse_R, Tensor& logp_R) const {
  Tensor lse = lse_R.narrow(0, chunk.first, chunk.count);
  Tensor logp = logp_R.narrow(0, chunk.first, chunk.count);
  log_softmax_gather(logits_RV, rows_.targets_R.narrow(0, chunk.first, chunk.count), lse, logp);
}

void LinearLogp::gradient(const Chunk& chunk, const Tensor& lse_R, const Tensor& weights_R, Tensor& logits_RV,
                          Tensor& grad_hidden_RH, Tensor& grad_head_VH) {
  const auto part = [&chunk](const Tensor& x) { return x.narrow(0, chunk.first, chunk.count); };
  softmax_gradient_(logits_RV, part(rows_.targets_R), part(lse_R), part(weights_R));
  held_ = -1;
  Tensor grad_RH = part(grad_hidden_RH);
  Tensor no_bias;
  linear_backward_input(logits_RV, head_VH_, workspace_, grad_RH);
  linear_backward_weight(logits_RV, part(rows_.hidden_RH), workspace_, grad_head_VH, no_bias);
}

void LinearLogp::forward(Tensor& lse_R, Tensor& logp_R) {
  // From the last to the first, with which backward begins.
  for (int64_t index = num_chunks_ - 1; index >= 0; --index) {
    const Chunk rows = chunk(index);
    log_softmax(rows, logits(rows), lse_R, logp_R);
  }
}

void LinearLogp::backward(const Tensor& lse_R, const Tensor& weights_R, Tensor& grad_hidden_RH, Tensor& grad_head_VH) {
  for (int64_t index = 0; index < num_chunks_; ++index) {
    const Chunk rows = chunk(index);
    Tensor logits_RV = logits(rows);
    gradient(rows, lse_R, weights_R, logits_RV, grad_hidden_RH, grad_head_VH);
  }
}

void LinearLogp::forward_backward(const Tensor& weights_R, Tensor& logp_R, Tensor& grad_hidden_RH,
                                  Tensor& grad_head_VH) {
  Tensor lse_R = workspace_.allocate({num_rows_}, at::kFloat);
  for (int64_t index = 0; index < num_chunks_; ++index) {
    const Chunk rows = chunk(index);
    Tensor logits_RV = logits(rows);
    log_softmax(rows, logits_RV, lse_R, logp_R);
    gradient(rows, lse_R, weights_R, logits_RV, grad_hidden_RH, grad_head_VH);
  }
}

}  // namespace mmpo
