#include "kernels/gpu_decode_attention.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/device.h"

namespace mmpo {

GpuDecodeRows::GpuDecodeRows(std::span<const DecodeRow> rows, int64_t window, at::Device device) {
  std::vector<int64_t> sequences, last;
  for (const DecodeRow& row : rows) {
    sequences.push_back(row.sequence);
    last.push_back(row.num_keys - 1);
    longest_ = std::max(longest_, row.num_keys);
  }
  sequences_n_ = to_device(sequences, device);
  last_n_ = to_device(last, device);
  const Tensor keys_1L = at::arange(longest_, last_n_.options()).unsqueeze(0);
  const Tensor last_n1 = last_n_.unsqueeze(1);
  absent_nL_ = keys_1L > last_n1;
  if (window != 0) outside_nL_ = absent_nL_.logical_or(keys_1L <= last_n1 - window);
}

Tensor GpuDecodeRows::places(int64_t capacity) const { return sequences_n_ * capacity + last_n_; }

void gpu_decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                          const GpuDecodeRows& rows, const AttentionShape& shape, Tensor& out_nA) {
  const int64_t query_size = shape.num_heads * shape.head_dim;
  // M key heads, G query heads of each.
  const auto seen_nMLD = [&](const Tensor& cache_SLK) {
    return cache_SLK.narrow(1, 0, rows.longest())
        .index_select(0, rows.sequences())
        .unflatten(2, {shape.num_kv_heads, shape.head_dim})
        .transpose(1, 2)
        .to(at::kFloat);
  };
  const Tensor hidden_n11L = rows.hidden(shape).unsqueeze(1).unsqueeze(1);
  const Tensor q_nMGD =
      qkv_nQ.narrow(1, 0, query_size).unflatten(1, {shape.num_kv_heads, -1, shape.head_dim}).to(at::kFloat);
  Tensor scores_nMGL = at::matmul(q_nMGD, seen_nMLD(keys_SLK).transpose(2, 3));
  scores_nMGL.mul_(1 / std::sqrt(static_cast<double>(shape.head_dim)));
  scores_nMGL.masked_fill_(hidden_n11L, -std::numeric_limits<double>::infinity());
  // What lies past a sequence's keys was never written: its weight is 0, but it may be NaN.
  const Tensor values_nMLD = seen_nMLD(values_SLK).masked_fill_(hidden_n11L.transpose(2, 3), 0);
  out_nA = at::matmul(at::softmax(scores_nMGL, -1), values_nMLD).flatten(1).to(qkv_nQ.scalar_type());
}

}  // namespace mmpo
