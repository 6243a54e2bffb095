// Flash attention over packed segments. A task is one query head of one group; it walks the group's segments in blocks of
// kQueries rows against blocks of kKeys keys. Blocks are padded to full size, so every small product has one of three shapes.
//
// Legend: M = kQueries, N = kKeys, D head dim. Packed keys are [D, N] blocks (for scores), packed values and key rows [N, D].
#include <ATen/native/CPUBlas.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "kernels/cpu/attention_kernels.h"
#include "kernels/cpu/row_math.h"
#include "kernels/cpu/scratch.h"

namespace mmpo {
namespace {

constexpr int64_t kQueries = 64;
constexpr int64_t kKeys = kAttentionPadding;

// C [m, n] = (add ? C : 0) + A [m, k] B [k, n], all contiguous.
void block_product(int64_t m, int64_t n, int64_t k, bool add, const float* a, const float* b, float* c) {
#if defined(CPU_CAPABILITY_AVX512)
  at::native::cpublas::brgemm(m, n, k, k, n, n, add, a, b, c);
#else
  for (int64_t i = 0; i < m; ++i) {
    float* row = c + i * n;
    if (!add) fill(row, n, 0.0F);
    for (int64_t j = 0; j < k; ++j) add_scaled(b + j * n, n, a[i * k + j], row);
  }
#endif
}

struct ThreadScratch {
  Scratch prefix_keys, prefix_key_rows, prefix_values, own_keys, own_key_rows, own_values, blocks;
};

ThreadScratch& thread_scratch() {
  static thread_local ThreadScratch scratch;
  return scratch;
}

int64_t num_blocks(int64_t length) { return (length + kKeys - 1) / kKeys; }

// Rows [length, D] with a stride, as zero-padded blocks: transposed [D, N] or as they are [N, D].
template <typename T>
void pack_transposed(const T* rows, int64_t stride, int64_t length, int64_t dim, float* out) {
  for (int64_t block = 0; block < num_blocks(length); ++block, out += dim * kKeys) {
    const int64_t count = smaller(kKeys, length - block * kKeys);
    const T* from = rows + block * kKeys * stride;
    for (int64_t d = 0; d < dim; ++d) {
      float* to = out + d * kKeys;
      for (int64_t n = 0; n < count; ++n) to[n] = static_cast<float>(from[n * stride + d]);
      fill(to + count, kKeys - count, 0.0F);
    }
  }
}

template <typename T>
void pack_rows(const T* rows, int64_t stride, int64_t length, int64_t dim, float* out) {
  for (int64_t n = 0; n < length; ++n) scale_row(rows + n * stride, dim, 1.0F, out + n * dim);
  fill(out + length * dim, (num_blocks(length) * kKeys - length) * dim, 0.0F);
}

// Keys and values of a stretch of rows, packed for one kv head.
struct PackedKeys {
  int64_t begin = -1;
  int64_t length = 0;
  const float* keys = nullptr;  // [blocks, D, N]
  const float* key_rows = nullptr;  // [blocks, N, D], backward only
  const float* values = nullptr;  // forward [blocks, N, D]; backward [blocks, D, N]
};

// One head's view of the fused projections.
template <typename T>
struct HeadView {
  const T* query;
  const T* key;
  const T* value;
  int64_t stride;  // of a row
  int64_t dim;
};

template <typename T>
PackedKeys pack(const HeadView<T>& head, int64_t begin, int64_t length, bool backward, Scratch& keys, Scratch& key_rows,
                Scratch& values) {
  const int64_t size = num_blocks(length) * kKeys * head.dim;
  float* packed_keys = keys.resize(size);
  float* packed_values = values.resize(size);
  pack_transposed(head.key + begin * head.stride, head.stride, length, head.dim, packed_keys);
  PackedKeys packed{begin, length, packed_keys, nullptr, packed_values};
  if (backward) {
    float* rows = key_rows.resize(size);
    pack_rows(head.key + begin * head.stride, head.stride, length, head.dim, rows);
    pack_transposed(head.value + begin * head.stride, head.stride, length, head.dim, packed_values);
    packed.key_rows = rows;
  } else {
    pack_rows(head.value + begin * head.stride, head.stride, length, head.dim, packed_values);
  }
  return packed;
}

// How many keys of a block query row i of the segment sees.
int64_t num_visible(int64_t query, int64_t block, int64_t length, bool causal) {
  const int64_t visible = causal ? smaller(length, query + 1) : length;
  const int64_t in_block = visible - block * kKeys;
  return in_block < 0 ? 0 : smaller(in_block, kKeys);
}

// Online softmax state of a block of queries.
struct Forward {
  float* queries;  // [M, D], scaled
  float* scores;  // [M, N]
  float* output;  // [M, D]
  float* maximum;  // [M]
  float* sum;  // [M]
};

// scores row -> probabilities against the running maximum; returns the factor that older sums shrink by.
float softmax_row(float* scores, int64_t visible, float& maximum, float& sum) {
  const float next = larger(maximum, max_row(scores, visible));
  const float shrink = std::isinf(maximum) ? 0.0F : std::exp(maximum - next);
  maximum = next;
  sum = sum * shrink + exp_row(scores, visible, next);
  return shrink;
}

void forward_keys(const PackedKeys& packed, int64_t dim, int64_t first_query, int64_t num_queries, bool causal,
                  const Forward& state) {
  for (int64_t block = 0; block < num_blocks(packed.length); ++block) {
    if (causal && block * kKeys > first_query + num_queries - 1) break;
    block_product(kQueries, kKeys, dim, false, state.queries, packed.keys + block * kKeys * dim, state.scores);
    for (int64_t i = 0; i < kQueries; ++i) {
      float* row = state.scores + i * kKeys;
      const int64_t visible = i < num_queries ? num_visible(first_query + i, block, packed.length, causal) : 0;
      fill(row + visible, kKeys - visible, 0.0F);
      if (visible == 0) continue;
      const float shrink = softmax_row(row, visible, state.maximum[i], state.sum[i]);
      float* output = state.output + i * dim;
      scale_row(output, dim, shrink, output);
    }
    block_product(kQueries, dim, kKeys, true, state.scores, packed.values + block * kKeys * dim, state.output);
  }
}

template <typename T>
void forward_segment(const HeadView<T>& head, const Segment& segment, const PackedKeys& prefix, const PackedKeys& own,
                     Scratch& scratch, T* out, int64_t out_stride, float* lse) {
  const int64_t dim = head.dim;
  float* memory = scratch.resize(2 * kQueries * dim + kQueries * kKeys + 2 * kQueries);
  const Forward state{memory, memory + 2 * kQueries * dim, memory + kQueries * dim,
                      memory + 2 * kQueries * dim + kQueries * kKeys,
                      memory + 2 * kQueries * dim + kQueries * kKeys + kQueries};
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  for (int64_t first = 0; first < segment.length; first += kQueries) {
    const int64_t count = smaller(kQueries, segment.length - first);
    for (int64_t i = 0; i < count; ++i) {
      scale_row(head.query + (segment.begin + first + i) * head.stride, dim, scale, state.queries + i * dim);
    }
    fill(state.queries + count * dim, (kQueries - count) * dim, 0.0F);
    fill(state.output, kQueries * dim, 0.0F);
    fill(state.maximum, kQueries, -std::numeric_limits<float>::infinity());
    fill(state.sum, kQueries, 0.0F);
    forward_keys(prefix, dim, first, count, false, state);
    forward_keys(own, dim, first, count, true, state);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = segment.begin + first + i;
      scale_row(state.output + i * dim, dim, 1.0F / state.sum[i], out + row * out_stride);
      lse[row] = state.maximum[i] + std::log(state.sum[i]);
    }
  }
}

// Blocks of one query block in backward.
struct Backward {
  float* queries;  // [M, D], scaled
  float* grad_out;  // [M, D]
  float* grad_queries;  // [M, D]
  float* probabilities;  // [M, N]
  float* grad_scores;  // [M, N]
  float* transposed;  // [N, M]
  float* lse;  // [M]
  float* grad_out_dot_out;  // [M]
};

// grad = probability * (grad - dot).
void score_gradient(const float* probability, int64_t count, float dot, float* grad) {
  const Vec shift(dot);
  for_each_vector(count, [&](int64_t i, auto extent) {
    store(grad + i, load(probability + i, extent) * (load(grad + i, extent) - shift), extent);
  });
}

void transpose_block(const float* from, float* to) {
  for (int64_t n = 0; n < kKeys; ++n) {
    for (int64_t m = 0; m < kQueries; ++m) to[n * kQueries + m] = from[m * kKeys + n];
  }
}

// grad_keys, grad_values: [rows padded to blocks, D] of the packed stretch, added to.
void backward_keys(const PackedKeys& packed, int64_t dim, int64_t first_query, int64_t num_queries, bool causal,
                   const Backward& state, float* grad_keys, float* grad_values) {
  for (int64_t block = 0; block < num_blocks(packed.length); ++block) {
    if (causal && block * kKeys > first_query + num_queries - 1) break;
    const int64_t offset = block * kKeys * dim;
    block_product(kQueries, kKeys, dim, false, state.queries, packed.keys + offset, state.probabilities);
    block_product(kQueries, kKeys, dim, false, state.grad_out, packed.values + offset, state.grad_scores);
    for (int64_t i = 0; i < kQueries; ++i) {
      float* probability = state.probabilities + i * kKeys;
      float* grad = state.grad_scores + i * kKeys;
      const int64_t visible = i < num_queries ? num_visible(first_query + i, block, packed.length, causal) : 0;
      const float lse = state.lse[i];
      const float dot = state.grad_out_dot_out[i];
      exp_row(probability, visible, lse);
      score_gradient(probability, visible, dot, grad);
      fill(probability + visible, kKeys - visible, 0.0F);
      fill(grad + visible, kKeys - visible, 0.0F);
    }
    transpose_block(state.probabilities, state.transposed);
    block_product(kKeys, dim, kQueries, true, state.transposed, state.grad_out, grad_values + offset);
    transpose_block(state.grad_scores, state.transposed);
    block_product(kKeys, dim, kQueries, true, state.transposed, state.queries, grad_keys + offset);
    block_product(kQueries, dim, kKeys, true, state.grad_scores, packed.key_rows + offset, state.grad_queries);
  }
}

// The outputs of one head's forward, and where its gradients go.
template <typename T>
struct HeadGradient {
  const T* grad_out;
  int64_t grad_out_stride;
  const T* out;
  int64_t out_stride;
  const float* lse;
  T* grad_query;
  int64_t grad_stride;
  float* grad_keys;  // [rows of the group + padding, D], of this query head alone
  float* grad_values;
  int64_t group_begin;
};

template <typename T>
void backward_segment(const HeadView<T>& head, const Segment& segment, const PackedKeys& prefix, const PackedKeys& own,
                      Scratch& scratch, const HeadGradient<T>& gradient) {
  const int64_t dim = head.dim;
  const int64_t rows = kQueries * dim;
  const int64_t scores = kQueries * kKeys;
  float* memory = scratch.resize(3 * rows + 3 * scores + 2 * kQueries);
  float* after = memory + 3 * rows + 3 * scores;
  const Backward state{memory,
                       memory + rows,
                       memory + 2 * rows,
                       memory + 3 * rows,
                       memory + 3 * rows + scores,
                       memory + 3 * rows + 2 * scores,
                       after,
                       after + kQueries};
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  const int64_t prefix_offset = (segment.prefix_begin - gradient.group_begin) * dim;
  const int64_t own_offset = (segment.begin - gradient.group_begin) * dim;
  for (int64_t first = 0; first < segment.length; first += kQueries) {
    const int64_t count = smaller(kQueries, segment.length - first);
    fill(memory, 3 * rows, 0.0F);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = segment.begin + first + i;
      scale_row(head.query + row * head.stride, dim, scale, state.queries + i * dim);
      scale_row(gradient.grad_out + row * gradient.grad_out_stride, dim, 1.0F, state.grad_out + i * dim);
      state.grad_out_dot_out[i] = dot_row(state.grad_out + i * dim, gradient.out + row * gradient.out_stride, dim);
      state.lse[i] = gradient.lse[row];
    }
    if (segment.prefix_length > 0) {
      backward_keys(prefix, dim, first, count, false, state, gradient.grad_keys + prefix_offset,
                    gradient.grad_values + prefix_offset);
    }
    backward_keys(own, dim, first, count, true, state, gradient.grad_keys + own_offset,
                  gradient.grad_values + own_offset);
    for (int64_t i = 0; i < count; ++i) {
      scale_row(state.grad_queries + i * dim, dim, scale,
                gradient.grad_query + (segment.begin + first + i) * gradient.grad_stride);
    }
  }
}

