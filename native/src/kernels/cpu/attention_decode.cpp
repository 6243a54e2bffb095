// Attention of one new token a sequence over its cached keys and values. A task is one key head of one row, with the query heads that
// share it, so that memory of the cache is read once. Sums go over keys in their order: a row's bits depend on itself alone.
#include <cmath>

#include "kernels/cpu/attention_blocks.h"

namespace mmpo {
namespace {

// Query heads that go over the keys together: what registers hold beside a key.
constexpr int64_t kHeadsTogether = 4;
// Vectors of a value's columns that are summed together.
constexpr int64_t kVectorsTogether = 4;

constexpr int64_t kCacheLineBytes = 64;
// Of the keys that are asked for ahead, and as much of the values: what the second cache holds beside those that are read.
constexpr int64_t kPrefetchedBytes = 128 << 10;

// Keys or values of one key head, as they are seen.
template <typename T>
struct CachedHead {
  const T* rows;
  int64_t stride;
  int64_t count;
  int64_t dim;

  const T* operator[](int64_t i) const { return rows + i * stride; }
};

// Asks memory for a head's rows, some at a time while another head is attended to: processors do not foresee rows that lie apart, and would wait
// for each.
template <typename T>
class RowsAhead {
 public:
  // So that so many steps ask for all.
  RowsAhead(const CachedHead<T>& head, int64_t steps)
      : head_(head), end_(smaller(head.count, kPrefetchedBytes / (head.dim * static_cast<int64_t>(sizeof(T))))),
        rows_a_step_(at::ceil_div(end_, steps)) {}

  void step() {
    const int64_t row_bytes = head_.dim * static_cast<int64_t>(sizeof(T));
    for (const int64_t end = smaller(end_, next_ + rows_a_step_); next_ < end; ++next_) {
      const auto* row = reinterpret_cast<const char*>(head_[next_]);
      for (int64_t byte = 0; byte < row_bytes; byte += kCacheLineBytes) __builtin_prefetch(row + byte, 0, 2);
    }
  }

 private:
  CachedHead<T> head_;
  int64_t end_;
  int64_t rows_a_step_;
  int64_t next_ = 0;
};

// Keys, or values, of the head that is attended to, and of the one that the thread will attend to next.
template <typename T>
struct HeadPass {
  CachedHead<T> head;
  RowsAhead<T> next;
};

// Vectors whose lanes sum up to the dot product of a query and a key.
template <typename T>
Vec products(const float* query, const T* key, int64_t dim) {
  Vec sum(0.0F);
  for_each_vector(
      dim, [&](int64_t d, auto extent) { sum = at::vec::fmadd(load(query + d, extent), load(key + d, extent), sum); });
  return sum;
}

#if defined(__AVX512BF16__)
// Queries are multiplied as they are.
template <typename T>
using QueryElement = T;

inline Vec products(const c10::BFloat16* query, const c10::BFloat16* key, int64_t dim) {
  constexpr int64_t kPairs = 2 * kLanes;
  __m512 sum = _mm512_setzero_ps();
  for (int64_t d = 0; d < dim; d += kPairs) {
    const auto mask = static_cast<__mmask32>((uint64_t{1} << static_cast<unsigned>(smaller(kPairs, dim - d))) - 1);
    const auto part = [&](const c10::BFloat16* from) {
      return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(mask, from + d));
    };
    sum = _mm512_dpbf16_ps(sum, part(query), part(key));
  }
  return sum;
}
#else
template <typename T>
using QueryElement = float;
#endif

// Sums of the lanes of as many vectors as there are lanes.
inline Vec sums_of_lanes(const Vec (&x)[kLanes]) {
#if defined(CPU_CAPABILITY_AVX512)
  // Halves are added while four neighbours come to stand side by side in each 128 bits; then those are added.
  __m512 fours[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const auto pair = [&](int first) {
      return _mm512_add_ps(_mm512_unpacklo_ps(x[first], x[first + 1]), _mm512_unpackhi_ps(x[first], x[first + 1]));
    };
    const __m512d low = _mm512_castps_pd(pair(4 * i));
    const __m512d high = _mm512_castps_pd(pair(4 * i + 2));
    fours[i] =
        _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)), _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
  }
  const auto parts = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  };
  return parts(parts(fours[0], fours[1]), parts(fours[2], fours[3]));
#else
  float sums[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) sums[i] = sum_lanes(x[i]);
  return Vec::loadu(sums);
#endif
}

// scores[i] = scale * query . keys[i].
template <typename Q, typename T>
void score_keys(const Q* query, HeadPass<T>& pass, float scale, float* scores) {
  const CachedHead<T>& keys = pass.head;
  const Vec factor(scale);
  for_each_vector(keys.count, [&](int64_t first, auto extent) {
    pass.next.step();
    const int64_t last = smaller(keys.count - first, kLanes) - 1;
    Vec sums[kLanes];
#pragma GCC unroll 16
    for (int64_t i = 0; i < kLanes; ++i) sums[i] = products(query, keys[first + smaller(i, last)], keys.dim);
    store(scores + first, sums_of_lanes(sums) * factor, extent);
  });
}

// sums[g][d] = sum_i weights[g][i] values[i][d] for kVectors vectors of columns d; the last one may be shorter.
template <int kHeads, int kVectors, typename T, typename Extent>
void sum_columns(HeadPass<T>& pass, const float* weights, int64_t column, Extent extent, float* sums) {
  const CachedHead<T>& values = pass.head;
  Vec totals[kHeads][kVectors];
#pragma GCC unroll 4
  for (int g = 0; g < kHeads; ++g) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) totals[g][v] = Vec(0.0F);
  }
  for (int64_t i = 0; i < values.count; ++i) {
    pass.next.step();
    const T* value = values[i] + column;
    Vec parts[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) parts[v] = load(value + v * kLanes, extent);
#pragma GCC unroll 4
    for (int g = 0; g < kHeads; ++g) {
      const Vec weight(weights[g * values.count + i]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) totals[g][v] = at::vec::fmadd(parts[v], weight, totals[g][v]);
    }
  }
