#include "logprob/linear_logp.h"

#include <ATen/ceil_div.h>

#include <algorithm>

#include "common/device.h"

namespace mmpo {

int64_t logit_bytes(at::Device device) { return is_gpu(device) ? kGpuLogitBytes : kCpuLogitBytes; }

LinearLogp::LinearLogp(const HeadRows& rows, const Tensor& head_VH, Workspace& workspace, int64_t logit_bytes)
    : rows_(rows), head_VH_(head_VH), workspace_(workspace), num_rows_(rows.hidden_RH.size(0)) {
  const int64_t row_bytes = head_VH.size(0) * static_cast<int64_t>(rows.hidden_RH.element_size());
  const int64_t largest = std::max<int64_t>(1, logit_bytes / row_bytes);
  num_held_rows_ = std::min(num_rows_, largest);
  num_chunks_ = at::ceil_div(num_rows_, largest);
  memory_RV_ = workspace.allocate({num_held_rows_, head_VH.size(0)}, rows.hidden_RH.scalar_type());
}

// The others share what is left: a small one would waste a product.
LinearLogp::Chunk LinearLogp::chunk(int64_t index) const {
  if (index == 0) return {0, 0, num_held_rows_};
  const auto begin = [rest = num_rows_ - num_held_rows_, others = num_chunks_ - 1](int64_t i) {
    return rest * i / others;
  };
  return {index, num_held_rows_ + begin(index - 1), begin(index) - begin(index - 1)};
}

Tensor LinearLogp::logits(const Chunk& chunk) {
  Tensor logits_RV = memory_RV_.narrow(0, 0, chunk.count);
  if (held_ != chunk.index) {
    linear({}, part(chunk, rows_.hidden_RH), head_VH_, {}, workspace_, logits_RV);
    held_ = chunk.index;
  }
  return logits_RV;
}

Tensor LinearLogp::part(const Chunk& chunk, const Tensor& x) { return x.narrow(0, chunk.first, chunk.count); }

Tensor LinearLogp::part_if_defined(const Chunk& chunk, const Tensor& x) { return x.defined() ? part(chunk, x) : x; }

void LinearLogp::backward_products(const Chunk& chunk, const Tensor& grad_logits_RV, Tensor& grad_hidden_RH,
                                   Tensor& grad_head_VH, Into into) {
  held_ = -1;
  Tensor grad_RH = part(chunk, grad_hidden_RH);
  Tensor no_bias;
  linear_backward_input(grad_logits_RV, head_VH_, workspace_, grad_RH);
  linear_backward_weight(grad_logits_RV, part(chunk, rows_.hidden_RH), workspace_, grad_head_VH, no_bias,
                         chunk.index == 0 ? into : Into::kSum);
}

void LinearLogp::forward(Tensor& lse_R, Tensor& logp_R, const LogSoftmaxExtras& extras) {
  // From the last to the first, with which backward begins.
  for (int64_t index = num_chunks_ - 1; index >= 0; --index) {
    const Chunk rows = chunk(index);
    Tensor lse = part(rows, lse_R);
    Tensor logp = part(rows, logp_R);
    log_softmax_gather(logits(rows), part(rows, rows_.targets_R), lse, logp,
                       {part_if_defined(rows, extras.log_squares_R), part_if_defined(rows, extras.entropies_R),
                        part_if_defined(rows, extras.is_first_R)});
  }
}

void LinearLogp::backward(const Tensor& lse_R, const Tensor& weights_R, const EntropyPart& entropy,
                          Tensor& grad_hidden_RH, Tensor& grad_head_VH, Into into) {
  for (int64_t index = 0; index < num_chunks_; ++index) {
    const Chunk rows = chunk(index);
    Tensor logits_RV = logits(rows);
    softmax_gradient_(logits_RV, part(rows, rows_.targets_R), part(rows, lse_R), part(rows, weights_R),
                      part_if_defined(rows, entropy.entropies_R), part_if_defined(rows, entropy.weights_R));
    backward_products(rows, logits_RV, grad_hidden_RH, grad_head_VH, into);
  }
}

void LinearLogp::forward_backward(const Tensor& weights_R, Tensor& logp_R, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                                  Into into) {
  for (int64_t index = 0; index < num_chunks_; ++index) {
    const Chunk rows = chunk(index);
    Tensor logits_RV = logits(rows);
    Tensor logp = part(rows, logp_R);
    log_softmax_gradient_(logits_RV, part(rows, rows_.targets_R), part(rows, weights_R), logp);
    backward_products(rows, logits_RV, grad_hidden_RH, grad_head_VH, into);
  }
}

}  // namespace mmpo