// Runs task(i) for every i, taken one after another by whichever thread is free; tasks write to places of their own.
template <typename Task>
void run_tasks(int64_t num_tasks, const Task& task) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    for (int64_t i = next.fetch_add(1); i < num_tasks; i = next.fetch_add(1)) task(i);
  });
}

template <typename T>
HeadView<T> head_view(const AttentionInputs<T>& inputs, int64_t head) {
  const AttentionShape& shape = inputs.shape;
  const int64_t kv_head = head / (shape.num_heads / shape.num_kv_heads);
  const T* keys = inputs.qkv + shape.num_heads * shape.head_dim;
  return {inputs.qkv + head * shape.head_dim, keys + kv_head * shape.head_dim,
          keys + (shape.num_kv_heads + kv_head) * shape.head_dim, inputs.qkv_stride, shape.head_dim};
}

// Calls body(segment, prefix, own, scratch) for each segment with its keys packed; the prompt's stay for its completions.
template <typename T, typename Body>
void for_each_segment(const HeadView<T>& head, const SegmentGroup& group, bool backward, const Body& body) {
  ThreadScratch& scratch = thread_scratch();
  PackedKeys prefix;
  for (int64_t i = 0; i < group.count; ++i) {
    const Segment& segment = group.segments[i];
    if (segment.prefix_length > 0 && prefix.begin != segment.prefix_begin) {
      prefix = pack(head, segment.prefix_begin, segment.prefix_length, backward, scratch.prefix_keys,
                    scratch.prefix_key_rows, scratch.prefix_values);
    }
    const PackedKeys own =
        pack(head, segment.begin, segment.length, backward, scratch.own_keys, scratch.own_key_rows, scratch.own_values);
    body(segment, segment.prefix_length > 0 ? prefix : PackedKeys{}, own, scratch.blocks);
  }
}

