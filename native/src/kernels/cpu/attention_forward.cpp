// Flash attention, forward (arXiv 2307.08691), over packed segments and over segments whose keys are in a cache. Legend:
// attention_blocks.h.
#include <limits>

#include "kernels/cpu/attention_blocks.h"

namespace mmpo {
namespace {

// Keys and values of rows, packed for one kv head: keys [blocks, D, N], values [blocks, N, D].
template <typename P>
struct ForwardKeys {
  KeyRows rows{};
  P* keys = nullptr;
  P* values = nullptr;

  template <typename T>
  void pack(const HeadView<T>& head, const KeyRows& packed_rows) {
    rows = packed_rows;
    const int64_t size = num_blocks(rows.length()) * kKeys * head.dim;
    keys = memory_.resize<P>(2 * size);
    values = keys + size;
    for (int64_t row = 0; row < rows.length(); row += kKeys) pack_block(head, row, smaller(kKeys, rows.length() - row));
  }

 private:
  // Rows [row, row + count) of those that are packed. Some may be the preamble's last, and the others of elsewhere.
  template <typename T>
  void pack_block(const HeadView<T>& head, int64_t row, int64_t count) {
    const int64_t of_preamble = std::clamp<int64_t>(rows.preamble - row, 0, count);
    const int64_t behind = (rows.begin + row + of_preamble - rows.preamble) * head.key_stride;
    const T* key = of_preamble == 0 ? head.key + behind : head.key + row * head.key_stride;
    const T* value = of_preamble == 0 ? head.value + behind : head.value + row * head.key_stride;
    int64_t stride = head.key_stride;
    if (of_preamble != 0 && of_preamble != count) {
      T* joined = joined_.resize<T>(2 * kKeys * head.dim);
      key = join(key, of_preamble, head.key + behind, count, head, joined);
      value = join(value, of_preamble, head.value + behind, count, head, joined + kKeys * head.dim);
      stride = head.dim;
    }
    pack_columns(key, stride, count, head.dim, keys + row * head.dim);
    pack_depths(value, stride, count, head.dim, values + row * head.dim);
  }

  template <typename T>
  static const T* join(const T* first, int64_t num_first, const T* second, int64_t count, const HeadView<T>& head,
                       T* out) {
    const auto bytes = static_cast<size_t>(head.dim) * sizeof(T);
    for (int64_t i = 0; i < count; ++i) {
      const T* row = i < num_first ? first + i * head.key_stride : second + (i - num_first) * head.key_stride;
      std::memcpy(out + i * head.dim, row, bytes);
    }
    return out;
  }

  Scratch memory_, joined_;
};

// Keys whose scores a row's softmax reads at once: the more, the seldomer its maximum moves.
constexpr int64_t kStretch = 4 * kKeys;
// Below every score, and finite: a difference of two is a number.
constexpr float kNoScore = -1e30F;

// Online softmax state of a block of queries.
template <typename P>
struct ForwardState {
  P* queries;  // [M, D]
  float* scores;  // [M, stretch]
  P* probabilities;  // [M, stretch]; in float32 the scores themselves
  float* output;  // [M, D]
  float* maximum;  // [M], of scaled scores
  float* next;  // [M], the maximum with the stretch at hand
  float* sum;  // [M]
};

template <typename P>
struct ForwardScratch {
  ForwardKeys<P> prefix, own;
  Scratch queries, probabilities, sums;

