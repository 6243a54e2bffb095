// Attention on raw memory, compiled once for each CPU capability; see cpu_kernels.h for how that works.
// Legend: ../attention.h and ../decode_attention.h.
#pragma once

#include <cstdint>

#include "kernels/attention.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/decode_attention.h"

namespace mmpo {

// A prompt and its completions: segments that share keys and values, the prompt first.
struct SegmentGroup {
  const Segment* segments;
  int64_t count;
  int64_t begin;   // first row
  int64_t end;     // one past the last row
  int64_t offset;  // of its rows in grad_keys and grad_values
};

// Rows that a group's part of grad_keys and grad_values has beyond its own: blocks are written whole.
inline constexpr int64_t kAttentionPadding = 64;

template <typename T>
struct AttentionInputs {
  AttentionShape shape;
  const T* qkv;
  int64_t qkv_stride;
  const SegmentGroup* groups;
  int64_t num_groups;
};

template <typename T>
struct AttentionOutputs {
  T* out;
  int64_t out_stride;
  float* lse;
  int64_t lse_stride;  // of a head
};

template <typename T>
struct AttentionGradients {
  const T* grad_out;
  int64_t grad_out_stride;
  T* grad_qkv;
  int64_t grad_qkv_stride;
  float* grad_keys;    // scratch [N, num_rows, D]
  float* grad_values;  // scratch [N, num_rows, D]
  int64_t num_rows;    // of all groups, each with its padding
};

// A cache of keys and values; strides of a sequence and of a position.
template <typename T>
struct KeyValueView {
  const T* keys;
  const T* values;
  int64_t sequence_stride;
  int64_t position_stride;
};

template <typename T>
struct DecodeInputs {
  AttentionShape shape;
  const T* qkv;
  int64_t qkv_stride;
  KeyValueView<T> cache;
  const DecodeRow* rows;
  int64_t num_rows;
  T* out;
  int64_t out_stride;
};

template <typename T>
struct CachedInputs {
  AttentionShape shape;
  const T* qkv;
  int64_t qkv_stride;
  KeyValueView<T> cache;
  const CachedSegment* segments;
  int64_t num_segments;
  T* out;
  int64_t out_stride;
};

template <typename T, typename Capability>
struct CpuAttention {
  static void forward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs);
  static void backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                       const AttentionGradients<T>& gradients);
  static void decode(const DecodeInputs<T>& inputs);
  static void cached(const CachedInputs<T>& inputs);
};

}  // namespace mmpo
