// Attention of a packed micro-batch, planned once for all layers: by segments on the CPU, as one variable-length problem on a GPU.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/workspace.h"
#include "kernels/attention.h"
#include "kernels/varlen_attention.h"

namespace mmpo {

class AttentionPlan {
 public:
  // Of nothing yet.
  AttentionPlan() = default;
  // Segments in the order of their rows, which they cover without a gap.
  AttentionPlan(std::span<const Segment> segments, at::Device device);

  const std::vector<Segment>& segments() const { return segments_; }

  // As attention() and attention_backward() of attention.h. On a GPU forward makes out_TA and lse_NT; on the CPU it fills them.
  void forward(const Tensor& qkv_TQ, const AttentionShape& shape, Tensor& out_TA, Tensor& lse_NT) const;
  void backward(const Tensor& grad_out_TA, const Tensor& qkv_TQ, const Tensor& out_TA, const Tensor& lse_NT,
                const AttentionShape& shape, Workspace& workspace, Tensor& grad_qkv_TQ) const;

 private:
  std::vector<Segment> segments_;
  std::optional<VarlenAttention> varlen_;  // on a GPU
};

// How it is computed for such activations, and why not faster: one line, of static storage.
const char* describe_attention(at::Device device, at::ScalarType dtype, const AttentionShape& shape);

}  // namespace mmpo
