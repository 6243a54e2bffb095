// Rotary position embedding (Su et al., arXiv 2104.09864) in the half-split layout, a block of threads for all heads of a
// token. Legend: ../src/kernels/kernels.h.
#include "cuda/pack.cuh"

namespace mmpo {
namespace {

// (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin); direction -1 turns the other way.
template <typename T>
__global__ void __launch_bounds__(256) rotate_heads(Heads<T> x, const float* cosines, const float* sines,
                                                    Positions positions, float direction, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const int64_t token = blockIdx.x;
  const int half = static_cast<int>(x.head_dim / 2);
  const int packs = (half + kElements - 1) / kElements;
  const int64_t angles = positions[token] * half;
  for (int i = static_cast<int>(threadIdx.x); i < static_cast<int>(x.heads) * packs;
       i += static_cast<int>(blockDim.x)) {
    const int head = i / packs;
    const int element = i % packs * kElements;
    const int left = half - element;
    T* first = x.data + token * x.token_stride + head * x.head_stride + element;
    T* second = first + half;
    Floats<kElements> x1 = load_floats<kElements>(first, left, aligned);
    Floats<kElements> x2 = load_floats<kElements>(second, left, aligned);
    const Floats<kElements> cosine = load_floats<kElements>(cosines + angles + element, left, aligned);
    const Floats<kElements> sine = load_floats<kElements>(sines + angles + element, left, aligned);
#pragma unroll
    for (int k = 0; k < kElements; ++k) {
      const float a = x1.at[k];
      const float b = x2.at[k];
      const float s = sine.at[k] * direction;
      x1.at[k] = fmaf(-b, s, a * cosine.at[k]);
      x2.at[k] = fmaf(a, s, b * cosine.at[k]);
    }
    store_floats(first, x1, left, aligned);
    store_floats(second, x2, left, aligned);
  }
}

}  // namespace

template <typename T, typename Platform>
void CudaKernels<T, Platform>::rope(Heads<T> x, const float* cosines, const float* sines, Positions positions,
                                    bool inverse, cudaStream_t stream) {
  constexpr int kElements = kWidth<T>;
  const int64_t half = x.head_dim / 2;
  const bool aligned = half % kElements == 0 && x.token_stride % kElements == 0 && x.head_stride % kElements == 0 &&
                       is_aligned<kElements>(x.data) && is_aligned<kElements>(cosines) && is_aligned<kElements>(sines);
  launch(rotate_heads<T>, blocks(x.tokens), threads_for(x.heads * ceil_div(half, kElements), 256), stream, x, cosines,
         sines, positions, inverse ? -1.0f : 1.0f, aligned);
}

template void CudaKernels<float, CUDA_PLATFORM>::rope(Heads<float>, const float*, const float*, Positions, bool,
                                                      cudaStream_t);
template void CudaKernels<c10::BFloat16, CUDA_PLATFORM>::rope(Heads<c10::BFloat16>, const float*, const float*,
                                                              Positions, bool, cudaStream_t);

}  // namespace mmpo
