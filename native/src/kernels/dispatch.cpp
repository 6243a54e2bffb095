#include "kernels/dispatch.h"

#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <ATen/native/CPUBlas.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace mmpo {
namespace {

// Whether oneDNN is held to instructions without bfloat16: its own names for them, in its own variable. It does not say it.
bool onednn_is_held_below_bfloat16() {
  const char* const limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  constexpr std::array<std::string_view, 7> kLower{
      "SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"};
  return limit != nullptr && std::ranges::find(kLower, limit) != kLower.end();
}

CpuCapability detect() {
  if (at::get_cpu_capability() == "AVX512") {
    if (__builtin_cpu_supports("avx512bf16") == 0 || onednn_is_held_below_bfloat16()) return CpuCapability::kAvx512;
    // The second asks the system for the tile registers, for the whole process.
    const bool has_matrix_units = at::native::cpublas::could_pack(at::kBFloat16) && at::cpu::init_amx();
    return has_matrix_units ? CpuCapability::kAmx : CpuCapability::kAvx512Bf16;
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

const char* name(CpuCapability capability) {
  switch (capability) {
    case CpuCapability::kAmx:
      return "AMX";
    case CpuCapability::kAvx512Bf16:
      return "AVX512_BF16";
    case CpuCapability::kAvx512:
      return "AVX512";
    default:
      return "AVX2";
  }
}

bool multiplies_bfloat16(CpuCapability capability) {
  return capability == CpuCapability::kAmx || capability == CpuCapability::kAvx512Bf16;
}

}  // namespace mmpo
