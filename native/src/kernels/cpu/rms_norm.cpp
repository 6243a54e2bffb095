// RMSNorm (Zhang and Sennrich, arXiv 1910.07467). Legend: ../kernels.h.
#include <cmath>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

template <typename T>
float sum_of_squares(const T* x, int64_t count) {
  Vec sums[4] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
  for_each_vector_of_four(count, [&](int64_t k, int64_t i, auto extent) {
    const Vec value = load(x + i, extent);
    sums[k] = at::vec::fmadd(value, value, sums[k]);
  });
  return sum_lanes(sums);
}

template <typename T>
float reciprocal_root_mean_square(const T* x, int64_t count, float eps) {
  return 1.0f / std::sqrt(sum_of_squares(x, count) / static_cast<float>(count) + eps);
}

template <typename T>
void scale_row(const T* x, const T* weight, float rstd, T* out, int64_t count) {
  const Vec scale(rstd);
  for_each_vector(count, [&](int64_t i, auto extent) {
    store(out + i, load(x + i, extent) * scale * load(weight + i, extent), extent);
  });
}

// sum of grad_out * weight * x over a row; partial += grad_out * x * rstd, the row's part of the weight's gradient.
template <bool kWeightGradient, typename T>
float project_row(const T* grad_out, const T* x, const T* weight, float rstd, float* partial, int64_t count) {
  Vec sums[4] = {Vec(0.0f), Vec(0.0f), Vec(0.0f), Vec(0.0f)};
  const Vec scale(rstd);
  for_each_vector_of_four(count, [&](int64_t k, int64_t i, auto extent) {
    const Vec along_x = load(grad_out + i, extent) * load(x + i, extent);
    sums[k] = at::vec::fmadd(along_x, load(weight + i, extent), sums[k]);
    if constexpr (kWeightGradient) {
      store(partial + i, at::vec::fmadd(along_x, scale, load(partial + i, extent)), extent);
    }
  });
  return sum_lanes(sums);
}

// With xhat = x * rstd and g = grad_out * weight: dx = rstd * (g - xhat * mean(g * xhat)); projection = sum(g * x).
template <Into into, typename T>
void backward_row(const T* grad_out, const T* x, const T* weight, float rstd, float projection, T* grad_x,
                  int64_t count) {
  const Vec along_x(-rstd * rstd * rstd * (projection / static_cast<float>(count)));
  const Vec along_grad(rstd);
  for_each_vector(count, [&](int64_t i, auto extent) {
    const Vec from_grad = load(grad_out + i, extent) * load(weight + i, extent) * along_grad;
    const Vec change = at::vec::fmadd(load(x + i, extent), along_x, from_grad);
    store(grad_x + i, into == Into::kSum ? load(grad_x + i, extent) + change : change, extent);
  });
}

template <bool kWeightGradient, Into into, typename T>
void backward_rows(Rows<const T> grad_out, Rows<const T> x, const T* weight, const float* rstd, Rows<T> grad_x,
                   float* partial, int64_t begin, int64_t end) {
  if constexpr (kWeightGradient) std::fill(partial, partial + x.columns, 0.0f);
  for (int64_t row = begin; row < end; ++row) {
    const float projection = project_row<kWeightGradient>(grad_out[row], x[row], weight, rstd[row], partial, x.columns);
    backward_row<into>(grad_out[row], x[row], weight, rstd[row], projection, grad_x[row], x.columns);
  }
}

}  // namespace

template <typename T, typename Capability>
void CpuKernels<T, Capability>::rms_norm(Rows<const T> x, const T* weight, float eps, Rows<T> out, float* rstd) {
  at::parallel_for(0, x.count, row_grain(x.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      rstd[row] = reciprocal_root_mean_square(x[row], x.columns, eps);
      scale_row(x[row], weight, rstd[row], out[row], x.columns);
    }
  });
}

template <typename T, typename Capability>
void CpuKernels<T, Capability>::rms_norm_recompute(Rows<const T> x, const T* weight, const float* rstd, Rows<T> out) {
  at::parallel_for(0, x.count, row_grain(x.columns), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) scale_row(x[row], weight, rstd[row], out[row], x.columns);
  });
}

template <typename T, typename Capability>
void CpuKernels<T, Capability>::rms_norm_backward(Rows<const T> grad_out, Rows<const T> x, const T* weight,
                                                  const float* rstd, Rows<T> grad_x, float* grad_weight,
                                                  float* partials, Into into) {
  const int64_t num_blocks = at::divup(x.count, kWeightGradientBlock);
  const int64_t grain = std::max<int64_t>(1, row_grain(x.columns) / kWeightGradientBlock);
  at::parallel_for(0, num_blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kWeightGradientBlock;
      const int64_t last = std::min(x.count, first + kWeightGradientBlock);
      const auto run = [&]<Into kInto>() {
        if (grad_weight != nullptr) {
          backward_rows<true, kInto>(grad_out, x, weight, rstd, grad_x, partials + block * x.columns, first, last);
        } else {
          backward_rows<false, kInto>(grad_out, x, weight, rstd, grad_x, nullptr, first, last);
        }
      };
      if (into == Into::kSum) {
        run.template operator()<Into::kSum>();
      } else {
        run.template operator()<Into::kNothing>();
      }
    }
  });
  if (grad_weight == nullptr) return;
  for (int64_t block = 0; block < num_blocks; ++block) {
    const float* partial = partials + block * x.columns;
    for_each_vector(x.columns, [&](int64_t i, auto extent) {
      store(grad_weight + i, load(grad_weight + i, extent) + load(partial + i, extent), extent);
    });
  }
}

#define MMPO_INSTANTIATE(T)                                                                                            \
  template void CpuKernels<T, CPU_CAPABILITY>::rms_norm(Rows<const T>, const T*, float, Rows<T>, float*);              \
  template void CpuKernels<T, CPU_CAPABILITY>::rms_norm_recompute(Rows<const T>, const T*, const float*, Rows<T>);     \
  template void CpuKernels<T, CPU_CAPABILITY>::rms_norm_backward(Rows<const T>, Rows<const T>, const T*, const float*, \
                                                                 Rows<T>, float*, float*, Into);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
