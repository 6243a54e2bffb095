// Products that LibTorch has for GPUs alone: of bfloat16 into float32, and of e4m3 with scales of rows, whose arguments are asked for what
// a GPU's matrix units want. cuBLAS makes them without memory of its own.
#include "cuda/emulated_products.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include "cuda/emulated_memory.h"
#include "cuda/sizes_alone.h"

namespace mmpo::testing {

bool& scaled_products_are_wrong() {
  static bool wrong = false;
  return wrong;
}

namespace {

using at::Tensor;

void check(const Tensor& a_MK, const Tensor& b_KN, at::ScalarType type, const Tensor& out_MN) {
  TORCH_CHECK(a_MK.scalar_type() == at::kBFloat16 && b_KN.scalar_type() == at::kBFloat16 && type == at::kFloat &&
                  out_MN.scalar_type() == at::kFloat,
              "a product of bfloat16 into float32 is wanted, got ", a_MK.scalar_type(), " and ", b_KN.scalar_type(),
              " into ", out_MN.scalar_type());
}

Tensor& mm(const Tensor& a_MK, const Tensor& b_KN, at::ScalarType type, Tensor& out_MN) {
  check(a_MK, b_KN, type, out_MN);
  if (!computes()) return out_MN;
  const UncountedMemory uncounted;
  return at::mm_out(out_MN, a_MK.to(type), b_KN.to(type));
}

Tensor& addmm(const Tensor& addend_MN, const Tensor& a_MK, const Tensor& b_KN, at::ScalarType type,
              const at::Scalar& beta, const at::Scalar& alpha, Tensor& out_MN) {
  check(a_MK, b_KN, type, out_MN);
  if (!computes()) return out_MN;
  const UncountedMemory uncounted;
  return at::addmm_out(out_MN, addend_MN, a_MK.to(type), b_KN.to(type), beta, alpha);
}

Tensor& scaled_mm(const Tensor& a_MK, const Tensor& b_KN, const Tensor& scales_M1, const Tensor& scales_1N,
                  const std::optional<Tensor>& bias, const std::optional<Tensor>& scale,
                  std::optional<at::ScalarType> type, bool sums_in_fewer_bits, Tensor& out_MN) {
  const int64_t rows = a_MK.size(0), depth = a_MK.size(1), columns = b_KN.size(1);
  TORCH_CHECK(a_MK.scalar_type() == at::kFloat8_e4m3fn && b_KN.scalar_type() == at::kFloat8_e4m3fn,
              "a product of e4m3 is wanted, got ", a_MK.scalar_type(), " and ", b_KN.scalar_type());
  TORCH_CHECK(rows > 0 && depth % 16 == 0 && columns % 16 == 0 && b_KN.size(0) == depth, "sizes: ", a_MK.sizes(),
              " and ", b_KN.sizes());
  TORCH_CHECK(a_MK.is_contiguous() && b_KN.t().is_contiguous(), "the first is row-major and the second column-major");
  for (const Tensor& x : {a_MK, b_KN, out_MN}) {
    TORCH_CHECK(reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0, "matrices begin at 16 bytes");
  }
  const auto check_scales = [](const Tensor& scales, int64_t first, int64_t second) {
    TORCH_CHECK(scales.scalar_type() == at::kFloat && scales.is_contiguous() &&
                    scales.sizes() == at::IntArrayRef({first, second}),
                "scales of rows and columns are contiguous, got ", scales.sizes(), " with strides ", scales.strides());
  };
  check_scales(scales_M1, rows, 1);
  check_scales(scales_1N, 1, columns);
  TORCH_CHECK(!bias && !scale && type == at::kBFloat16 && !sums_in_fewer_bits &&
                  out_MN.scalar_type() == at::kBFloat16 && out_MN.is_contiguous() &&
                  out_MN.sizes() == at::IntArrayRef({rows, columns}),
              "the result is bfloat16, of float32 sums");
  const UncountedMemory uncounted;
  const Tensor sums = at::mm(a_MK.to(at::kFloat), b_KN.to(at::kFloat));
  return out_MN.copy_(sums * scales_1N * (scaled_products_are_wrong() ? at::ones_like(scales_M1) : scales_M1));
}

// A key that LibTorch keeps for tests, which GpuWay switches on: the CPU has a product of e4m3 of its own.
TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericWrapper, library) { library.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, TESTING_ONLY_GenericWrapper, library) { library.impl("_scaled_mm.out", scaled_mm); }

TORCH_LIBRARY_IMPL(aten, CPU, library) {
  library.impl("mm.dtype_out", mm);
  library.impl("addmm.dtype_out", addmm);
}

}  // namespace
}  // namespace mmpo::testing
