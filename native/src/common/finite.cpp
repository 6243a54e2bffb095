#include "common/finite.h"

#include <ATen/Parallel.h>
#include <ATen/ops/isfinite.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "common/device.h"

namespace mmpo {
namespace {

// Elements of a thread's turn, and on a GPU of one look: LibTorch makes several times what it looks at.
constexpr int64_t kTurn = int64_t{1} << 16;
constexpr int64_t kLook = int64_t{1} << 22;

// An exponent of ones is that of an infinity or NaN.
template <typename Bits>
bool no_exponent_is(Bits ones, const void* values, int64_t count) {
  const auto* bits = static_cast<const Bits*>(values);
  std::atomic<bool> found{false};
  at::parallel_for(0, count, kTurn, [&](int64_t begin, int64_t end) {
    for (int64_t turn = begin; turn < end && !found.load(std::memory_order_relaxed); turn += kTurn) {
      Bits any = 0;  // no early end within a turn: so it is one loop over vectors
      for (int64_t i = turn; i < std::min(end, turn + kTurn); ++i) any |= static_cast<Bits>((bits[i] & ones) == ones);
      if (any != 0) found.store(true, std::memory_order_relaxed);
    }
  });
  return !found.load(std::memory_order_relaxed);
}

}  // namespace

bool is_finite(const at::Tensor& values) {
  TORCH_CHECK(values.is_contiguous(), "is_finite takes contiguous numbers, got strides ", values.strides());
  if (is_gpu(values.device())) {
    const at::Tensor flat = values.flatten();
    for (int64_t begin = 0; begin < flat.numel(); begin += kLook) {
      if (!at::isfinite(flat.narrow(0, begin, std::min(kLook, flat.numel() - begin))).all().item<bool>()) return false;
    }
    return true;
  }
  switch (values.scalar_type()) {
    case at::kFloat:
      return no_exponent_is<uint32_t>(0x7f800000U, values.const_data_ptr(), values.numel());
    case at::kBFloat16:
      return no_exponent_is<uint16_t>(0x7f80U, values.const_data_ptr(), values.numel());
    case at::kHalf:
      return no_exponent_is<uint16_t>(0x7c00U, values.const_data_ptr(), values.numel());
    default:
      TORCH_CHECK(false, "is_finite takes float32, bfloat16 and float16, got ", values.scalar_type());
  }
}

}  // namespace mmpo
