// The device that tests of the whole engine run on: MMPO_TEST_DEVICE=cuda, else the CPU.
#pragma once

#include <cstdlib>
#include <string_view>

#include "common/device.h"

namespace mmpo::testing {

inline at::Device test_device() {
  const char* name = std::getenv("MMPO_TEST_DEVICE");
  return device_of(name != nullptr && std::string_view(name) == "cuda" ? MMPO_CUDA : MMPO_CPU);
}

}  // namespace mmpo::testing
