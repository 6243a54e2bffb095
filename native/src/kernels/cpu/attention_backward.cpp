// Flash attention, backward, over packed segments (arXiv 2307.08691). Legend: attention_blocks.h.
//
// Keys are the rows of a block here, [N, M]: the products that sum over queries then read probabilities and gradients as
// they are made, and only the one that sums over keys needs them turned.
#include "kernels/cpu/attention_blocks.h"

namespace mmpo {
namespace {

// Keys and values of a stretch of rows for one kv head, in blocks of N rows.
template <typename P>
struct BackwardKeys {
  KeyRows rows{};  // without a preamble
  P* keys = nullptr;  // [blocks, N, D]
  P* values = nullptr;  // [blocks, N, D]
  P* packed = nullptr;  // keys again, as the second factor of a sum over keys
  Scratch memory;

  template <typename T>
  void pack(const HeadView<T>& head, const KeyRows& packed_rows) {
    rows = packed_rows;
    const auto [preamble, first, count] = rows;
    const int64_t size = num_blocks(count) * kKeys * head.dim;
    keys = memory.resize<P>(3 * size);
    values = keys + size;
    packed = values + size;
    for (int64_t row = 0; row < count; row += kKeys) {
      const int64_t height = smaller(kKeys, count - row);
      const T* key = head.key + (first + row) * head.stride;
      copy_block(key, head.stride, height, head.dim, keys + row * head.dim);
      copy_block(head.value + (first + row) * head.stride, head.stride, height, head.dim, values + row * head.dim);
      pack_depths(key, head.stride, height, head.dim, packed + row * head.dim);
    }
  }
};

// A block of queries.
template <typename P>
struct BackwardState {
  P* queries;  // as columns [D, M]
  P* grad_out;  // as columns
  P* queries_by_row;  // as depths [M, D]
  P* grad_out_by_row;  // as depths
  P* probabilities;  // [N, M]; in float32 the scores themselves
  P* grad_scores;  // [N, M]; in float32 the gradients of the probabilities themselves
  P* turned;  // grad_scores as [M, N]
  float* scores;  // [N, M]
  float* grad_probabilities;  // [N, M]
  float* grad_queries;  // [M, D]
  float* lse;  // [M]
  float* grad_out_dot_out;  // [M]
};

template <typename P>
struct BackwardScratch {
  BackwardKeys<P> prefix, own;
  Scratch operands, sums;

