// Rotary position embedding (Su et al., arXiv 2104.09864) in the half-split layout. Legend: ../kernels.h.
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin); direction -1 turns the other way.
template <typename T>
void rotate(T* x, const float* cosines, const float* sines, float direction, int64_t half) {
  const Vec sign(direction);
  for_each_vector(half, [&](int64_t i, auto extent) {
    const Vec cosine = load(cosines + i, extent);
    const Vec sine = load(sines + i, extent) * sign;
    const Vec x1 = load(x + i, extent);
    const Vec x2 = load(x + half + i, extent);
    store(x + i, at::vec::fnmadd(x2, sine, x1 * cosine), extent);
    store(x + half + i, at::vec::fmadd(x1, sine, x2 * cosine), extent);
  });
}

}  // namespace

template <typename T, typename Capability>
void CpuKernels<T, Capability>::rope(Heads<T> x, const float* cosines, const float* sines, Positions positions,
                                     bool inverse) {
  const int64_t half = x.head_dim / 2;
  const float direction = inverse ? -1.0f : 1.0f;
  at::parallel_for(0, x.tokens, row_grain(x.heads * x.head_dim), [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) {
      const int64_t row = positions[token] * half;
      for (int64_t head = 0; head < x.heads; ++head) {
        T* vector = x.data + token * x.token_stride + head * x.head_stride;
        rotate(vector, cosines + row, sines + row, direction, half);
      }
    }
  });
}

template void CpuKernels<float, CPU_CAPABILITY>::rope(Heads<float>, const float*, const float*, Positions, bool);
template void CpuKernels<c10::BFloat16, CPU_CAPABILITY>::rope(Heads<c10::BFloat16>, const float*, const float*,
                                                              Positions, bool);

}  // namespace mmpo
