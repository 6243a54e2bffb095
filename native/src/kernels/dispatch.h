// Which build of the CPU kernels this process runs.
#pragma once

#include <type_traits>
#include <utility>

#include "kernels/cpu/cpu_kernels.h"

namespace mmpo {

enum class CpuCapability { kAvx2, kAvx512, kAvx512Bf16, kAmx };

// LibTorch's own choice (ATEN_CPU_CAPABILITY lowers it), so that both sides compute alike; bfloat16 is oneDNN's part of it:
// ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 turns AMX off, AVX512_CORE the dot products too.
CpuCapability cpu_capability();
// As the template's argument is called.
const char* name(CpuCapability capability);
// Whether products of bfloat16 have instructions of their own; else they are made as those of float32.
bool multiplies_bfloat16(CpuCapability capability);

// body(std::type_identity<AVX2, AVX512, AVX512_BF16 or AMX>).
template <typename Body>
decltype(auto) with_cpu_capability(const Body& body) {
  switch (cpu_capability()) {
    case CpuCapability::kAmx:
      return body(std::type_identity<AMX>());
    case CpuCapability::kAvx512Bf16:
      return body(std::type_identity<AVX512_BF16>());
    case CpuCapability::kAvx512:
      return body(std::type_identity<AVX512>());
    default:
      return body(std::type_identity<AVX2>());
  }
}

}  // namespace mmpo
