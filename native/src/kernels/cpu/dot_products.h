// Products of bfloat16 by the vector instruction that adds two of them to a float32 sum (AVX512_BF16's VDPBF16PS: Intel's since
// Cooper Lake, AMD's since Zen 4). In an unnamed namespace; empty where the build is for a processor without it, or for one with
// matrix units, which are faster. A step adds two depths: a row of units of the panel (gemm_pack.h), times a unit of each row of A.
#pragma once

#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)

#include <immintrin.h>

#include <cstring>

#include "kernels/cpu/register_blocks.h"

namespace mmpo {
namespace {

constexpr int64_t kTileSide = kVectorColumns;
constexpr int64_t kStepDepths = 2;

struct DotProducts {
  using Element = c10::BFloat16;
  using Operand = __m512bh;
  static constexpr int64_t kStepDepths = 2;
  static constexpr bool kAddsLast = false;

  static Operand columns(const Element* units) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(units)); }
  static Operand broadcast(const Element* unit) {
    int32_t bits = 0;
    std::memcpy(&bits, unit, sizeof(bits));
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(bits));
  }
  static Vec add(Vec sum, Operand unit, Operand columns) { return _mm512_dpbf16_ps(sum, unit, columns); }
};

// c [rows, columns] = (add ? c : 0) + a [rows, depths] panel [depths / 2, columns, 2]. columns: a multiple of kTileSide, depths: of
// kStepDepths.
inline void multiply_whole_tiles(const ProductShape& shape, const c10::BFloat16* a, int64_t a_stride, bool add,
                                 const c10::BFloat16* panel, float* c, int64_t c_stride) {
  multiply_vectors<DotProducts>(shape, a, a_stride, add, panel, c, c_stride);
}

}  // namespace
}  // namespace mmpo

#endif