// Adds up what the query heads of one kv head found for its keys (is_value 0) or values (1) of one group, in their order.
template <typename T>
void reduce_heads(const AttentionInputs<T>& inputs, const AttentionGradients<T>& gradients, const SegmentGroup& group,
                  int64_t kv_head, int64_t is_value) {
  const AttentionShape& shape = inputs.shape;
  const int64_t repeats = shape.num_heads / shape.num_kv_heads;
  float* sums = (is_value != 0 ? gradients.grad_values : gradients.grad_keys) +
                (kv_head * repeats * gradients.num_rows + group.offset) * shape.head_dim;
  T* out = gradients.grad_qkv + (shape.num_heads + is_value * shape.num_kv_heads + kv_head) * shape.head_dim;
  for (int64_t row = 0; row < group.end - group.begin; ++row) {
    float* sum = sums + row * shape.head_dim;
    for (int64_t r = 1; r < repeats; ++r) {
      add_scaled(sum + r * gradients.num_rows * shape.head_dim, shape.head_dim, 1.0F, sum);
    }
    scale_row(sum, shape.head_dim, 1.0F, out + (group.begin + row) * gradients.grad_qkv_stride);
  }
}

}  // namespace

template <typename T, typename Capability>
void CpuAttention<T, Capability>::forward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs) {
  const int64_t num_heads = inputs.shape.num_heads;
  run_tasks(inputs.num_groups * num_heads, [&](int64_t task) {
    const int64_t head = task % num_heads;
    const HeadView<T> view = head_view(inputs, head);
    for_each_segment(view, inputs.groups[task / num_heads], false,
                     [&](const Segment& segment, const PackedKeys& prefix, const PackedKeys& own, Scratch& scratch) {
                       forward_segment(view, segment, prefix, own, scratch, outputs.out + head * view.dim,
                                       outputs.out_stride, outputs.lse + head * outputs.lse_stride);
                     });
  });
}

