// Log-probabilities of target tokens under softmax(hidden w^T), a few hundred rows at a time: the logits of all rows
// never exist together. Shapes: R rows, H hidden, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/workspace.h"

namespace mmpo {

// Memory that the logits of one chunk may take.
inline constexpr int64_t kLogitBytes = int64_t{96} << 20;

struct HeadRows {
  Tensor hidden_RH;   // after the final norm
  Tensor targets_R;   // int64
};

// logp_R, lse_R: float32, written. lse is what backward needs.
void linear_logp(const HeadRows& rows, const Tensor& head_VH, Workspace& workspace, Tensor& lse_R, Tensor& logp_R,
                 int64_t logit_bytes = kLogitBytes);

// Gradient of sum_r weights_r * logp_r: grad_hidden_RH is written, grad_head_VH (float32) added to, or left
// out where it is undefined (a frozen head). Logits are computed again.
void linear_logp_backward(const HeadRows& rows, const Tensor& head_VH, const Tensor& lse_R, const Tensor& weights_R,
                          Workspace& workspace, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                          int64_t logit_bytes = kLogitBytes);

// Both in one pass over the logits, for weights that are known beforehand.
void linear_logp_forward_backward(const HeadRows& rows, const Tensor& head_VH, const Tensor& weights_R,
                                  Workspace& workspace, Tensor& logp_R, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                                  int64_t logit_bytes = kLogitBytes);

}  // namespace mmpo
