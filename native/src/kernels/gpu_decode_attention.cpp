#include "kernels/gpu_decode_attention.h"

#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "common/device.h"

namespace mmpo {
namespace {

Tensor queries(const Tensor& qkv_nQ, const AttentionShape& shape) {
  return qkv_nQ.narrow(1, 0, shape.num_heads * shape.head_dim);
}

// One query a sequence sees all of its keys without a mask, and flash attention then takes the query heads of a key head together. A
// window is a mask, which it makes where it is told of more queries.
Tensor by_flash(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK, const GpuDecodeRows& rows,
                const AttentionShape& shape) {
  const auto heads = [&](const Tensor& cache_SLK) {
    return cache_SLK.flatten(0, 1).unflatten(1, {shape.num_kv_heads, shape.head_dim});
  };
  const bool has_window = shape.window != 0;
  const auto [out_nND, lse, rng_state, unused, mask] = at::_flash_attention_forward(
      queries(qkv_nQ, shape).unflatten(1, {shape.num_heads, shape.head_dim}), heads(keys_SLK), heads(values_SLK),
      rows.query_offsets(), rows.key_offsets(), has_window ? 2 : 1, rows.longest(), 0.0, has_window, false,
      shape.scale(), has_window ? std::optional(shape.window - 1) : std::nullopt,
      has_window ? std::optional<int64_t>(0) : std::nullopt, rows.num_keys());
  return out_nND.flatten(1);
}

Tensor by_products(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK, const GpuDecodeRows& rows,
                   const AttentionShape& shape) {
  // M key heads, G query heads of each.
  const auto seen_nMLD = [&](const Tensor& cache_SLK) {
    return cache_SLK.narrow(1, 0, rows.longest())
        .index_select(0, rows.sequences())
        .unflatten(2, {shape.num_kv_heads, shape.head_dim})
        .transpose(1, 2)
        .to(at::kFloat);
  };
  const Tensor hidden_n11L = rows.hidden(shape).unsqueeze(1).unsqueeze(1);
  const Tensor q_nMGD = queries(qkv_nQ, shape).unflatten(1, {shape.num_kv_heads, -1, shape.head_dim}).to(at::kFloat);
  Tensor scores_nMGL = at::matmul(q_nMGD, seen_nMLD(keys_SLK).transpose(2, 3));
  scores_nMGL.mul_(shape.scale());
  scores_nMGL.masked_fill_(hidden_n11L, -std::numeric_limits<double>::infinity());
  // What lies past a sequence's keys was never written: its weight is 0, but it may be NaN.
  const Tensor values_nMLD = seen_nMLD(values_SLK).masked_fill_(hidden_n11L.transpose(2, 3), 0);
  return at::matmul(at::softmax(scores_nMGL, -1), values_nMLD).flatten(1).to(qkv_nQ.scalar_type());
}

}  // namespace

GpuDecodeRows::GpuDecodeRows(std::span<const DecodeRow> rows, int64_t capacity, int64_t window, bool is_flash,
                             at::Device device) {
  std::vector<int64_t> sequences, places;
  std::vector<int32_t> query_offsets{0}, key_offsets, num_keys;
  for (const DecodeRow& row : rows) {
    TORCH_CHECK(row.num_keys <= capacity && (row.sequence + 1) * capacity <= std::numeric_limits<int32_t>::max(),
                "a cache of more than 2^31 positions, or a row beyond its capacity of ", capacity);
    sequences.push_back(row.sequence);
    places.push_back(row.sequence * capacity + row.num_keys - 1);
    query_offsets.push_back(query_offsets.back() + 1);
    key_offsets.push_back(static_cast<int32_t>(row.sequence * capacity));
    num_keys.push_back(static_cast<int32_t>(row.num_keys));
    longest_ = std::max(longest_, row.num_keys);
  }
  places_n_ = to_device(places, device);
  if (is_flash) {
    // Of the last sequence the end: with the keys counted nobody reads it.
    key_offsets.push_back(key_offsets.back() + static_cast<int32_t>(capacity));
    query_offsets_ = to_device(query_offsets, device);
    key_offsets_ = to_device(key_offsets, device);
    num_keys_n_ = to_device(num_keys, device);
    return;
  }
  sequences_n_ = to_device(sequences, device);
  const Tensor keys_1L = at::arange(longest_, places_n_.options()).unsqueeze(0);
  const Tensor last_n1 = (places_n_ - sequences_n_ * capacity).unsqueeze(1);
  absent_nL_ = keys_1L > last_n1;
  if (window != 0) outside_nL_ = absent_nL_.logical_or(keys_1L <= last_n1 - window);
}

void gpu_decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                          const GpuDecodeRows& rows, const AttentionShape& shape, Tensor& out_nA) {
  const auto attend = rows.is_flash() ? by_flash : by_products;
  out_nA = attend(qkv_nQ, keys_SLK, values_SLK, rows, shape);
}

}  // namespace mmpo
