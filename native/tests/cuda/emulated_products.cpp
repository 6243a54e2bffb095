// bfloat16 products into float32, which LibTorch has for GPUs alone: cuBLAS makes them without memory of its own.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "cuda/emulated_memory.h"
#include "cuda/sizes_alone.h"

namespace mmpo::testing {
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

TORCH_LIBRARY_IMPL(aten, CPU, library) {
  library.impl("mm.dtype_out", mm);
  library.impl("addmm.dtype_out", addmm);
}

}  // namespace
}  // namespace mmpo::testing
