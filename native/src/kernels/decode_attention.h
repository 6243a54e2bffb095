// Attention of one new token a sequence over its cached keys and values.
// Shapes: S sequences in the cache, L positions of its capacity, K key columns, Q fused columns, n rows, A query columns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "kernels/attention.h"

namespace mmpo {

// A row of the step: which sequence it continues and how many keys it sees, its own among them.
struct DecodeRow {
  int64_t sequence;
  int64_t num_keys;
};

// out_nA = softmax(q k^T / sqrt(D)) v; queries are the first columns of qkv_nQ. keys_SLK, values_SLK: float32 or bfloat16.
void decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                      std::span<const DecodeRow> rows, const AttentionShape& shape, Tensor& out_nA);

}  // namespace mmpo
