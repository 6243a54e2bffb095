// Dropout whose mask is a function of place, so that backward makes it again instead of keeping it. Legend: ../dropout_linear.h.
#include "common/philox.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// One call of philox on 16 lanes decides about 128 columns, with 16 bits each: those of word w about columns 32 w + i, lane i
// about the first 16 with the lower halves and about the others with the upper ones. The number of lanes is the same for every
// capability, and so is the mask.
constexpr int64_t kPhiloxLanes = 16;
constexpr int64_t kPieceColumns = 2 * kPhiloxLanes;
constexpr int64_t kBlockColumns = 4 * kPieceColumns;

#if defined(CPU_CAPABILITY_AVX512)

struct WideProducts {
  __m512i low, high;  // halves
};

// Lanes of 32 bits times a constant.
inline WideProducts multiply_wide(__m512i lanes, uint32_t constant) {
  const __m512i factor = _mm512_set1_epi64(constant);
  const __m512i even = _mm512_mul_epu32(lanes, factor);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(lanes, 32), factor);
  constexpr __mmask16 kOdd = 0xAAAA;
  return {_mm512_mask_mov_epi32(even, kOdd, _mm512_slli_epi64(odd, 32)),
          _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), kOdd, odd)};
}

// philox of ../../common/philox.h, a lane's word in a lane.
inline void philox(uint64_t key, __m512i (&words)[4]) {
  auto low_key = static_cast<uint32_t>(key);
  auto high_key = static_cast<uint32_t>(key >> 32);
  const auto with = [](__m512i a, __m512i b, uint32_t round_key) {
    return _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_set1_epi32(static_cast<int32_t>(round_key)));
  };
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const auto [first_low, first_high] = multiply_wide(words[0], kPhiloxFirst);
    const auto [second_low, second_high] = multiply_wide(words[2], kPhiloxSecond);
    words[0] = with(second_high, words[1], low_key);
    words[2] = with(first_high, words[3], high_key);
    words[1] = second_low;
    words[3] = first_low;
    low_key += kPhiloxLowStep;
    high_key += kPhiloxHighStep;
  }
}

// Bit i of kept[w]: whether column 32 w + i, counted from `column` on, is kept. number: the row's.
inline void draw(const DropoutStream& stream, int64_t number, int64_t column, uint32_t (&kept)[4]) {
  const auto all = [](uint32_t value) { return _mm512_set1_epi32(static_cast<int32_t>(value)); };
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const auto first = static_cast<uint32_t>(column / kBlockColumns * kPhiloxLanes);
  __m512i words[4] = {_mm512_add_epi32(all(first), lanes), all(static_cast<uint32_t>(number)), all(stream.stream),
                      all(static_cast<uint32_t>(number >> 32))};
  philox(stream.key, words);
  const __m512i threshold = all(stream.threshold);
  for (int64_t word = 0; word < 4; ++word) {
    const __mmask16 lower = _mm512_cmpge_epu32_mask(_mm512_and_si512(words[word], all(0xFFFF)), threshold);
    const __mmask16 upper = _mm512_cmpge_epu32_mask(_mm512_srli_epi32(words[word], 16), threshold);
    kept[word] = static_cast<uint32_t>(lower) | static_cast<uint32_t>(upper) << 16;
  }
}

#else

inline void draw(const DropoutStream& stream, int64_t number, int64_t column, uint32_t (&kept)[4]) {
  uint32_t words[4][kPhiloxLanes];
  const auto first = static_cast<uint32_t>(column / kBlockColumns * kPhiloxLanes);
  for (uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
    words[0][lane] = first + lane;
    words[1][lane] = static_cast<uint32_t>(number);
    words[2][lane] = stream.stream;
    words[3][lane] = static_cast<uint32_t>(number >> 32);
  }
  philox(stream.key, words);
  for (int64_t word = 0; word < 4; ++word) {
    kept[word] = 0;
    for (uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
      const uint32_t lower = (words[word][lane] & 0xFFFF) >= stream.threshold ? 1 : 0;
      const uint32_t upper = (words[word][lane] >> 16) >= stream.threshold ? 1 : 0;
      kept[word] |= lower << lane | upper << (kPhiloxLanes + lane);
    }
  }
}