  ForwardState<P> state(int64_t dim) {
    float* memory = sums.resize<float>(kQueries * (kStretch + dim + 3));
    float* output = memory + kQueries * kStretch;
    float* maximum = output + kQueries * dim;
    ForwardState<P> state{queries.resize<P>(kQueries * dim),
                          memory,
                          nullptr,
                          output,
                          maximum,
                          maximum + kQueries,
                          maximum + 2 * kQueries};
    if constexpr (std::is_same_v<P, float>) {
      state.probabilities = state.scores;
    } else {
      state.probabilities = probabilities.resize<P>(kQueries * kStretch);
    }
    return state;
  }
};

template <typename P>
ForwardScratch<P>& forward_scratch() {
  static thread_local ForwardScratch<P> scratch;
  return scratch;
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

// maximum = next, and sum and the output shrink by what that takes from the exponents.
template <typename P>
void move_maximum(const ForwardState<P>& state, int64_t count, int64_t dim, bool first) {
  alignas(64) float shrink[kQueries];
  for (int64_t i = 0; i < kQueries; i += kLanes) {
    const Vec next = load(state.next + i, Whole{});
    const Vec factor = exp(load(state.maximum + i, Whole{}) - next);
    store(shrink + i, factor, Whole{});
    store(state.sum + i, load(state.sum + i, Whole{}) * factor, Whole{});
    store(state.maximum + i, next, Whole{});
  }
  if (first) return;
  for (int64_t i = 0; i < count; ++i) {
    float* row = state.output + i * dim;
    if (shrink[i] != 1.0F) scale_row(row, dim, shrink[i], row);
  }
}

// `first`: output, sum and maximum hold nothing yet. Returns whether they still do, since no key is seen.
template <typename P>
bool attend_keys(const ForwardKeys<P>& packed, int64_t dim, float scale, const Visible& visible, bool first,
                 const ForwardState<P>& state) {
  const int64_t count = visible.num_queries;
  const int64_t rows = at::round_up(count, MicroKernel<P>::kRowMultiple);
  const int64_t length = visible.end(count - 1);
  // Stretches begin at the same keys for every block of queries, so that a row's sums do not depend on which block it is in.
  const int64_t start = visible.begin(0) / kStretch * kStretch;
  for (int64_t begin = start; begin < length; begin += kStretch) {
    const int64_t width = smaller(kStretch, num_blocks(length - begin) * kKeys);
    for (int64_t n = 0; n < width; n += kKeys) {
      multiply_tile({rows, kKeys, dim}, state.queries, dim, false, packed.keys + (begin + n) * dim, state.scores + n,
                    kStretch);
    }
    // Query i sees [unseen(i), unseen(i) + num_seen(i)) of the stretch.
    const auto unseen = [&](int64_t i) { return std::clamp<int64_t>(visible.begin(i) - begin, 0, width); };
    const auto num_seen = [&](int64_t i) {
      return i < count ? std::clamp<int64_t>(visible.end(i) - begin - unseen(i), 0, width - unseen(i)) : 0;
    };
    for (int64_t i = 0; i < rows; ++i) {
      const float highest = max_row(state.scores + i * kStretch + unseen(i), num_seen(i));
      state.next[i] = larger(state.maximum[i], highest * scale);
    }
    const bool nothing_yet = first && begin == start;
    move_maximum(state, count, dim, nothing_yet);
    for (int64_t i = 0; i < rows; ++i) {
      P* row = state.probabilities + i * kStretch;
      const int64_t skipped = unseen(i);
      const int64_t seen = num_seen(i);
      state.sum[i] += exp_scaled(state.scores + i * kStretch + skipped, seen, scale, state.maximum[i], row + skipped);
      std::fill_n(row, skipped, P(0.0F));
      std::fill_n(row + skipped + seen, width - skipped - seen, P(0.0F));
    }
    multiply_tile({rows, dim, width}, state.probabilities, kStretch, !nothing_yet, packed.values + begin * dim,
                  state.output, dim);
  }
  return first && start >= length;
}

// Rows [rows, rows + length), of which the first is number first_query of its segment: the prefix's keys, then the segment's own.
// lse: null where nobody asks.
template <typename T, typename P>
void forward_rows(const HeadView<T>& head, int64_t rows, int64_t length, int64_t first_query,
                  const ForwardKeys<P>& prefix, const ForwardKeys<P>& own, const ForwardState<P>& state, T* out,
                  int64_t out_stride, float* lse) {
  const int64_t dim = head.dim;
  const int64_t window = head.window;
  for (int64_t first = 0; first < length; first += kQueries) {
    const int64_t count = smaller(kQueries, length - first);
    const int64_t query = first_query + first;
    copy_block(head.query + (rows + first) * head.stride, head.stride, count, dim, state.queries);
    fill(state.maximum, kQueries, kNoScore);
    fill(state.next, kQueries, kNoScore);
    fill(state.sum, kQueries, 0.0F);
    const int64_t before = prefix.rows.length();
    const bool nothing_yet =
        attend_keys(prefix, dim, head.scale(), {before + query, count, before, window}, true, state);
    attend_keys(own, dim, head.scale(), {query, count, own.rows.length(), window}, nothing_yet, state);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = rows + first + i;
      scale_row(state.output + i * dim, dim, 1.0F / state.sum[i], out + row * out_stride);
      if (lse != nullptr) lse[row] = state.maximum[i] + std::log(state.sum[i]);
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
                       forward_rows(view, segment.begin, segment.length, own.rows.preamble, prefix, own, state,
                                    outputs.out + head * view.dim, outputs.out_stride,
                                    outputs.lse + head * outputs.lse_stride);
                     });
  });
}

template <typename T, typename Capability>
void CpuAttention<T, Capability>::cached(const CachedInputs<T>& inputs) {
  using P = Packed<T, Capability>;
  const AttentionShape& shape = inputs.shape;
  run_tasks<P>(inputs.num_segments * shape.num_heads, [&](int64_t task) {
    const CachedSegment& segment = inputs.segments[task / shape.num_heads];
    const int64_t head = task % shape.num_heads;
    const int64_t offset = segment.sequence * inputs.cache.sequence_stride +
                           head / (shape.num_heads / shape.num_kv_heads) * shape.head_dim;
    const HeadView<T> view{inputs.qkv + head * shape.head_dim,
                           inputs.cache.keys + offset,
                           inputs.cache.values + offset,
                           inputs.qkv_stride,
                           inputs.cache.position_stride,
                           shape.head_dim,
                           shape.window};
    ForwardScratch<P>& scratch = forward_scratch<P>();
    const ForwardState<P> state = scratch.state(view.dim);
    scratch.prefix.rows = {};
    scratch.own.pack(view, {0, 0, segment.first_position + segment.length});
    forward_rows(view, segment.begin, segment.length, segment.first_position, scratch.prefix, scratch.own, state,
                 inputs.out + head * view.dim, inputs.out_stride, static_cast<float*>(nullptr));
  });
}

template void CpuAttention<float, CPU_CAPABILITY>::forward(const AttentionInputs<float>&,
                                                           const AttentionOutputs<float>&);
template void CpuAttention<c10::BFloat16, CPU_CAPABILITY>::forward(const AttentionInputs<c10::BFloat16>&,
                                                                   const AttentionOutputs<c10::BFloat16>&);
template void CpuAttention<float, CPU_CAPABILITY>::cached(const CachedInputs<float>&);
template void CpuAttention<c10::BFloat16, CPU_CAPABILITY>::cached(const CachedInputs<c10::BFloat16>&);

}  // namespace mmpo
