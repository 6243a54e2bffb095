// From tensors to what the kernels take. Checks are of our own callers: a breach is a defect of the engine, reported as
// c10::Error, never a user's mistake.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <type_traits>

#include "kernels/arguments.h"

namespace mmpo {

using at::Tensor;

inline int64_t num_rows(const Tensor& x) { return x.dim() == 3 ? x.size(0) * x.size(1) : x.size(0); }

// A matrix whose rows are contiguous, or [T, N, D] whose T * N heads are its rows; const T for one that is only read.
template <typename T>
Rows<T> rows(const Tensor& x) {
  using Value = std::remove_const_t<T>;
  TORCH_CHECK((x.dim() == 2 || x.dim() == 3) && (x.stride(-1) == 1 || x.size(-1) <= 1),
              "kernels take [rows, columns], or [tokens, heads, columns], with contiguous rows, got ", x.sizes(),
              " with strides ", x.strides());
  T* data = nullptr;
  if constexpr (std::is_const_v<T>) {
    data = x.const_data_ptr<Value>();
  } else {
    data = x.mutable_data_ptr<Value>();
  }
  if (x.dim() == 2) return {data, x.size(0), x.size(1), x.stride(0)};
  return {data, num_rows(x), x.size(2), x.stride(1), x.size(1), x.stride(0)};
}

// body(std::type_identity) of x's element type.
template <typename Body>
void with_type(const Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kFloat) {
    body(std::type_identity<float>());
  } else {
    TORCH_CHECK(x.scalar_type() == at::kBFloat16, "kernels take float32 or bfloat16, got ", x.scalar_type());
    body(std::type_identity<c10::BFloat16>());
  }
}

}  // namespace mmpo
