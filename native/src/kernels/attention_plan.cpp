#include "kernels/attention_plan.h"

#include "common/device.h"

namespace mmpo {

AttentionPlan::AttentionPlan(std::span<const Segment> segments, at::Device device)
    : segments_(segments.begin(), segments.end()) {
  if (is_gpu(device)) varlen_.emplace(segments, device);
}

void AttentionPlan::forward(const Tensor& qkv_TQ, const AttentionShape& shape, Tensor& out_TA, Tensor& lse_NT) const {
  if (varlen_) {
    varlen_->forward(qkv_TQ, shape, out_TA, lse_NT);
  } else {
    attention(qkv_TQ, segments_, shape, out_TA, lse_NT);
  }
}

void AttentionPlan::backward(const Tensor& grad_out_TA, const Tensor& qkv_TQ, const Tensor& out_TA,
                             const Tensor& lse_NT, const AttentionShape& shape, Workspace& workspace,
                             Tensor& grad_qkv_TQ) const {
  if (varlen_) {
    varlen_->backward(grad_out_TA, qkv_TQ, out_TA, lse_NT, shape, grad_qkv_TQ);
  } else {
    attention_backward(grad_out_TA, qkv_TQ, out_TA, lse_NT, segments_, shape, workspace, grad_qkv_TQ);
  }
}

const char* describe_attention(at::Device device, at::ScalarType dtype, const AttentionShape& shape) {
  if (!is_gpu(device)) return "flash attention by segments, on the CPU";
  if (VarlenAttention::is_flash(device, dtype, shape))
    return "FlashAttention-2, one variable-length call for a micro-batch";
  return dtype == at::kFloat
             ? "plain products of whole sequences: FlashAttention-2 takes bfloat16, not float32 (bf16: true)"
             : "plain products of whole sequences: FlashAttention-2 takes heads of a multiple of 8 elements, at "
               "most 256, and this model has others";
}

}  // namespace mmpo