template <typename T, typename Capability>
void CpuAttention<T, Capability>::backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                                           const AttentionGradients<T>& gradients) {
  const AttentionShape& shape = inputs.shape;
  const int64_t dim = shape.head_dim;
  run_tasks(inputs.num_groups * shape.num_heads, [&](int64_t task) {
    const int64_t head = task % shape.num_heads;
    const SegmentGroup& group = inputs.groups[task / shape.num_heads];
    const HeadView<T> view = head_view(inputs, head);
    const int64_t first = (head * gradients.num_rows + group.offset) * dim;
    const int64_t count = (group.end - group.begin + kAttentionPadding) * dim;
    const HeadGradient<T> gradient{gradients.grad_out + head * dim,
                                   gradients.grad_out_stride,
                                   outputs.out + head * dim,
                                   outputs.out_stride,
                                   outputs.lse + head * outputs.lse_stride,
                                   gradients.grad_qkv + head * dim,
                                   gradients.grad_qkv_stride,
                                   gradients.grad_keys + first,
                                   gradients.grad_values + first,
                                   group.begin};
    fill(gradient.grad_keys, count, 0.0F);
    fill(gradient.grad_values, count, 0.0F);
    for_each_segment(view, group, true,
                     [&](const Segment& segment, const PackedKeys& prefix, const PackedKeys& own, Scratch& scratch) {
                       backward_segment(view, segment, prefix, own, scratch, gradient);
                     });
  });
  run_tasks(inputs.num_groups * shape.num_kv_heads * 2, [&](int64_t task) {
    const SegmentGroup& group = inputs.groups[task / 2 / shape.num_kv_heads];
    reduce_heads(inputs, gradients, group, task / 2 % shape.num_kv_heads, task % 2);
  });
}

