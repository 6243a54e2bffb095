// SwiGLU (Shazeer, arXiv 2002.05202): silu(gate) * up, silu(g) = g * sigma(g). Legend: ../kernels.h.
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/exp.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// Far on the left exp(-g) is infinite, which gives the right limit 0.
inline Vec sigmoid(Vec g) { return Vec(1.0f) / (Vec(1.0f) + exp(g.neg())); }

}  // namespace

template <typename T, typename Capability>
void CpuKernels<T, Capability>::swiglu(Rows<const T> gate_up, Rows<T> out) {
  at::parallel_for(0, out.count, row_grain(gate_up.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* gate = gate_up[row];
      const T* up = gate + out.columns;
      T* to = out[row];
      for_each_vector(out.columns, [&](int64_t i, auto extent) {
        const Vec g = load(gate + i, extent);
        store(to + i, g * sigmoid(g) * load(up + i, extent), extent);
      });
    }
  });
}

// d silu / dg = s * (1 + g * (1 - s)), s = sigma(g). Each element is read before it is written, so the two may be one.
template <typename T, typename Capability>
void CpuKernels<T, Capability>::swiglu_backward(Rows<const T> grad_out, Rows<const T> gate_up, Rows<T> grad_gate_up) {
  const int64_t columns = grad_out.columns;
  at::parallel_for(0, grad_out.count, row_grain(gate_up.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* from = grad_out[row];
      const T* gate = gate_up[row];
      T* to = grad_gate_up[row];
      for_each_vector(columns, [&](int64_t i, auto extent) {
        const Vec one(1.0f);
        const Vec grad = load(from + i, extent);
        const Vec g = load(gate + i, extent);
        const Vec u = load(gate + columns + i, extent);
        const Vec s = sigmoid(g);
        const Vec slope = s * at::vec::fmadd(g, one - s, one);
        store(to + i, grad * u * slope, extent);
        store(to + columns + i, grad * g * s, extent);
      });
    }
  });
}

#define MMPO_INSTANTIATE(T)                                                    \
  template void CpuKernels<T, CPU_CAPABILITY>::swiglu(Rows<const T>, Rows<T>); \
  template void CpuKernels<T, CPU_CAPABILITY>::swiglu_backward(Rows<const T>, Rows<const T>, Rows<T>);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
