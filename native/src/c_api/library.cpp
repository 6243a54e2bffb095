#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include <string>

#include "c_api/guard.h"
#include "common/error.h"

extern "C" {

int32_t mmpo_abi_version(void) { return MMPO_ABI_VERSION; }

const char* mmpo_build_info(void) {
  static const std::string info = "LibTorch " TORCH_VERSION ", CPU capability " + at::get_cpu_capability();
  return info.c_str();
}

int32_t mmpo_set_num_threads(int32_t num_threads, mmpo_error* err) {
  return mmpo::guard(err, [&] {
    mmpo::require(num_threads >= 1, "num_threads must be >= 1, got ", num_threads);
    at::set_num_threads(num_threads);
  });
}

int32_t mmpo_get_num_threads(void) { return at::get_num_threads(); }

}  // extern "C"
