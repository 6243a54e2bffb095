// Attention over cached keys and values: of one new token a sequence, and of several that go on after them.
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

// Rows [begin, begin + length) of a step, a sequence's positions from first_position on. All keys up to the last row's are in the cache.
struct CachedSegment {
  int64_t begin;
  int64_t length;
  int64_t sequence;
  int64_t first_position;
};

// out_nA = softmax(q k^T / sqrt(D)) v; queries are the first columns of qkv_nQ. keys_SLK, values_SLK: float32 or bfloat16.
void decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                      std::span<const DecodeRow> rows, const AttentionShape& shape, Tensor& out_nA);

// The same of the segments' rows, each of which sees the keys up to its own, with the bits that attention() gives the whole
// sequence as one segment: how much of it was cached before does not show.
void cached_attention(const Tensor& qkv_TQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                      std::span<const CachedSegment> segments, const AttentionShape& shape, Tensor& out_TA);

}  // namespace mmpo
