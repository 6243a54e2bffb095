#include "logprob/linear_logp.h"

#include <algorithm>

#include "kernels/kernels.h"
#include "model/linear.h"

namespace mmpo {
namespace {

// Calls body(first row, rows, their logits in workspace memory) for one chunk of rows after another.
template <typename Body>
void for_each_chunk(const HeadRows& rows, const Tensor& head_VH, int64_t logit_bytes, Workspace& workspace,
                    const Body& body) {
  const int64_t num_rows = rows.hidden_RH.size(0);
  const int64_t row_bytes = head_VH.size(0) * static_cast<int64_t>(rows.hidden_RH.element_size());
  const int64_t largest = std::max<int64_t>(1, logit_bytes / row_bytes);
  // Chunks of equal size: a small rest would waste a product.
  const int64_t num_chunks = (num_rows + largest - 1) / largest;
  if (num_chunks == 0) return;
  const WorkspaceScope scope(workspace);
  // One piece of memory for all: chunks that differ by a row would each ask for their own.
  const int64_t most = (num_rows + num_chunks - 1) / num_chunks;
  const Tensor memory = workspace.allocate({most, head_VH.size(0)}, rows.hidden_RH.scalar_type());
  for (int64_t chunk = 0; chunk < num_chunks; ++chunk) {
    const WorkspaceScope chunk_scope(workspace);
    const int64_t first = num_rows * chunk / num_chunks;
    const int64_t count = num_rows * (chunk + 1) / num_chunks - first;
    Tensor logits_RV = memory.narrow(0, 0, count);
    linear(rows.hidden_RH.narrow(0, first, count), head_VH, {}, workspace, logits_RV);
    body(first, count, logits_RV);
  }
}

void chunk_gradient(const HeadRows& rows, const Tensor& head_VH, int64_t first, int64_t count, const Tensor& lse_R,
                    const Tensor& weights_R, Workspace& workspace, Tensor& logits_RV, Tensor& grad_hidden_RH,
                    Tensor& grad_head_VH) {
  softmax_gradient_(logits_RV, rows.targets_R.narrow(0, first, count), lse_R, weights_R.narrow(0, first, count));
  Tensor grad_RH = grad_hidden_RH.narrow(0, first, count);
  Tensor no_bias;
  linear_backward_input(logits_RV, head_VH, workspace, grad_RH);
  linear_backward_weight(logits_RV, rows.hidden_RH.narrow(0, first, count), workspace, grad_head_VH, no_bias);
}

}  // namespace

void linear_logp(const HeadRows& rows, const Tensor& head_VH, Workspace& workspace, Tensor& lse_R, Tensor& logp_R,
                 int64_t logit_bytes) {
  for_each_chunk(rows, head_VH, logit_bytes, workspace, [&](int64_t first, int64_t count, const Tensor& logits_RV) {
    Tensor lse = lse_R.narrow(0, first, count);
    Tensor logp = logp_R.narrow(0, first, count);
    log_softmax_gather(logits_RV, rows.targets_R.narrow(0, first, count), lse, logp);
  });
}

void linear_logp_backward(const HeadRows& rows, const Tensor& head_VH, const Tensor& lse_R, const Tensor& weights_R,
                          Workspace& workspace, Tensor& grad_hidden_RH, Tensor& grad_head_VH, int64_t logit_bytes) {
  for_each_chunk(rows, head_VH, logit_bytes, workspace, [&](int64_t first, int64_t count, Tensor& logits_RV) {
    chunk_gradient(rows, head_VH, first, count, lse_R.narrow(0, first, count), weights_R, workspace, logits_RV,
                   grad_hidden_RH, grad_head_VH);
  });
}

void linear_logp_forward_backward(const HeadRows& rows, const Tensor& head_VH, const Tensor& weights_R,
                                  Workspace& workspace, Tensor& logp_R, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                                  int64_t logit_bytes) {
  for_each_chunk(rows, head_VH, logit_bytes, workspace, [&](int64_t first, int64_t count, Tensor& logits_RV) {
    Tensor lse_R = workspace.allocate({count}, at::kFloat);
    Tensor logp = logp_R.narrow(0, first, count);
    log_softmax_gather(logits_RV, rows.targets_R.narrow(0, first, count), lse_R, logp);
    chunk_gradient(rows, head_VH, first, count, lse_R, weights_R, workspace, logits_RV, grad_hidden_RH, grad_head_VH);
  });
}

}  // namespace mmpo
