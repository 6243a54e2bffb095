#include "kernels/varlen_attention.h"

#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "common/device.h"

namespace mmpo {
namespace {

// FlashAttention-2's limits, as LibTorch has it.
constexpr int64_t kLargestFlashHead = 256;
constexpr int64_t kFlashHeadMultiple = 8;

// [T, N, D] of the first columns, or of those behind them.
Tensor columns(const Tensor& x_TQ, int64_t first_head, int64_t num_heads, const AttentionShape& shape) {
  return x_TQ.narrow(1, first_head * shape.head_dim, num_heads * shape.head_dim)
      .unflatten(1, {num_heads, shape.head_dim});
}

// [N, L, D] float32 of rows of [G, M, D], each key head as often as query heads share it.
Tensor float_heads(const Tensor& x_GMD, int64_t begin, int64_t count, int64_t num_heads) {
  const Tensor rows_MLD = x_GMD.narrow(0, begin, count).transpose(0, 1).to(at::kFloat);
  return num_heads == x_GMD.size(1) ? rows_MLD : rows_MLD.repeat_interleave(num_heads / x_GMD.size(1), 0);
}

// True where a query must not look: bottom-right causal, and beyond the window.
Tensor hidden(int64_t queries, int64_t keys, int64_t window, at::Device device) {
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  const Tensor keys_1L = at::arange(keys, options).unsqueeze(0);
  const Tensor queries_L1 = at::arange(queries, options).unsqueeze(1) + (keys - queries);
  const Tensor later_LL = keys_1L > queries_L1;
  return window == 0 ? later_LL : later_LL.logical_or(keys_1L <= queries_L1 - window);
}

// As flash attention counts it: the keys to the left of a query, without its own.
std::optional<int64_t> keys_before(const AttentionShape& shape) {
  return shape.window == 0 ? std::nullopt : std::optional(shape.window - 1);
}

}  // namespace

VarlenAttention::VarlenAttention(std::span<const Segment> segments, at::Device device) {
  std::vector<int64_t> gathered, own;
  std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>>
      copies;  // by how many completions have read the rows
  std::vector<size_t> num_readers;  // of the row's keys beside its own sequence
  const auto append_rows = [&](int64_t begin, int64_t count) {
    for (int64_t i = 0; i < count; ++i) gathered.push_back(begin + i);
  };
  for (const Segment& segment : segments) {
    TORCH_CHECK(segment.begin == static_cast<int64_t>(own.size()), "segments must lie one after another");
    const auto first = static_cast<int64_t>(gathered.size());
    const bool continues = !sequences_.empty() && segment.prefix_length > 0 &&
                           sequences_.back().query_begin == segment.prefix_begin &&
                           segment.prefix_begin + segment.prefix_length == segment.begin;
    if (continues) {
      sequences_.back().queries += segment.length;
      sequences_.back().keys += segment.length;
    } else {
      has_preamble_ = has_preamble_ || segment.preamble_length > 0;
      append_rows(0, segment.preamble_length);
      append_rows(segment.prefix_begin, segment.prefix_length);
      for (int64_t i = 0; i < segment.prefix_length && segment.preamble_length == 0; ++i) {
        const auto row = static_cast<size_t>(segment.prefix_begin + i);
        const size_t reader = num_readers[row]++;
        if (reader == copies.size()) copies.emplace_back();
        copies[reader].first.push_back(segment.prefix_begin + i);
        copies[reader].second.push_back(first + i);
      }
      const int64_t before = segment.preamble_length + segment.prefix_length;
      sequences_.push_back({segment.length, segment.begin, before + segment.length, first});
    }
    for (int64_t i = 0; i < segment.length; ++i) own.push_back(static_cast<int64_t>(gathered.size()) + i);
    append_rows(segment.begin, segment.length);
    num_readers.resize(own.size(), 0);
  }
  std::vector<int32_t> query_offsets{0}, key_offsets{0};
  for (const Sequence& sequence : sequences_) {
    longest_query_ = std::max(longest_query_, sequence.queries);
    longest_key_ = std::max(longest_key_, sequence.keys);
    query_offsets.push_back(query_offsets.back() + static_cast<int32_t>(sequence.queries));
    key_offsets.push_back(key_offsets.back() + static_cast<int32_t>(sequence.keys));
  }
  query_offsets_ = to_device(query_offsets, device);
  key_offsets_ = to_device(key_offsets, device);
  if (copies.empty() && !has_preamble_) return;
  gathered_G_ = to_device(gathered, device);
  own_T_ = to_device(own, device);
  for (const auto& [rows, positions] : copies)
    copies_.push_back({to_device(rows, device), to_device(positions, device)});
}

bool VarlenAttention::is_flash(at::Device device, at::ScalarType dtype, const AttentionShape& shape) {
  return is_gpu(device) && dtype == at::kBFloat16 && shape.head_dim % kFlashHeadMultiple == 0 &&
         shape.head_dim <= kLargestFlashHead;
}

VarlenAttention::Heads VarlenAttention::heads(const Tensor& qkv_TQ, const AttentionShape& shape) const {
  const Tensor q_TND = columns(qkv_TQ, 0, shape.num_heads, shape);
  if (!gathered_G_.defined()) {
    return {q_TND, columns(qkv_TQ, shape.num_heads, shape.num_kv_heads, shape),
            columns(qkv_TQ, shape.num_heads + shape.num_kv_heads, shape.num_kv_heads, shape)};
  }
  const int64_t query_size = shape.num_heads * shape.head_dim;
  const Tensor kv_GK = qkv_TQ.narrow(1, query_size, qkv_TQ.size(1) - query_size).index_select(0, gathered_G_);
  return {q_TND, columns(kv_GK, 0, shape.num_kv_heads, shape),
          columns(kv_GK, shape.num_kv_heads, shape.num_kv_heads, shape)};
}

void VarlenAttention::scatter(const Tensor& grad_q_TND, const Tensor& grad_k_GMD, const Tensor& grad_v_GMD,
                              Tensor& grad_qkv_TQ) const {
  const Tensor grad_q_TA = grad_q_TND.flatten(1), grad_k_GK = grad_k_GMD.flatten(1), grad_v_GK = grad_v_GMD.flatten(1);
  if (!gathered_G_.defined()) {
    at::cat_out(grad_qkv_TQ, {grad_q_TA, grad_k_GK, grad_v_GK}, 1);
    return;
  }
  // Sums in float32, rounded once. No row is twice in one of the copies, so nothing depends on an order.
  const Tensor grad_kv_GK = at::cat({grad_k_GK, grad_v_GK}, 1);
  Tensor sum_TK = grad_kv_GK.index_select(0, own_T_).to(at::kFloat);
  for (const Copies& copy : copies_)
    sum_TK.index_add_(0, copy.rows, grad_kv_GK.index_select(0, copy.positions).to(at::kFloat));
  const int64_t query_size = grad_q_TA.size(1);
  grad_qkv_TQ.narrow(1, 0, query_size).copy_(grad_q_TA);
  grad_qkv_TQ.narrow(1, query_size, sum_TK.size(1)).copy_(sum_TK);
}

void VarlenAttention::forward(const Tensor& qkv_TQ, const AttentionShape& shape, Tensor& out_TA, Tensor& lse_NT) const {
  const Heads heads = this->heads(qkv_TQ, shape);
  if (!is_flash(qkv_TQ.device(), qkv_TQ.scalar_type(), shape)) {
    plain_forward(heads, shape, out_TA, lse_NT);
    return;
  }
  const auto [out_TND, lse, rng_state, unused, mask] = at::_flash_attention_forward(
      heads.q_TND, heads.k_GMD, heads.v_GMD, query_offsets_, key_offsets_, std::max<int64_t>(longest_query_, 2),
      longest_key_, 0.0, true, false, shape.scale(), keys_before(shape), 0);
  out_TA = out_TND.flatten(1);
  lse_NT = lse;
}

void VarlenAttention::backward(const Tensor& grad_out_TA, const Tensor& qkv_TQ, const Tensor& out_TA,
                               const Tensor& lse_NT, const AttentionShape& shape, Tensor& grad_qkv_TQ) const {
  TORCH_CHECK(!has_preamble_, "a preamble has no backward pass");
  const Heads heads = this->heads(qkv_TQ, shape);
  if (!is_flash(qkv_TQ.device(), qkv_TQ.scalar_type(), shape)) {
    plain_backward(grad_out_TA, heads, out_TA, lse_NT, shape, grad_qkv_TQ);
    return;
  }
  // Forward may have seen more rows behind those that are graded; flash takes lse without them. Where there are none nothing is copied.
  const Tensor lse = lse_NT.narrow(1, 0, qkv_TQ.size(0)).contiguous();
  const Tensor no_randomness = at::empty({2}, qkv_TQ.options().dtype(at::kUInt64));
  const auto [grad_q, grad_k, grad_v] =
      at::_flash_attention_backward(columns(grad_out_TA, 0, shape.num_heads, shape), heads.q_TND, heads.k_GMD,
                                    heads.v_GMD, columns(out_TA, 0, shape.num_heads, shape), lse, query_offsets_,
                                    key_offsets_, std::max<int64_t>(longest_query_, 2), longest_key_, 0.0, true,
                                    no_randomness, no_randomness, shape.scale(), keys_before(shape), 0);
  scatter(grad_q, grad_k, grad_v, grad_qkv_TQ);
}

void VarlenAttention::plain_forward(const Heads& heads, const AttentionShape& shape, Tensor& out_TA,
                                    Tensor& lse_NT) const {
  const int64_t num_rows = heads.q_TND.size(0);
  out_TA = at::empty({num_rows, shape.num_heads * shape.head_dim}, heads.q_TND.options());
  lse_NT = at::empty({shape.num_heads, num_rows}, heads.q_TND.options().dtype(at::kFloat));
  for (const Sequence& sequence : sequences_) {
    const Tensor q_NLD = float_heads(heads.q_TND, sequence.query_begin, sequence.queries, shape.num_heads);
    const Tensor k_NLD = float_heads(heads.k_GMD, sequence.key_begin, sequence.keys, shape.num_heads);
    const Tensor v_NLD = float_heads(heads.v_GMD, sequence.key_begin, sequence.keys, shape.num_heads);
    Tensor scores_NLL = at::matmul(q_NLD, k_NLD.transpose(1, 2)).mul_(shape.scale());
    scores_NLL.masked_fill_(hidden(sequence.queries, sequence.keys, shape.window, scores_NLL.device()),
                            -std::numeric_limits<double>::infinity());
    const Tensor lse_NL = at::logsumexp(scores_NLL, {2});
    scores_NLL.sub_(lse_NL.unsqueeze(2)).exp_();
    columns(out_TA.narrow(0, sequence.query_begin, sequence.queries), 0, shape.num_heads, shape)
        .copy_(at::matmul(scores_NLL, v_NLD).transpose(0, 1));
    lse_NT.narrow(1, sequence.query_begin, sequence.queries).copy_(lse_NL);
  }
}

void VarlenAttention::plain_backward(const Tensor& grad_out_TA, const Heads& heads, const Tensor& out_TA,
                                     const Tensor& lse_NT, const AttentionShape& shape, Tensor& grad_qkv_TQ) const {
  const auto float_options = grad_out_TA.options().dtype(at::kFloat);
  const Tensor grad_q_TND = at::empty(heads.q_TND.sizes(), float_options);
  const Tensor grad_k_GMD = at::empty(heads.k_GMD.sizes(), float_options);
  const Tensor grad_v_GMD = at::empty(heads.v_GMD.sizes(), float_options);
  // Query heads that share a key head add up.
  const auto put = [&](const Tensor& sum_GMD, const Sequence& sequence, const Tensor& grad_NLD) {
    const Tensor grad_ML = grad_NLD.unflatten(0, {shape.num_kv_heads, -1}).sum(1);
    sum_GMD.narrow(0, sequence.key_begin, sequence.keys).copy_(grad_ML.transpose(0, 1));
  };
  for (const Sequence& sequence : sequences_) {
    const auto of_queries = [&](const Tensor& x_TND) {
      return float_heads(x_TND, sequence.query_begin, sequence.queries, shape.num_heads);
    };
    const Tensor q_NLD = of_queries(heads.q_TND);
    const Tensor grad_NLD = of_queries(columns(grad_out_TA, 0, shape.num_heads, shape));
    const Tensor out_NLD = of_queries(columns(out_TA, 0, shape.num_heads, shape));
    const Tensor k_NLD = float_heads(heads.k_GMD, sequence.key_begin, sequence.keys, shape.num_heads);
    const Tensor v_NLD = float_heads(heads.v_GMD, sequence.key_begin, sequence.keys, shape.num_heads);
    const Tensor lse_NL = lse_NT.narrow(1, sequence.query_begin, sequence.queries);
    Tensor weights_NLL = at::matmul(q_NLD, k_NLD.transpose(1, 2)).mul_(shape.scale()).sub_(lse_NL.unsqueeze(2)).exp_();
    weights_NLL.masked_fill_(hidden(sequence.queries, sequence.keys, shape.window, weights_NLL.device()), 0);
    put(grad_v_GMD, sequence, at::matmul(weights_NLL.transpose(1, 2), grad_NLD));
    // The softmax's gradient: each row's own mean of the gradients of its weights is sum(grad * out).
    const Tensor mean_NL1 = at::sum(grad_NLD * out_NLD, {2}, true);
    const Tensor grad_scores_NLL =
        at::matmul(grad_NLD, v_NLD.transpose(1, 2)).sub_(mean_NL1).mul_(weights_NLL).mul_(shape.scale());
    grad_q_TND.narrow(0, sequence.query_begin, sequence.queries)
        .copy_(at::matmul(grad_scores_NLL, k_NLD).transpose(0, 1));
    put(grad_k_GMD, sequence, at::matmul(grad_scores_NLL.transpose(1, 2), q_NLD));
  }
  scatter(grad_q_TND, grad_k_GMD, grad_v_GMD, grad_qkv_TQ);
}

}  // namespace mmpo