  BackwardState<P> state(int64_t dim) {
    const int64_t rows = kQueries * dim;
    const int64_t scores = kQueries * kKeys;
    P* p = operands.resize<P>(4 * rows + 3 * scores);
    float* f = sums.resize<float>(2 * scores + rows + 2 * kQueries);
    BackwardState<P> state{.queries = p,
                           .grad_out = p + rows,
                           .queries_by_row = p + 2 * rows,
                           .grad_out_by_row = p + 3 * rows,
                           .probabilities = p + 4 * rows,
                           .grad_scores = p + 4 * rows + scores,
                           .turned = p + 4 * rows + 2 * scores,
                           .scores = f,
                           .grad_probabilities = f + scores,
                           .grad_queries = f + 2 * scores,
                           .lse = f + 2 * scores + rows,
                           .grad_out_dot_out = f + 2 * scores + rows + kQueries};
    if constexpr (std::is_same_v<P, float>) {
      state.probabilities = state.scores;
      state.grad_scores = state.grad_probabilities;
    }
    return state;
  }
};

template <typename P>
BackwardScratch<P>& backward_scratch() {
  static thread_local BackwardScratch<P> scratch;
  return scratch;
}

// Probabilities of queries [m, m + lanes) for a key that queries before `first` do not see.
inline Vec probabilities_of(const float* scores, const float* lse, Vec scale, int64_t m, int64_t first) {
  const Vec probability = exp(at::vec::fmsub(load(scores + m, Whole{}), scale, load(lse + m, Whole{})));
  if (m >= first) return probability;
  return Vec::blendv(Vec(0.0F), probability,
                     Vec::arange(static_cast<float>(m), 1.0F) >= Vec(static_cast<float>(first)));
}

// One key against the block's queries: p = exp(score * scale - lse), grad_score = p (grad_p - grad_out . out) scale; zero for
// queries before `first` and from `last` on, which do not see it.
template <typename P>
void score_gradients(const BackwardState<P>& state, int64_t key, int64_t first, int64_t last, float scale) {
  const float* scores = state.scores + key * kQueries;
  const float* grad_probabilities = state.grad_probabilities + key * kQueries;
  P* probabilities = state.probabilities + key * kQueries;
  P* grad_scores = state.grad_scores + key * kQueries;
  const Vec factor(scale);
  constexpr int64_t kTwo = 2 * kLanes;
  const int64_t begin = first / kTwo * kTwo;
  std::fill_n(probabilities, begin, P(0.0F));
  std::fill_n(grad_scores, begin, P(0.0F));
  const auto gradient_of = [&](Vec probability, int64_t m) {
    return probability * (load(grad_probabilities + m, Whole{}) - load(state.grad_out_dot_out + m, Whole{})) * factor;
  };
  for (int64_t m = begin; m < last; m += kTwo) {
    const Vec low = probabilities_of(scores, state.lse, factor, m, first);
    const Vec high = probabilities_of(scores, state.lse, factor, m + kLanes, first);
    const Vec low_gradient = gradient_of(low, m);
    const Vec high_gradient = gradient_of(high, m + kLanes);
    store_two(probabilities + m, low, high);
    store_two(grad_scores + m, low_gradient, high_gradient);
  }
  std::fill_n(probabilities + last, kQueries - last, P(0.0F));
  std::fill_n(grad_scores + last, kQueries - last, P(0.0F));
}

// grad_keys, grad_values: [rows padded to blocks, D] of the packed stretch, added to.
template <typename P>
void backward_keys(const BackwardKeys<P>& packed, int64_t dim, float scale, const Visible& visible,
                   const BackwardState<P>& state, float* grad_keys, float* grad_values) {
  const int64_t end = visible.end(visible.num_queries - 1);
  for (int64_t block = visible.begin(0) / kKeys; block * kKeys < end; ++block) {
    const int64_t offset = block * kKeys * dim;
    multiply_tile({kKeys, kQueries, dim}, packed.keys + offset, dim, false, state.queries, state.scores, kQueries);
    multiply_tile({kKeys, kQueries, dim}, packed.values + offset, dim, false, state.grad_out, state.grad_probabilities,
                  kQueries);
    for (int64_t n = 0; n < kKeys; ++n) {
      const int64_t key = block * kKeys + n;
      score_gradients(state, n, visible.first(key), visible.last(key), scale);
    }
    multiply_tile({kKeys, dim, kQueries}, state.probabilities, kQueries, true, state.grad_out_by_row,
                  grad_values + offset, dim);
    multiply_tile({kKeys, dim, kQueries}, state.grad_scores, kQueries, true, state.queries_by_row, grad_keys + offset,
                  dim);
    copy_rows(GemmMatrix<P>{state.grad_scores, kQueries, true}, {kKeys, kKeys, kQueries}, state.turned);
    multiply_tile({kQueries, dim, kKeys}, state.turned, kKeys, true, packed.packed + offset, state.grad_queries, dim);
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

template <typename T, typename P>
void backward_segment(const HeadView<T>& head, const Segment& segment, const BackwardKeys<P>& prefix,
                      const BackwardKeys<P>& own, const BackwardState<P>& state, const HeadGradient<T>& gradient) {
  const int64_t dim = head.dim;
  const int64_t prefix_offset = (segment.prefix_begin - gradient.group_begin) * dim;
  const int64_t own_offset = (segment.begin - gradient.group_begin) * dim;
  for (int64_t first = 0; first < segment.length; first += kQueries) {
    const int64_t count = smaller(kQueries, segment.length - first);
    const int64_t begin = segment.begin + first;
    const T* query = head.query + begin * head.stride;
    const T* grad_out = gradient.grad_out + begin * gradient.grad_out_stride;
    pack_columns(query, head.stride, count, dim, state.queries);
    pack_columns(grad_out, gradient.grad_out_stride, count, dim, state.grad_out);
    pack_depths(query, head.stride, count, dim, state.queries_by_row);
    pack_depths(grad_out, gradient.grad_out_stride, count, dim, state.grad_out_by_row);
    fill(state.grad_queries, kQueries * dim, 0.0F);
    for (int64_t i = 0; i < count; ++i) {
      state.grad_out_dot_out[i] =
          dot_row(grad_out + i * gradient.grad_out_stride, gradient.out + (begin + i) * gradient.out_stride, dim);
      state.lse[i] = gradient.lse[begin + i];
    }
    // A query that is not there has zeros for its row and for its gradient: whatever its probabilities, it adds nothing.
    fill(state.grad_out_dot_out + count, kQueries - count, 0.0F);
    fill(state.lse + count, kQueries - count, 0.0F);
    const Visible of_prefix{prefix.rows.count + first, count, prefix.rows.count, head.window};
    const Visible of_own{first, count, own.rows.count, head.window};
    backward_keys(prefix, dim, head.scale(), of_prefix, state, gradient.grad_keys + prefix_offset,
                  gradient.grad_values + prefix_offset);
    backward_keys(own, dim, head.scale(), of_own, state, gradient.grad_keys + own_offset,
                  gradient.grad_values + own_offset);
    for (int64_t i = 0; i < count; ++i) {
      scale_row(state.grad_queries + i * dim, dim, 1.0F, gradient.grad_query + (begin + i) * gradient.grad_stride);
    }
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
void CpuAttention<T, Capability>::backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                                           const AttentionGradients<T>& gradients) {
  using P = Packed<T, Capability>;
  const AttentionShape& shape = inputs.shape;
  const int64_t dim = shape.head_dim;
  run_tasks<P>(inputs.num_groups * shape.num_heads, [&](int64_t task) {
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
    BackwardScratch<P>& scratch = backward_scratch<P>();
    const BackwardState<P> state = scratch.state(dim);
    for_each_segment(view, group, scratch.prefix, scratch.own,
                     [&](const Segment& segment, const BackwardKeys<P>& prefix, const BackwardKeys<P>& own) {
                       backward_segment(view, segment, prefix, own, state, gradient);
                     });
  });
  run_tasks<float>(inputs.num_groups * shape.num_kv_heads * 2, [&](int64_t task) {
    const SegmentGroup& group = inputs.groups[task / 2 / shape.num_kv_heads];
    reduce_heads(inputs, gradients, group, task / 2 % shape.num_kv_heads, task % 2);
  });
}

template void CpuAttention<float, CPU_CAPABILITY>::backward(const AttentionInputs<float>&,
                                                            const AttentionOutputs<float>&,
                                                            const AttentionGradients<float>&);
template void CpuAttention<c10::BFloat16, CPU_CAPABILITY>::backward(const AttentionInputs<c10::BFloat16>&,
                                                                    const AttentionOutputs<c10::BFloat16>&,
                                                                    const AttentionGradients<c10::BFloat16>&);

}  // namespace mmpo
