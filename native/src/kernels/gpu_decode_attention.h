// decode_attention.h on a GPU: flash attention over the cache where it lies, or every sequence's keys up to the longest one's as one
// batch of products in float32. Works on any device.
// Legend: decode_attention.h.
#pragma once

#include "kernels/decode_attention.h"

namespace mmpo {

// The rows of a step, on the device once for all layers.
class GpuDecodeRows {
 public:
  // capacity: L. window: of the layers that have one (attention.h), 0 where none has. is_flash: VarlenAttention::is_flash of the cache.
  GpuDecodeRows(std::span<const DecodeRow> rows, int64_t capacity, int64_t window, bool is_flash, at::Device device);

  // int64 [n] where each row's own key stands among the cache's S * L rows.
  const Tensor& places() const { return places_n_; }
  int64_t longest() const { return longest_; }
  bool is_flash() const { return num_keys_n_.defined(); }

  // For flash attention, int32: [n + 1] where rows and their sequences' keys begin, and [n] how many of these there are.
  const Tensor& query_offsets() const { return query_offsets_; }
  const Tensor& key_offsets() const { return key_offsets_; }
  const Tensor& num_keys() const { return num_keys_n_; }

  // For products: int64 [n], and [n, longest] true where there is no key, or none in the window.
  const Tensor& sequences() const { return sequences_n_; }
  const Tensor& hidden(const AttentionShape& shape) const { return shape.window == 0 ? absent_nL_ : outside_nL_; }

 private:
  int64_t longest_ = 0;
  Tensor places_n_;
  Tensor query_offsets_, key_offsets_, num_keys_n_;
  Tensor sequences_n_;
  Tensor absent_nL_, outside_nL_;
};

// As decode_attention(), but makes out_nA.
void gpu_decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                          const GpuDecodeRows& rows, const AttentionShape& shape, Tensor& out_nA);

}  // namespace mmpo
