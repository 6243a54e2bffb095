#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include <string>

#include "c_api/guard.h"
#include "common/device.h"
#include "common/error.h"
#include "kernels/check_computation.h"
#include "kernels/dispatch.h"

namespace {

// Cut where it does not fit; what it is put into ends in NULs.
template <size_t kSize>
void put(const std::string& text, char (&field)[kSize]) {
  text.copy(field, kSize - 1);
}

// A processor that is too old is told by what computes.
std::string capability() {
  try {
    return mmpo::name(mmpo::cpu_capability());
  } catch (const c10::Error&) {
    return at::get_cpu_capability();
  }
}

// One that exists at all.
void check_device(int32_t device) {
  mmpo::require(device == MMPO_CPU || device == MMPO_CUDA, "device must be MMPO_CPU or MMPO_CUDA, got ", device);
}

}  // namespace

extern "C" {

int32_t mmpo_abi_version(void) { return MMPO_ABI_VERSION; }

const char* mmpo_build_info(void) {
  static const std::string info = "LibTorch " TORCH_VERSION ", CPU capability " + capability() +
                                  (mmpo::cuda_is_built() ? ", with CUDA" : ", without CUDA");
  return info.c_str();
}

int32_t mmpo_device_describe(int32_t device, mmpo_device_info* out_info, mmpo_error* err) {
  if (out_info != nullptr) *out_info = {};
  return mmpo::guard(err, [&] {
    mmpo::require(out_info != nullptr, "out_info must not be NULL");
    check_device(device);
    if (device == MMPO_CPU) {
      out_info->is_built = 1;
      out_info->bf16_is_faster = mmpo::multiplies_bfloat16(mmpo::cpu_capability()) ? 1 : 0;
      put(mmpo::name(mmpo::cpu_capability()), out_info->description);
      return;
    }
    out_info->is_built = mmpo::cuda_is_built() ? 1 : 0;
    const std::string missing = mmpo::cuda_is_missing();
    put(missing, out_info->problem);
    if (!missing.empty()) return;
    out_info->bf16_is_faster = 1;
    put(mmpo::describe_gpu(), out_info->description);
  });
}

int32_t mmpo_device_peak_bytes(int32_t device, int64_t* out_bytes, mmpo_error* err) {
  if (out_bytes != nullptr) *out_bytes = 0;
  return mmpo::guard(err, [&] {
    mmpo::require(out_bytes != nullptr, "out_bytes must not be NULL");
    check_device(device);
    if (device == MMPO_CUDA && mmpo::cuda_is_built()) *out_bytes = mmpo::peak_bytes({at::kCUDA, 0});
  });
}

int32_t mmpo_device_check(int32_t device, mmpo_error* err) {
  return mmpo::guard(err, [&] { mmpo::check_computation(mmpo::device_of(device)); });
}

int32_t mmpo_set_num_threads(int32_t num_threads, mmpo_error* err) {
  return mmpo::guard(err, [&] {
    mmpo::require(num_threads >= 1, "num_threads must be >= 1, got ", num_threads);
    at::set_num_threads(num_threads);
  });
}

int32_t mmpo_get_num_threads(void) { return at::get_num_threads(); }

}  // extern "C"
