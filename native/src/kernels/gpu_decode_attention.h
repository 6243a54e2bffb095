// decode_attention.h on a GPU: every sequence's keys up to the longest one's, as one batch of products. Works on any device.
// Legend: decode_attention.h.
#pragma once

#include "kernels/decode_attention.h"

namespace mmpo {

// The rows of a step, on the device once for all layers.
class GpuDecodeRows {
 public:
  // window: of the layers that have one (attention.h), 0 where none has.
  GpuDecodeRows(std::span<const DecodeRow> rows, int64_t window, at::Device device);

  // [n] where each row's own key stands among the cache's S * L rows.
  Tensor places(int64_t capacity) const;
  const Tensor& sequences() const { return sequences_n_; }
  // [n, longest] true where there is no key, or none in the window.
  const Tensor& hidden(const AttentionShape& shape) const { return shape.window == 0 ? absent_nL_ : outside_nL_; }
  int64_t longest() const { return longest_; }

 private:
  int64_t longest_ = 0;
  Tensor sequences_n_, last_n_;  // int64
  Tensor absent_nL_, outside_nL_;
};

// As decode_attention(), but makes out_nA.
void gpu_decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                          const GpuDecodeRows& rows, const AttentionShape& shape, Tensor& out_nA);

}  // namespace mmpo
