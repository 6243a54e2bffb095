#include "common/workspace.h"

#include <ATen/ceil_div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "common/device.h"

namespace mmpo {
namespace {

constexpr int64_t kAlignment = 64;

}  // namespace

Tensor Workspace::allocate(at::IntArrayRef shape, at::ScalarType dtype) {
  if (is_gpu(device_)) return at::empty(shape, at::TensorOptions().dtype(dtype).device(device_));
  const int64_t bytes =
      at::round_up(c10::multiply_integers(shape) * static_cast<int64_t>(c10::elementSize(dtype)), kAlignment);
  uint8_t* data = memory_.grow(used_ + bytes) + used_;
  used_ += bytes;
  return at::from_blob(data, shape, at::TensorOptions().dtype(dtype));
}

}  // namespace mmpo
