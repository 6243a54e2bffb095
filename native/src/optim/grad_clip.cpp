#include "optim/grad_clip.h"

#include <ATen/ceil_div.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/cuda_runtime.h"
#include "common/device.h"
#include "common/error.h"
#include "kernels/cuda_kernels.h"
#include "kernels/dispatch.h"

namespace mmpo {

namespace {

template <typename T>
double sum_of_squares(const T* values, int64_t count) {
  std::vector<double> partials(static_cast<size_t>(at::ceil_div(count, kNormBlock)));
  with_cpu_capability([&]<typename Capability>(Capability) {
    CpuOptimizer<T, typename Capability::type>::sums_of_squares(values, count, partials.data());
  });
  double sum = 0;
  for (const double partial : partials) sum += partial;
  return sum;
}

}  // namespace

template <typename T>
double l2_norm(const T* values, int64_t count) {
  return std::sqrt(sum_of_squares(values, count));
}

std::vector<double> sums_of_squares(std::span<const at::Tensor> parts) {
  std::vector<double> sums(parts.size());
  if (parts.empty()) return sums;
  if (!is_gpu(parts.front().device())) {
    std::ranges::transform(parts, sums.begin(), [](const at::Tensor& part) {
      return sum_of_squares(part.const_data_ptr<float>(), part.numel());
    });
    return sums;
  }
  const auto options = parts.front().options().dtype(at::kDouble);
  const at::Tensor sums_on_gpu = at::empty({static_cast<int64_t>(parts.size())}, options);
  double* sum = sums_on_gpu.mutable_data_ptr<double>();
  for (const at::Tensor& part : parts) {
    const int64_t num_blocks = at::ceil_div(part.numel(), kNormBlock);
    const at::Tensor partials = at::empty({num_blocks}, options);
    double* values = partials.mutable_data_ptr<double>();
    CudaOptimizer<float>::sums_of_squares(part.const_data_ptr<float>(), part.numel(), values, cuda_stream());
    CudaSum<>::sum(values, num_blocks, sum++, cuda_stream());
  }
  const at::Tensor host = sums_on_gpu.cpu();
  std::copy_n(host.const_data_ptr<double>(), sums.size(), sums.begin());
  return sums;
}

double clip_coefficient(double norm, double max_norm) {
  if (!std::isfinite(norm)) fail(MMPO_NON_FINITE, "the gradient's norm is ", norm, ", so there is no update to make");
  return max_norm == 0 ? 1.0 : std::min(1.0, max_norm / (norm + 1e-6));
}

template double l2_norm(const float*, int64_t);
template double l2_norm(const double*, int64_t);

}  // namespace mmpo