#pragma GCC unroll 4
  for (int g = 0; g < kHeads; ++g) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(sums + g * values.dim + column + v * kLanes, totals[g][v], extent);
  }
}

template <int kHeads, typename T>
void sum_values(HeadPass<T>& pass, const float* weights, float* sums) {
  const int64_t dim = pass.head.dim;
  int64_t column = 0;
  for (; column + kVectorsTogether * kLanes <= dim; column += kVectorsTogether * kLanes)
    sum_columns<kHeads, kVectorsTogether>(pass, weights, column, Whole{}, sums);
  for (; column + kLanes <= dim; column += kLanes) sum_columns<kHeads, 1>(pass, weights, column, Whole{}, sums);
  if (column < dim) sum_columns<kHeads, 1>(pass, weights, column, First{dim - column}, sums);
}

// kHeads query heads from queries on, one after the other, to as many of out.
template <int kHeads, typename T>
void attend(const T* queries, HeadPass<T>& keys, HeadPass<T>& values, Scratch& memory, T* out) {
  const int64_t dim = keys.head.dim;
  const int64_t count = keys.head.count;
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  float* scores = memory.resize<float>(kHeads * (count + 2 * dim));
  float* copies = scores + kHeads * count;
  float* sums = copies + kHeads * dim;
  float totals[kHeads];
  for (int g = 0; g < kHeads; ++g) {
    float* row = scores + g * count;
    const QueryElement<T>* query;
    if constexpr (std::is_same_v<QueryElement<T>, T>) {
      query = queries + g * dim;
    } else {
      scale_row(queries + g * dim, dim, 1.0F, copies + g * dim);
      query = copies + g * dim;
    }
    score_keys(query, keys, scale, row);
    totals[g] = exp_row(row, count, max_row(row, count));
  }
  sum_values<kHeads>(values, scores, sums);
  for (int g = 0; g < kHeads; ++g) scale_row(sums + g * dim, dim, 1.0F / totals[g], out + g * dim);
}

// run_tasks where a thread takes the task after its own already: task(i, next), of which next is i itself where none is left. For short tasks:
// one that is taken waits, also for a long one.
template <typename Task>
void run_tasks_ahead(int64_t num_tasks, const Task& task) {
  std::atomic<int64_t> free{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    for (int64_t i = free.fetch_add(1); i < num_tasks;) {
      const int64_t next = free.fetch_add(1);
      task(i, next < num_tasks ? next : i);
      i = next;
    }
  });
}

Scratch& decode_scratch() {
  static thread_local Scratch scratch;
  return scratch;
}

}  // namespace

template <typename T, typename Capability>
void CpuAttention<T, Capability>::decode(const DecodeInputs<T>& inputs) {
  const AttentionShape& shape = inputs.shape;
  const int64_t dim = shape.head_dim;
  const int64_t group = shape.num_heads / shape.num_kv_heads;
  const auto head_of = [&](const T* cached, int64_t task) {
    const DecodeRow& row = inputs.rows[task / shape.num_kv_heads];
    const KeyValueView<T>& cache = inputs.cache;
    const int64_t first = shape.window == 0 ? 0 : std::max<int64_t>(0, row.num_keys - shape.window);
    const int64_t offset =
        row.sequence * cache.sequence_stride + task % shape.num_kv_heads * dim + first * cache.position_stride;
    return CachedHead<T>{cached + offset, cache.position_stride, row.num_keys - first, dim};
  };
  run_tasks_ahead(inputs.num_rows * shape.num_kv_heads, [&](int64_t task, int64_t upcoming) {
    const int64_t row = task / shape.num_kv_heads;
    const int64_t key_head = task % shape.num_kv_heads;
    const auto pass = [&](const T* cached, int64_t steps) {
      return HeadPass<T>{head_of(cached, task), RowsAhead<T>(head_of(cached, upcoming), steps)};
    };
    const int64_t seen = head_of(inputs.cache.keys, task).count;
    HeadPass<T> keys = pass(inputs.cache.keys, group * at::ceil_div(seen, kLanes));
    HeadPass<T> values = pass(inputs.cache.values, seen * at::ceil_div(group, kHeadsTogether));
    const T* queries = inputs.qkv + row * inputs.qkv_stride + key_head * group * dim;
    T* out = inputs.out + row * inputs.out_stride + key_head * group * dim;
    Scratch& memory = decode_scratch();
    for (int64_t g = 0; g < group; g += kHeadsTogether) {
      const T* from = queries + g * dim;
      T* to = out + g * dim;
      switch (smaller(kHeadsTogether, group - g)) {
        case 1:
          attend<1>(from, keys, values, memory, to);
          break;
        case 2:
          attend<2>(from, keys, values, memory, to);
          break;
        case 3:
          attend<3>(from, keys, values, memory, to);
          break;
        default:
          attend<4>(from, keys, values, memory, to);
      }
    }
  });
}

template void CpuAttention<float, CPU_CAPABILITY>::decode(const DecodeInputs<float>&);
template void CpuAttention<c10::BFloat16, CPU_CAPABILITY>::decode(const DecodeInputs<c10::BFloat16>&);

}  // namespace mmpo
