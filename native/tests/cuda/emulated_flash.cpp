// A stand-in for LibTorch's flash attention, which has no CPU kernel: the two operations that varlen_attention.cpp calls, on the
// CPU's memory. It asks of its arguments what FlashAttention-2 asks (types, sizes, strides, where rows begin), masks causally
// from the bottom right, and not at all for sequences of one query, as it does; and it rounds to bfloat16 where that does: the
// softmax before it meets the values, and the gradients of keys and values of every query head before those of one key head
// are added up. It asks the allocator for what that asks for, and no more of it is counted (emulated_memory.h).
#include "cuda/emulated_flash.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include <cmath>
#include <limits>

#include "cuda/emulated_memory.h"
#include "cuda/sizes_alone.h"

namespace mmpo::testing {

FlashFault& flash_fault() {
  static FlashFault fault = FlashFault::kNone;
  return fault;
}

namespace {

using at::Tensor;

void check_heads(const char* name, const Tensor& x_TND) {
  TORCH_CHECK(x_TND.dim() == 3 && x_TND.scalar_type() == at::kBFloat16, name, " must be [T, N, D] of bfloat16");
  TORCH_CHECK(x_TND.size(2) % 8 == 0 && x_TND.size(2) <= 256, name, ": heads of ", x_TND.size(2));
  TORCH_CHECK(x_TND.stride(2) == 1 && x_TND.stride(1) % 8 == 0 && x_TND.stride(0) % 8 == 0 &&
                  reinterpret_cast<uintptr_t>(x_TND.const_data_ptr()) % 16 == 0,
              name, ": elements must be contiguous and heads begin at 16 bytes, got strides ", x_TND.strides());
}

void check_offsets(const char* name, const Tensor& offsets, int64_t total, int64_t longest) {
  TORCH_CHECK(offsets.scalar_type() == at::kInt && offsets.is_contiguous(), name, " must be contiguous int32");
  const int32_t* at = offsets.const_data_ptr<int32_t>();
  TORCH_CHECK(at[0] == 0 && at[offsets.numel() - 1] == total, name, " must cover ", total, " rows");
  for (int64_t i = 1; i < offsets.numel(); ++i) TORCH_CHECK(at[i] - at[i - 1] <= longest, name, ": longer than said");
}

// One sequence's part of [T, N, D], as float32 [N, L, D].
struct Sequences {
  const int32_t *queries, *keys;
  int64_t count;

  Sequences(const Tensor& query_offsets, const Tensor& key_offsets)
      : queries(query_offsets.const_data_ptr<int32_t>()), keys(key_offsets.const_data_ptr<int32_t>()),
        count(query_offsets.numel() - 1) {}
  static Tensor part(const Tensor& x, const int32_t* offsets, int64_t i, int64_t dim = 0) {
    return x.narrow(dim, offsets[i], offsets[i + 1] - offsets[i]);
  }
  static Tensor heads(const Tensor& x_TND, const int32_t* offsets, int64_t i, int64_t num_heads) {
    const Tensor x_NLD = part(x_TND, offsets, i).transpose(0, 1).to(at::kFloat);
    return x_NLD.repeat_interleave(num_heads / x_NLD.size(0), 0);
  }
};

// before: how many keys before its own a query sees; all of them where it is not said.
Tensor masked_scores(const Tensor& q_NLD, const Tensor& k_NLD, double scale, bool is_causal,
                     const std::optional<c10::SymInt>& before) {
  Tensor scores_NLL = at::matmul(q_NLD, k_NLD.transpose(1, 2)) * scale;
  if (!is_causal) return scores_NLL;
  const int64_t queries = scores_NLL.size(1);
  const int64_t keys = scores_NLL.size(2);
  Tensor hidden = at::ones({queries, keys}, at::kBool).triu(keys - queries + 1);
  if (before) hidden.logical_or_(at::ones({queries, keys}, at::kBool).tril(keys - queries - before->expect_int() - 1));
  return scores_NLL.masked_fill_(hidden, -std::numeric_limits<double>::infinity());
}

Tensor rounded(const Tensor& x) { return x.to(at::kBFloat16).to(at::kFloat); }

double factor() {
  TORCH_CHECK(flash_fault() != FlashFault::kNotBuilt, "USE_FLASH_ATTENTION was not enabled for build.");
  return flash_fault() == FlashFault::kWrong ? 2 : 1;
}

// What backward sums in: the gradients of queries, and each row's mean, float32, with room for a block of queries behind every
// sequence; a head takes a multiple of 32 columns, above 128 of 64.
struct Scratch {
  Tensor grad_q_TND, mean_NT;