template <typename T, typename Capability>
void CpuAttention<T, Capability>::decode(const DecodeInputs<T>& inputs) {
  const AttentionShape& shape = inputs.shape;
  const int64_t dim = shape.head_dim;
  run_tasks(inputs.num_rows * shape.num_heads, [&](int64_t task) {
    const int64_t row = task / shape.num_heads;
    const int64_t head = task % shape.num_heads;
    const DecodeRow& decode = inputs.rows[row];
    const int64_t offset =
        decode.sequence * inputs.sequence_stride + head / (shape.num_heads / shape.num_kv_heads) * dim;
    float* scores = thread_scratch().blocks.resize(decode.num_keys + 2 * dim);
    float* query = scores + decode.num_keys;
    float* sum = query + dim;
    scale_row(inputs.qkv + row * inputs.qkv_stride + head * dim, dim, 1.0F / std::sqrt(static_cast<float>(dim)), query);
    for (int64_t i = 0; i < decode.num_keys; ++i) {
      scores[i] = dot_row(query, inputs.keys + offset + i * inputs.position_stride, dim);
    }
    const float total = exp_row(scores, decode.num_keys, max_row(scores, decode.num_keys));
    fill(sum, dim, 0.0F);
    for (int64_t i = 0; i < decode.num_keys; ++i) {
      add_scaled(inputs.values + offset + i * inputs.position_stride, dim, scores[i], sum);
    }
    scale_row(sum, dim, 1.0F / total, inputs.out + row * inputs.out_stride + head * dim);
  });
}

template struct CpuAttention<float, CPU_CAPABILITY>;
template struct CpuAttention<c10::BFloat16, CPU_CAPABILITY>;

}  // namespace mmpo
