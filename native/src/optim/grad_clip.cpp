#include "optim/grad_clip.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/device.h"
#include "common/error.h"
#include "cuda/cuda_kernels.h"
#include "cuda/runtime.h"
#include "kernels/dispatch.h"

namespace mmpo {

template <typename T>
double l2_norm(const T* values, int64_t count) {
  std::vector<double> partials(static_cast<size_t>((count + kNormBlock - 1) / kNormBlock));
  with_cpu_capability([&]<typename Capability>(Capability) {
    CpuOptimizer<T, typename Capability::type>::sums_of_squares(values, count, partials.data());
  });
  double sum = 0;
  for (const double partial : partials) sum += partial;
  return std::sqrt(sum);
}

double l2_norm(const at::Tensor& values) {
  const float* data = values.const_data_ptr<float>();
  if (!is_gpu(values.device())) return l2_norm(data, values.numel());
  const int64_t num_blocks = (values.numel() + kNormBlock - 1) / kNormBlock;
  const at::Tensor partials = at::empty({num_blocks + 1}, values.options().dtype(at::kDouble));
  double* sums = partials.mutable_data_ptr<double>();
  CudaOptimizer<float>::sums_of_squares(data, values.numel(), sums, cuda_stream());
  CudaSum<>::sum(sums, num_blocks, sums + num_blocks, cuda_stream());
  return std::sqrt(partials[num_blocks].item<double>());
}

double clip_coefficient(double norm, double max_norm) {
  if (!std::isfinite(norm)) fail(MMPO_NON_FINITE, "the gradient's norm is ", norm, ", so there is no update to make");
  return max_norm == 0 ? 1.0 : std::min(1.0, max_norm / (norm + 1e-6));
}

template double l2_norm(const float*, int64_t);
template double l2_norm(const double*, int64_t);

}  // namespace mmpo
