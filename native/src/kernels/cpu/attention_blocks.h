// What forward and backward attention share: a task is one query head of one group, which walks the group's segments in blocks
// of kQueries rows against blocks of kKeys keys. In an unnamed namespace: each capability keeps its own.
//
// Legend: M = kQueries, N = kKeys, D head dim. Operands are of type P: float32, or bfloat16 on matrix units; scores, their
// softmax and every sum are float32.
#pragma once

#include <ATen/ceil_div.h>

#include <atomic>
#include <cmath>

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/micro_kernel.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

constexpr int64_t kQueries = 64;
constexpr int64_t kKeys = kAttentionPadding;

inline int64_t num_blocks(int64_t length) { return at::ceil_div(length, kKeys); }

// One head's view of the fused projections.
template <typename T>
struct HeadView {
  const T* query;
  const T* key;
  const T* value;
  int64_t stride;  // of a query
  int64_t key_stride;  // of a key or value
  int64_t dim;
  int64_t window;  // as in AttentionShape

  float scale() const { return 1.0F / std::sqrt(static_cast<float>(dim)); }
};

template <typename T>
HeadView<T> head_view(const AttentionInputs<T>& inputs, int64_t head) {
  const AttentionShape& shape = inputs.shape;
  const int64_t kv_head = head / (shape.num_heads / shape.num_kv_heads);
  const T* keys = inputs.qkv + shape.num_heads * shape.head_dim;
  return {inputs.qkv + head * shape.head_dim,
          keys + kv_head * shape.head_dim,
          keys + (shape.num_kv_heads + kv_head) * shape.head_dim,
          inputs.qkv_stride,
          inputs.qkv_stride,
          shape.head_dim,
          shape.window};
}

// Blocks of up to 64 rows [row, row + count) of a head, in the orders that products want them.
// As A: [64][D], zero past the last row.
template <typename T, typename P>
void copy_block(const T* rows, int64_t stride, int64_t count, int64_t dim, P* out) {
  copy_rows(GemmMatrix<T>{rows, stride, false}, {dim, dim, count}, out);
  std::memset(out + count * dim, 0, static_cast<size_t>((kKeys - count) * dim) * sizeof(P));
}
// As B with a row for a column, [D][64]: what their products with other rows read.
template <typename T, typename P>
void pack_columns(const T* rows, int64_t stride, int64_t count, int64_t dim, P* out) {
  pack_panel(GemmMatrix<T>{rows, stride, true}, {dim, dim, count}, kKeys, out);
}
// As B with a row for a depth, [64][D]: what a sum over the rows reads.
template <typename T, typename P>
void pack_depths(const T* rows, int64_t stride, int64_t count, int64_t dim, P* out) {
  pack_panel(GemmMatrix<T>{rows, stride, false}, {count, kKeys, dim}, dim, out);
}

// Which keys of a stretch the queries of a block see: those that are no later than the query and lie in its window.
struct Visible {
  int64_t first_query;  // where the block's first query stands, counted from the stretch's first key
  int64_t num_queries;
  int64_t num_keys;
  int64_t window;  // as in AttentionShape

  // Query i sees the keys [begin(i), end(i)).
  int64_t begin(int64_t i) const {
    return window == 0 ? 0 : std::clamp<int64_t>(first_query + i + 1 - window, 0, num_keys);
  }
  int64_t end(int64_t i) const { return smaller(num_keys, first_query + i + 1); }

  // A key is seen by the queries [first(key), last(key)).
  int64_t first(int64_t key) const {
    return key < num_keys ? std::clamp<int64_t>(key - first_query, 0, kQueries) : kQueries;
  }
  int64_t last(int64_t key) const {
    return window == 0 ? kQueries : std::clamp<int64_t>(key + window - first_query, first(key), kQueries);
  }
};

// Runs task(i) for every i, taken one after another by whichever thread is free; tasks write to places of their own.
template <typename P, typename Task>
void run_tasks(int64_t num_tasks, const Task& task) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    const MicroKernelScope<P> scope;
    for (int64_t i = next.fetch_add(1); i < num_tasks; i = next.fetch_add(1)) task(i);
  });
}

// Rows whose keys are packed together: [0, preamble), then [begin, begin + count).
struct KeyRows {
  int64_t preamble;
  int64_t begin;
  int64_t count;

  bool operator==(const KeyRows&) const = default;
  int64_t length() const { return preamble + count; }
};

// Calls body(segment, prefix, own) for each segment with its keys packed; the prompt's stay for its completions. A preamble's keys
// are packed with those behind them, as if all were one prompt.
// Keys: a class with pack(head, rows), and rows.
template <typename Keys, typename T, typename Body>
void for_each_segment(const HeadView<T>& head, const SegmentGroup& group, Keys& prefix, Keys& own, const Body& body) {
  prefix.rows = {};
  for (int64_t i = 0; i < group.count; ++i) {
    const Segment& segment = group.segments[i];
    const bool is_prompt = segment.prefix_length == 0;
    const KeyRows before{segment.preamble_length, segment.prefix_begin, segment.prefix_length};
    if (is_prompt) {
      prefix.rows = {};
    } else if (prefix.rows != before) {
      prefix.pack(head, before);
    }
    own.pack(head, {is_prompt ? segment.preamble_length : 0, segment.begin, segment.length});
    body(segment, prefix, own);
  }
}

}  // namespace
}  // namespace mmpo
