#include "common/workspace.h"

#include <ATen/ceil_div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

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

Tensor take_rows(const Tensor& x_TK, const Tensor& rows_R, Workspace& workspace) {
  Tensor out_RK = workspace.allocate({rows_R.size(0), x_TK.size(1)}, x_TK.scalar_type());
  return at::index_select_out(out_RK, x_TK, 0, rows_R);
}

}  // namespace mmpo
