// Which build of the CPU kernels this process runs.
#pragma once

#include <type_traits>
#include <utility>

#include "kernels/cpu/cpu_kernels.h"

namespace mmpo {

enum class CpuCapability { kAvx2, kAvx512 };

// LibTorch's own choice (ATEN_CPU_CAPABILITY lowers it), so that both sides compute alike.
CpuCapability cpu_capability();

// body(std::type_identity<AVX2 or AVX512>).
template <typename Body>
decltype(auto) with_cpu_capability(const Body& body) {
  if (cpu_capability() == CpuCapability::kAvx512) return body(std::type_identity<AVX512>());
  return body(std::type_identity<AVX2>());
}

}  // namespace mmpo
