// Causal grouped-query attention over packed segments, without a [T, T] matrix: blocks of scores, online softmax
// (FlashAttention, arXiv 2205.14135 and 2307.08691). Arithmetic in float32 for float32 and bfloat16 activations.
// Shapes: T rows, Q = (N + 2 N_kv) D fused columns, A = N D columns, N heads, D head dim.
#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <span>

#include "common/workspace.h"

namespace mmpo {

using at::Tensor;

// Rows [begin, begin + length) attend causally to themselves, and wholly to the prefix rows, which come before them; where there
// is a window, to what of both lies in it. In forward alone, rows [0, preamble_length) may come before both: no bit of a row's
// result depends on how much of what it sees is preamble.
struct Segment {
  int64_t begin;
  int64_t length;
  int64_t prefix_begin;
  int64_t prefix_length;
  int64_t group;  // segments of a group share its prompt's keys and values
  int64_t preamble_length = 0;  // of all segments of a group
};

struct AttentionShape {
  int64_t num_heads;
  int64_t num_kv_heads;
  int64_t head_dim;
  int64_t window = 0;  // how many keys a query sees at most, its own and those before it; 0: all

  // Of scores.
  double scale() const { return 1 / std::sqrt(static_cast<double>(head_dim)); }
};

// out_TA = softmax(q k^T / sqrt(D)) v for every row of the segments; lse_NT float32: its log-sum-exp, for backward.
// qkv_TQ: [q | k | v], rotated. Deterministic for any number of threads.
void attention(const Tensor& qkv_TQ, std::span<const Segment> segments, const AttentionShape& shape, Tensor& out_TA,
               Tensor& lse_NT);

// grad_qkv_TQ is written for every row of the segments. The rows of a group's segments must be contiguous, its prompt first.
// A prompt's keys and values get the sum over the completions that read them.
void attention_backward(const Tensor& grad_out_TA, const Tensor& qkv_TQ, const Tensor& out_TA, const Tensor& lse_NT,
                        std::span<const Segment> segments, const AttentionShape& shape, Workspace& workspace,
                        Tensor& grad_qkv_TQ);

}  // namespace mmpo
