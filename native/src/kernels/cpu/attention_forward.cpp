// Flash attention, forward, over packed segments (arXiv 2307.08691), and attention over a cache. Legend: attention_blocks.h.
#include <limits>

#include "kernels/cpu/attention_blocks.h"

namespace mmpo {
namespace {

// Keys and values of a stretch of rows, packed for one kv head: keys [blocks, D, N], values [blocks, N, D].
template <typename P>
struct ForwardKeys {
  int64_t begin = -1;
  int64_t length = 0;
  P* keys = nullptr;
  P* values = nullptr;
  Scratch memory;

  template <typename T>
  void pack(const HeadView<T>& head, int64_t first, int64_t count) {
    begin = first;
    length = count;
    const int64_t size = num_blocks(count) * kKeys * head.dim;
    keys = memory.resize<P>(2 * size);
    values = keys + size;
    for (int64_t row = 0; row < count; row += kKeys) {
      const int64_t rows = smaller(kKeys, count - row);
      pack_columns(head.key + (first + row) * head.stride, head.stride, rows, head.dim, keys + row * head.dim);
      pack_depths(head.value + (first + row) * head.stride, head.stride, rows, head.dim, values + row * head.dim);
    }
  }
};

// Online softmax state of a block of queries.
template <typename P>
struct ForwardState {
  P* queries;  // [M, D]
  float* scores;  // [M, N]
  P* probabilities;  // [M, N]; in float32 the scores themselves
  float* output;  // [M, D]
  float* maximum;  // [M], of scaled scores
  float* sum;  // [M]
};

template <typename P>
struct ForwardScratch {
  ForwardKeys<P> prefix, own;
  Scratch queries, probabilities, sums;