  Scratch(const Tensor& q_TND, int64_t num_sequences) {
    constexpr int64_t kBlock = 128;
    const int64_t rows = q_TND.size(0) + kBlock * num_sequences;
    const int64_t multiple = q_TND.size(2) <= 128 ? 32 : 64;
    const int64_t columns = (q_TND.size(2) + multiple - 1) / multiple * multiple;
    mean_NT = at::empty({q_TND.size(1), rows}, at::kFloat);
    grad_q_TND = at::empty({rows, q_TND.size(1), columns}, at::kFloat);
  }
};

using Optional = std::optional<Tensor>;

// Where each sequence's keys begin and end. Where it is said how many are used, offsets say but where they begin.
std::vector<int32_t> ranges(const Tensor& key_offsets, const Optional& used, int64_t total, int64_t longest) {
  if (!used) check_offsets("cum_seq_k", key_offsets, total, longest);
  const int64_t count = key_offsets.numel() - 1;
  TORCH_CHECK(!used || (used->scalar_type() == at::kInt && used->is_contiguous() && used->numel() == count &&
                        key_offsets.scalar_type() == at::kInt && key_offsets.is_contiguous()),
              "cum_seq_k and seqused_k must be contiguous int32, and these one for each sequence");
  std::vector<int32_t> ranges;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t begin = key_offsets.const_data_ptr<int32_t>()[i];
    int32_t end = used ? begin + used->const_data_ptr<int32_t>()[i] : key_offsets.const_data_ptr<int32_t>()[i + 1];
    TORCH_CHECK(begin <= end && end - begin <= longest && end <= total, "sequence ", i, " has keys from ", begin,
                " to ", end);
    if (used && flash_fault() == FlashFault::kSeesWholeCache) end = begin + static_cast<int32_t>(longest);
    ranges.push_back(begin);
    ranges.push_back(end);
  }
  return ranges;
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> forward(
    const Tensor& q_TND, const Tensor& k_GMD, const Tensor& v_GMD, const Optional& query_offsets,
    const Optional& key_offsets, c10::SymInt longest_query, c10::SymInt longest_key, double dropout, bool is_causal,
    bool, std::optional<double> scale, std::optional<c10::SymInt> before, std::optional<c10::SymInt>,
    const Optional& used_keys, const Optional&, const Optional&, std::optional<int64_t>) {
  const double wrong = factor();
  check_heads("q", q_TND);
  check_heads("k", k_GMD);
  check_heads("v", v_GMD);
  check_offsets("cum_seq_q", *query_offsets, q_TND.size(0), longest_query.expect_int());
  const Sequences sequences(*query_offsets, *key_offsets);
  const std::vector<int32_t> key_ranges = ranges(*key_offsets, used_keys, k_GMD.size(0), longest_key.expect_int());
  TORCH_CHECK(dropout == 0 && q_TND.size(1) % k_GMD.size(1) == 0);
  const int64_t num_heads = q_TND.size(1);
  Tensor out_TND = at::empty(q_TND.sizes(), q_TND.options());
  Tensor lse_NT = at::empty({num_heads, q_TND.size(0)}, at::kFloat);
  const UncountedMemory uncounted;
  for (int64_t i = 0; computes() && i < sequences.count; ++i) {
    const Tensor scores_NLL = masked_scores(Sequences::heads(q_TND, sequences.queries, i, num_heads),
                                            Sequences::heads(k_GMD, key_ranges.data(), 2 * i, num_heads), scale.value(),
                                            is_causal && longest_query.expect_int() > 1, before);
    const Tensor most_NL1 = scores_NLL.amax(2, true);
    const Tensor weights_NLL = (scores_NLL - most_NL1).exp();
    const Tensor sum_NL1 = weights_NLL.sum(2, true);
    const Tensor out_NLD =
        at::matmul(rounded(weights_NLL), Sequences::heads(v_GMD, key_ranges.data(), 2 * i, num_heads)) / sum_NL1;
    Sequences::part(out_TND, sequences.queries, i).copy_((out_NLD * wrong).transpose(0, 1));
    Sequences::part(lse_NT, sequences.queries, i, 1).copy_((most_NL1 + sum_NL1.log()).squeeze(2));
  }
  const Tensor none = at::empty({0}, at::kUInt64);
  return {out_TND, lse_NT, none, none, at::empty({0}, q_TND.options())};
}

std::tuple<Tensor, Tensor, Tensor> backward(const Tensor& grad_out_TND, const Tensor& q_TND, const Tensor& k_GMD,
                                            const Tensor& v_GMD, const Tensor& out_TND, const Tensor& lse_NT,
                                            const Tensor& query_offsets, const Tensor& key_offsets,
                                            c10::SymInt longest_query, c10::SymInt longest_key, double dropout,
                                            bool is_causal, const Tensor&, const Tensor&, std::optional<double> scale,
                                            std::optional<c10::SymInt> before, std::optional<c10::SymInt>) {
  factor();
  for (const Tensor* x : {&grad_out_TND, &q_TND, &k_GMD, &v_GMD, &out_TND}) check_heads("an argument", *x);
  check_offsets("cum_seq_q", query_offsets, q_TND.size(0), longest_query.expect_int());
  check_offsets("cum_seq_k", key_offsets, k_GMD.size(0), longest_key.expect_int());
  const int64_t num_heads = q_TND.size(1);
  TORCH_CHECK(dropout == 0 && lse_NT.is_contiguous() && lse_NT.size(0) == num_heads &&
              lse_NT.size(1) == q_TND.size(0) && lse_NT.scalar_type() == at::kFloat);
  const Sequences sequences(query_offsets, key_offsets);
  Tensor grad_q_TND = at::empty(q_TND.sizes(), q_TND.options());
  Tensor grad_k_GMD = at::empty(k_GMD.sizes(), k_GMD.options());
  Tensor grad_v_GMD = at::empty(k_GMD.sizes(), k_GMD.options());
  // Of every query head; those of one key head are added up below.
  const bool is_grouped = num_heads != k_GMD.size(1);
  const auto every_head = [&](const Tensor& of_key_heads) {
    return is_grouped ? at::empty({k_GMD.size(0), num_heads, k_GMD.size(2)}, k_GMD.options()) : of_key_heads;
  };
  const Tensor grad_k_GND = every_head(grad_k_GMD);
  const Tensor grad_v_GND = every_head(grad_v_GMD);
  const Scratch scratch(q_TND, sequences.count);
  const UncountedMemory uncounted;
  for (int64_t i = 0; computes() && i < sequences.count; ++i) {
    const auto of_queries = [&](const Tensor& x) { return Sequences::heads(x, sequences.queries, i, num_heads); };
    const auto of_keys = [&](const Tensor& x) { return Sequences::heads(x, sequences.keys, i, num_heads); };
    const Tensor grad_NLD = of_queries(grad_out_TND);
    const Tensor lse_NL1 = Sequences::part(lse_NT, sequences.queries, i, 1).unsqueeze(2);
    const Tensor weights_NLL =
        (masked_scores(of_queries(q_TND), of_keys(k_GMD), *scale, is_causal && longest_query.expect_int() > 1, before) -
         lse_NL1)
            .exp();
    const Tensor mean_NL1 = (grad_NLD * of_queries(out_TND)).sum(2, true);
    const Tensor grad_scores_NLL =
        rounded(weights_NLL * (at::matmul(grad_NLD, of_keys(v_GMD).transpose(1, 2)) - mean_NL1));
    const auto put = [&](const Tensor& to, const int32_t* offsets, const Tensor& grad) {
      Sequences::part(to, offsets, i).copy_(grad.transpose(0, 1));
    };
    put(grad_q_TND, sequences.queries, at::matmul(grad_scores_NLL, of_keys(k_GMD)) * *scale);
    put(grad_k_GND, sequences.keys, at::matmul(grad_scores_NLL.transpose(1, 2), of_queries(q_TND)) * *scale);
    put(grad_v_GND, sequences.keys, at::matmul(rounded(weights_NLL).transpose(1, 2), grad_NLD));
  }
  const auto sum = [&](const Tensor& grad_GND, const Tensor& of_key_heads) {
    if (is_grouped && computes()) of_key_heads.copy_(grad_GND.unflatten(1, {k_GMD.size(1), -1}).to(at::kFloat).sum(2));
  };
  sum(grad_k_GND, grad_k_GMD);
  sum(grad_v_GND, grad_v_GMD);
  return {grad_q_TND, grad_k_GMD, grad_v_GMD};
}

TORCH_LIBRARY_IMPL(aten, CPU, library) {
  library.impl("_flash_attention_forward", forward);
  library.impl("_flash_attention_backward", backward);
}

}  // namespace
}  // namespace mmpo::testing
