// Attention of a packed micro-batch as one variable-length problem, as CUDA's flash attention takes it: sequences one after
// another, each with its own number of queries and of keys, causal from the bottom right.
//
// The rows of a group's prompt and of the completion right behind it are one sequence over themselves. Every other completion
// is a sequence whose keys are its prompt's rows and its own. A preamble's rows come before a prompt's. So queries are the rows as
// they lie, and keys and values are gathered where a prompt has several completions or a preamble. In backward, which takes none, a
// prompt's keys get the sum over its sequences, in their order.
//
// Legend: attention.h; S sequences, G gathered rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "kernels/attention.h"

namespace mmpo {

class VarlenAttention {
 public:
  // Segments in the order of their rows, which they cover without a gap, as PackedBatch makes them. device: of the activations.
  VarlenAttention(std::span<const Segment> segments, at::Device device);

  // As attention() and attention_backward(), on every row. forward makes out_TA and lse_NT: flash attention's are its own memory,
  // and stay where it wrote them.
  void forward(const Tensor& qkv_TQ, const AttentionShape& shape, Tensor& out_TA, Tensor& lse_NT) const;
  void backward(const Tensor& grad_out_TA, const Tensor& qkv_TQ, const Tensor& out_TA, const Tensor& lse_NT,
                const AttentionShape& shape, Tensor& grad_qkv_TQ) const;

  // Whether flash attention takes these. Else products of whole sequences are made, in float32.
  static bool is_flash(at::Device device, at::ScalarType dtype, const AttentionShape& shape);

 private:
  struct Sequence {
    int64_t queries, query_begin;
    int64_t keys, key_begin;  // among the gathered rows
  };
  // Rows of the stream whose keys also stand at positions among the gathered ones: no row twice.
  struct Copies {
    Tensor rows, positions;  // int64
  };
  struct Heads {
    Tensor q_TND, k_GMD, v_GMD;  // M key heads
  };
  Heads heads(const Tensor& qkv_TQ, const AttentionShape& shape) const;
  void scatter(const Tensor& grad_q_TND, const Tensor& grad_k_GMD, const Tensor& grad_v_GMD, Tensor& grad_qkv_TQ) const;
  void plain_forward(const Heads& heads, const AttentionShape& shape, Tensor& out_TA, Tensor& lse_NT) const;
  void plain_backward(const Tensor& grad_out_TA, const Heads& heads, const Tensor& out_TA, const Tensor& lse_NT,
                      const AttentionShape& shape, Tensor& grad_qkv_TQ) const;

  std::vector<Sequence> sequences_;
  int64_t longest_query_ = 0;
  int64_t longest_key_ = 0;
  bool has_preamble_ = false;
  Tensor query_offsets_;  // int32 [S + 1]
  Tensor key_offsets_;
  Tensor gathered_G_;  // int64: the row of each; undefined where they are the rows themselves
  Tensor own_T_;  // int64: where a row's keys stand in its own sequence
  std::vector<Copies> copies_;
};

}  // namespace mmpo
