#include "kernels/dispatch.h"

#include <ATen/Version.h>
#include <ATen/native/CPUBlas.h>
#include <c10/util/Exception.h>

namespace mmpo {
namespace {

CpuCapability detect() {
  if (at::get_cpu_capability() == "AVX512") {
    const bool has_matrix_units =
        __builtin_cpu_supports("avx512bf16") != 0 && at::native::cpublas::could_pack(at::kBFloat16);
    return has_matrix_units ? CpuCapability::kAmx : CpuCapability::kAvx512;
  }
  TORCH_CHECK(
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"),
      "a processor with AVX2, FMA and F16C is needed, and this one lacks them; LibTorch's capability for it is ",
      at::get_cpu_capability());
  return CpuCapability::kAvx2;
}

}  // namespace

CpuCapability cpu_capability() {
  static const CpuCapability capability = detect();
  return capability;
}

}  // namespace mmpo