  ForwardState<P> state(int64_t dim) {
    float* memory = sums.resize<float>(kQueries * (kKeys + dim + 2));
    float* output = memory + kQueries * kKeys;
    float* maximum = output + kQueries * dim;
    ForwardState<P> state{queries.resize<P>(kQueries * dim), memory, nullptr, output, maximum, maximum + kQueries};
    if constexpr (std::is_same_v<P, float>) {
      state.probabilities = state.scores;
    } else {
      state.probabilities = probabilities.resize<P>(kQueries * kKeys);
    }
    return state;
  }
};

template <typename P>
ForwardScratch<P>& forward_scratch() {
  static thread_local ForwardScratch<P> scratch;
  return scratch;
}

// How many keys of a block query row i of the segment sees.
int64_t num_visible(int64_t query, int64_t block, int64_t length, bool causal) {
  const int64_t visible = causal ? smaller(length, query + 1) : length;
  const int64_t in_block = visible - block * kKeys;
  return in_block < 0 ? 0 : smaller(in_block, kKeys);
}

// exp(scores * scale - shift) into out; returns the sum before rounding. out may be scores.
template <typename P>
float exp_scaled(const float* scores, int64_t count, float scale, float shift, P* out) {
  const Vec factor(scale);
  const Vec minus(shift);
  Vec sum(0.0F);
  for_each_vector(count, [&](int64_t i, auto extent) {
    const Vec value = exp(at::vec::fmsub(load(scores + i, extent), factor, minus));
    store(out + i, value, extent);
    sum = sum + kept(value, extent);
  });
  return sum_lanes(sum);
}

// Scores of the keys -> probabilities against the running maximum; returns the factor that older sums shrink by.
template <typename P>
float softmax_row(const float* scores, int64_t visible, float scale, float& maximum, float& sum, P* probabilities) {
  const float next = larger(maximum, max_row(scores, visible) * scale);
  const float shrink = std::isinf(maximum) ? 0.0F : std::exp(maximum - next);
  maximum = next;
  sum = sum * shrink + exp_scaled(scores, visible, scale, next, probabilities);
  return shrink;
}

template <typename P>
void attend_keys(const ForwardKeys<P>& packed, int64_t dim, float scale, int64_t first_query, int64_t num_queries,
                 bool causal, const ForwardState<P>& state) {
  const int64_t rows = round_up(num_queries, kRowMultiple);
  for (int64_t block = 0; block < num_blocks(packed.length); ++block) {
    if (causal && block * kKeys > first_query + num_queries - 1) break;
    multiply_tile({rows, kKeys, dim}, state.queries, dim, false, packed.keys + block * kKeys * dim, state.scores,
                  kKeys);
    for (int64_t i = 0; i < rows; ++i) {
      P* row = state.probabilities + i * kKeys;
      const int64_t visible = i < num_queries ? num_visible(first_query + i, block, packed.length, causal) : 0;
      if (visible > 0) {
        const float shrink = softmax_row(state.scores + i * kKeys, visible, scale, state.maximum[i], state.sum[i], row);
        float* output = state.output + i * dim;
        if (shrink != 1.0F) scale_row(output, dim, shrink, output);
      }
      std::fill_n(row + visible, kKeys - visible, P(0.0F));
    }
    multiply_tile({rows, dim, kKeys}, state.probabilities, kKeys, true, packed.values + block * kKeys * dim,
                  state.output, dim);
  }
}

template <typename T, typename P>
void forward_segment(const HeadView<T>& head, const Segment& segment, const ForwardKeys<P>& prefix,
                     const ForwardKeys<P>& own, const ForwardState<P>& state, T* out, int64_t out_stride, float* lse) {
  const int64_t dim = head.dim;
  for (int64_t first = 0; first < segment.length; first += kQueries) {
    const int64_t count = smaller(kQueries, segment.length - first);
    copy_block(head.query + (segment.begin + first) * head.stride, head.stride, count, dim, state.queries);
    fill(state.output, kQueries * dim, 0.0F);
    fill(state.maximum, kQueries, -std::numeric_limits<float>::infinity());
    fill(state.sum, kQueries, 0.0F);
    attend_keys(prefix, dim, head.scale(), first, count, false, state);
    attend_keys(own, dim, head.scale(), first, count, true, state);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = segment.begin + first + i;
      scale_row(state.output + i * dim, dim, 1.0F / state.sum[i], out + row * out_stride);
      lse[row] = state.maximum[i] + std::log(state.sum[i]);
    }
  }
}

}  // namespace

template <typename T, typename Capability>
void CpuAttention<T, Capability>::forward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs) {
  using P = Packed<T, Capability>;
  const int64_t num_heads = inputs.shape.num_heads;
  run_tasks<P>(inputs.num_groups * num_heads, [&](int64_t task) {
    const int64_t head = task % num_heads;
    const HeadView<T> view = head_view(inputs, head);
    ForwardScratch<P>& scratch = forward_scratch<P>();
    const ForwardState<P> state = scratch.state(view.dim);
    for_each_segment(view, inputs.groups[task / num_heads], scratch.prefix, scratch.own,
                     [&](const Segment& segment, const ForwardKeys<P>& prefix, const ForwardKeys<P>& own) {
                       forward_segment(view, segment, prefix, own, state, outputs.out + head * view.dim,
                                       outputs.out_stride, outputs.lse + head * outputs.lse_stride);
                     });
  });
}

template <typename T, typename Capability>
void CpuAttention<T, Capability>::decode(const DecodeInputs<T>& inputs) {
  const AttentionShape& shape = inputs.shape;
  const int64_t dim = shape.head_dim;
  run_tasks<float>(inputs.num_rows * shape.num_heads, [&](int64_t task) {
    const int64_t row = task / shape.num_heads;
    const int64_t head = task % shape.num_heads;
    const DecodeRow& decode = inputs.rows[row];
    const int64_t offset =
        decode.sequence * inputs.sequence_stride + head / (shape.num_heads / shape.num_kv_heads) * dim;
    float* scores = forward_scratch<float>().sums.template resize<float>(decode.num_keys + 2 * dim);
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
