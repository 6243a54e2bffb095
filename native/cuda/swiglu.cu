// SwiGLU (Shazeer, arXiv 2002.05202): silu(gate) * up, silu(g) = g * sigma(g). A block of threads for a row.
// Legend: ../src/kernels/kernels.h.
#include "cuda/pack.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 256;

// Far on the left exp(-g) is infinite, which gives the right limit 0.
__device__ __forceinline__ float sigmoid(float g) { return 1.0f / (1.0f + expf(-g)); }

template <typename T>
__global__ void __launch_bounds__(kThreads) activate(Rows<const T> gate_up, Rows<T> out, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const int64_t row = blockIdx.x;
  const T* gate = gate_up[row];
  const T* up = gate + out.columns;
  for_each_pack<kElements>(out.columns, [&](int64_t column) {
    const int64_t left = out.columns - column;
    const Floats<kElements> g = load_floats<kElements>(gate + column, left, aligned);
    Floats<kElements> result = load_floats<kElements>(up + column, left, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) result.at[i] *= g.at[i] * sigmoid(g.at[i]);
    store_floats(out[row] + column, result, left, aligned);
  });
}

// d silu / dg = s * (1 + g * (1 - s)), s = sigma(g). Each element is read before it is written, by the same thread, so the two
// may be one.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    activate_backward(Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up, bool aligned) {
  constexpr int kElements = kWidth<T>;
  const int64_t row = blockIdx.x;
  const int64_t columns = grad_out.columns;
  for_each_pack<kElements>(columns, [&](int64_t column) {
    const int64_t left = columns - column;
    const Floats<kElements> grad = load_floats<kElements>(grad_out[row] + column, left, aligned);
    Floats<kElements> gate = load_floats<kElements>(gate_up[row] + column, left, aligned);
    Floats<kElements> up = load_floats<kElements>(gate_up[row] + columns + column, left, aligned);
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const float d = grad.at[i];
      const float g = gate.at[i];
      const float s = sigmoid(g);
      gate.at[i] = d * up.at[i] * (s * fmaf(g, 1.0f - s, 1.0f));
      up.at[i] = d * g * s;
    }
    store_floats(grad_gate_up[row] + column, gate, left, aligned);
    store_floats(grad_gate_up[row] + columns + column, up, left, aligned);
  });
}

// Gate and up both begin on a boundary.
template <typename T>
bool halves_are_aligned(const Rows<T>& gate_up) {
  return is_aligned<kWidth<T>>(gate_up) && is_aligned<kWidth<T>>(gate_up.data + gate_up.columns / 2);
}

}  // namespace

template <typename T, typename Platform>
void CudaKernels<T, Platform>::swiglu(Rows<const T> gate_up, Rows<T> out, cudaStream_t stream) {
  const bool aligned = halves_are_aligned(gate_up) && is_aligned<kWidth<T>>(out);
  launch(activate<T>, blocks(out.count), threads_for(ceil_div(out.columns, kWidth<T>), kThreads), stream, gate_up, out,
         aligned);
}

template <typename T, typename Platform>
void CudaKernels<T, Platform>::swiglu_backward(Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up,
                                               cudaStream_t stream) {
  const bool aligned =
      halves_are_aligned(gate_up) && halves_are_aligned(grad_gate_up) && is_aligned<kWidth<T>>(grad_out);
  launch(activate_backward<T>, blocks(grad_out.count), threads_for(ceil_div(grad_out.columns, kWidth<T>), kThreads),
         stream, grad_out, gate_up, grad_gate_up, aligned);
}

#define MMPO_INSTANTIATE(T)                                                                  \
  template void CudaKernels<T, CUDA_PLATFORM>::swiglu(Rows<const T>, Rows<T>, cudaStream_t); \
  template void CudaKernels<T, CUDA_PLATFORM>::swiglu_backward(Rows<const T>, Rows<const T>, Rows<T>, cudaStream_t);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