#endif

// All ones or all zeros, for one of a piece's columns.
inline uint32_t all_bits(uint32_t kept, int64_t column) { return (kept >> column & 1) != 0 ? ~uint32_t{0} : 0; }
inline float select(uint32_t keep, float value) { return keep != 0 ? value : 0.0F; }
inline c10::BFloat16 select(uint32_t keep, c10::BFloat16 value) {
  return {static_cast<uint16_t>(value.x & keep), c10::BFloat16::from_bits()};
}

// A piece of up to 32 columns: to = from where it is kept, else 0.
template <typename T>
void copy_kept(const T* from, uint32_t kept, int64_t count, T* to) {
#if defined(CPU_CAPABILITY_AVX512)
  if (count == kPieceColumns) {
    if constexpr (std::is_same_v<T, float>) {
      _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(static_cast<__mmask16>(kept), from));
      _mm512_storeu_ps(to + kLanes, _mm512_maskz_loadu_ps(static_cast<__mmask16>(kept >> 16), from + kLanes));
    } else {
      _mm512_storeu_si512(to, _mm512_maskz_loadu_epi16(kept, from));
    }
    return;
  }
#endif
  for (int64_t i = 0; i < count; ++i) to[i] = select(all_bits(kept, i), from[i]);
}

// The same added to sum.
template <typename T>
void add_kept(const float* from, uint32_t kept, int64_t count, T* sum) {
#if defined(CPU_CAPABILITY_AVX512)
  if (count == kPieceColumns) {
    const Vec low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(kept), from);
    const Vec high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(kept >> 16), from + kLanes);
    store_two(sum, load(sum, Whole{}) + low, load(sum + kLanes, Whole{}) + high);
    return;
  }
#endif
  for (int64_t i = 0; i < count; ++i) {
    sum[i] = static_cast<T>(static_cast<float>(sum[i]) + select(all_bits(kept, i), from[i]));
  }
}

// body(row, first column, columns, kept) for every piece of every row.
template <typename Body>
void for_each_piece(int64_t num_rows, int64_t columns, const DropoutStream& stream, const Body& body) {
  at::parallel_for(0, num_rows, row_grain(columns), [&](int64_t begin, int64_t end) {
    uint32_t kept[4];
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t block = 0; block < columns; block += kBlockColumns) {
        draw(stream, stream.number(row), block, kept);
        const int64_t block_end = std::min(columns, block + kBlockColumns);
        for (int64_t column = block; column < block_end; column += kPieceColumns) {
          body(row, column, std::min(kPieceColumns, block_end - column), kept[(column - block) / kPieceColumns]);
        }
      }
    }
  });
}

}  // namespace

template <typename T, typename Capability>
void CpuKernels<T, Capability>::dropout(Rows<const T> x, const DropoutStream& stream, Rows<T> out) {
  for_each_piece(x.count, x.columns, stream, [&](int64_t row, int64_t column, int64_t count, uint32_t mask) {
    copy_kept(x[row] + column, mask, count, out[row] + column);
  });
}

template <typename T, typename Capability>
void CpuKernels<T, Capability>::dropout_backward(Rows<const float> grad, Rows<const T> x, const DropoutStream& stream,
                                                 Rows<T> kept, Rows<T> grad_x) {
  for_each_piece(x.count, x.columns, stream, [&](int64_t row, int64_t column, int64_t count, uint32_t mask) {
    add_kept(grad[row] + column, mask, count, grad_x[row] + column);
    copy_kept(x[row] + column, mask, count, kept[row] + column);
  });
}

#define MMPO_INSTANTIATE(T)                                                                           \
  template void CpuKernels<T, CPU_CAPABILITY>::dropout(Rows<const T>, const DropoutStream&, Rows<T>); \
  template void CpuKernels<T, CPU_CAPABILITY>::dropout_backward(Rows<const float>, Rows<const T>,     \
                                                                const DropoutStream&, Rows<T>, Rows<T>);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
