// Block-wise 8-bit AdamW. Legend: ../../optim/adam8bit.h. Compiled without contraction of products and sums (CMakeLists.txt), so
// that every build of it rounds as bitsandbytes' arithmetic is written.
#include <cmath>
#include <limits>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

using Ints = at::vec::Vectorized<int32_t>;

// Blocks that a thread should at least get.
constexpr int64_t kGrain = 32;

inline Ints bits(Vec value) { return at::vec::cast<int32_t, float>(value); }
inline Vec as_float(Ints value) { return at::vec::cast<float, int32_t>(value); }
// -1 where the comparison is true.
inline Ints mask(Vec comparison) { return bits(comparison); }

// The codes of the nearest values. x in [-1, 1].
inline Ints nearest(const CodeBook& book, Vec x) {
  const Ints x_bits = bits(x);
  const Ints magnitude = (x_bits & Ints(std::numeric_limits<int32_t>::max())) >> Ints(CodeBook::kBinShift);
  const Ints bin = at::vec::maximum(magnitude, Ints(CodeBook::kFirstBin)) - Ints(CodeBook::kFirstBin);
  const Ints negative = mask(x < Vec(0.0f)) & Ints(CodeBook::kBins);
  const Vec four_codes = at::vec::gather<1>(reinterpret_cast<const float*>(book.first), bin + negative);
  const Ints code = bits(four_codes) & Ints(255);
  return code - mask(x > at::vec::gather<4>(book.last, code));
}

// One block's moments, dequantized; what lies past a short block's end is 0.
struct Moments {
  alignas(64) float first[kAdam8bitBlock] = {};
  alignas(64) float second[kAdam8bitBlock] = {};
  float first_absmax = 0, second_absmax = 0;
};

inline void dequantize(const uint8_t* codes, int64_t count, const CodeBook& book, float absmax, float* values) {
  alignas(64) int32_t wide[kAdam8bitBlock] = {};
  for (int64_t i = 0; i < count; ++i) wide[i] = codes[i];
  const Vec scale(absmax);
  for (int64_t i = 0; i < kAdam8bitBlock; i += kLanes)
    (at::vec::gather<4>(book.value, Ints::loadu(wide + i)) * scale).store(values + i);
  // quantize() looks all of them up, by a scale that may be smaller than what a short block has left there.
  std::fill(values + count, values + kAdam8bitBlock, 0.0F);
}

template <bool is_signed>
inline void quantize(const float* values, int64_t count, const CodeBook& book, float absmax, uint8_t* codes) {
  alignas(64) int32_t wide[kAdam8bitBlock];
  for (int64_t i = 0; i < kAdam8bitBlock; i += kLanes) {
    const Vec value = Vec::loadu(values + i);
    Ints code = nearest(book, absmax > 0 ? value / Vec(absmax) : Vec(0.0f));
    if constexpr (is_signed) code = code + (mask(value < Vec(0.0f)) & (code == Ints(kZeroCode)));
    code.store(wide + i);
  }
  for (int64_t i = 0; i < count; ++i) codes[i] = static_cast<uint8_t>(wide[i]);
}

inline float largest(Vec values) {
  float lanes[kLanes];
  values.store(lanes);
  return *std::max_element(lanes, lanes + kLanes);
}

// New moments into `moments`, and the update of the parameter with them as they are before they are quantized.
void update(const Adam8bitArrays& a, int64_t begin, int64_t count, const Adam8bitScalars& s, Moments& moments) {
  Vec first_largest(0.0f), second_largest(0.0f);
  for_each_vector(count, [&](int64_t i, auto extent) {
    const Vec grad = load(a.grad + begin + i, extent) * Vec(s.clip);
    Vec first = load(moments.first + i, extent) * Vec(s.beta1) + Vec(s.one_minus_beta1) * grad;
    Vec second = load(moments.second + i, extent) * Vec(s.beta2) + Vec(s.one_minus_beta2) * grad * grad;
    const Vec finite = second <= Vec(std::numeric_limits<float>::max());
    first = first & finite;
    second = second & finite;
    const Vec before = a.param != nullptr ? load(a.param + begin + i, extent) : load(a.bf16_param + begin + i, extent);
    const Vec moved = before + Vec(s.step_size) * (first / (second.sqrt() + Vec(s.epsilon)));
    const Vec after = Vec::blendv(before, moved * Vec(s.decay), finite);
    store(moments.first + i, first, extent);
    store(moments.second + i, second, extent);
    if (a.param != nullptr) store(a.param + begin + i, after, extent);
    if (a.bf16_param != nullptr) store(a.bf16_param + begin + i, after, extent);
    first_largest = at::vec::maximum(first_largest, first.abs());
    second_largest = at::vec::maximum(second_largest, second);
  });
  moments.first_absmax = largest(first_largest);
  moments.second_absmax = largest(second_largest);
}

}  // namespace

template <typename Capability>
void CpuAdam8bit<Capability>::step(const Adam8bitArrays& a, const Adam8bitScalars& scalars, const CodeBook& book1,
                                   const CodeBook& book2) {
  at::parallel_for(0, at::divup(a.count, kAdam8bitBlock), kGrain, [&](int64_t begin_block, int64_t end_block) {
    Moments moments;
    for (int64_t block = begin_block; block < end_block; ++block) {
      const int64_t begin = block * kAdam8bitBlock;
      const int64_t count = std::min(kAdam8bitBlock, a.count - begin);
      dequantize(a.codes1 + begin, count, book1, a.absmax1[block], moments.first);
      dequantize(a.codes2 + begin, count, book2, a.absmax2[block], moments.second);
      update(a, begin, count, scalars, moments);
      quantize<true>(moments.first, count, book1, moments.first_absmax, a.codes1 + begin);
      quantize<false>(moments.second, count, book2, moments.second_absmax, a.codes2 + begin);
      a.absmax1[block] = moments.first_absmax;
      a.absmax2[block] = moments.second_absmax;
    }
  });
}

template struct CpuAdam8bit<CPU_CAPABILITY>;

}  // namespace mmpo
