// A micro-batch as the decoder sees it: one flat row of tokens, no padding, a prompt shared by its completions.
//
// Rows: the preamble, where there is one; for each group its prompt and its graded completions, group after group; then the completions that are only
// scored. So the rows that need a backward pass are the first num_graded_rows, and a plain prefix of every activation.
// A completion's last token predicts nothing that is asked for, so it has no row. A token that is only read (mmpo_batch) has a row,
// and none of the head's predicts it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention_plan.h"
#include "mmpo/types.h"

namespace mmpo {

using at::Tensor;

enum class Role { kGraded, kScored, kLeftOut };

struct PackedBatch {
  // batch: one that check_batch accepts; roles: [C].
  PackedBatch(const mmpo_batch& batch, std::span<const Role> roles, at::Device device);

  int64_t num_rows = 0;
  int64_t num_graded_rows = 0;
  int64_t num_positions = 0;  // one more than the largest position
  Tensor tokens_T;  // int64, as all tensors here on the device
  Tensor positions_T;  // int32
  AttentionPlan attention;  // of all rows
  AttentionPlan graded_attention;  // of the graded ones

  // The head's rows: completion after completion, the graded ones first. R = sum of the tokens that they learn.
  Tensor head_rows_R;  // int64: the row whose hidden state predicts
  Tensor head_targets_R;  // int64: the token that it predicts
  int64_t num_graded_head_rows = 0;

  // Of each row, int64 on the device: the number of its group, and below it in 32 bits the row's place among the group's tokens in the
  // caller's order. group_numbers: of the batch's groups.
  Tensor row_numbers(std::span<const int64_t> group_numbers) const;

  struct Completion {
    int64_t head_begin;  // into the head's rows; -1 where it is left out
    int64_t length;  // tokens that are predicted
  };
  std::vector<Completion> completions;  // [C] in the caller's order

 private:
  at::Device device_;
  std::vector<int64_t> row_numbers_;  // with the batch's own numbers of its groups, from 0
};

// What mmpo_batch promises, token ids within the model's bounds. Throws Error(MMPO_INVALID_ARGUMENT). Rotary positions have no
// end, so rows may be longer than max_positions, as in transformers.
void check_batch(const mmpo_batch& batch, int64_t vocab_size);

// Whether a token of a batch is predicted, and not only read.
inline bool is_learnt(int32_t token) { return token >= 0; }

// Tokens that each completion learns, [C]: its length, unless some are only read.
std::vector<int64_t> learnt_lengths(const mmpo_batch& batch);

// Throws Error(MMPO_INVALID_ARGUMENT) where a token of the batch is only read.
void require_all_learnt(const mmpo_batch& batch);

// Throws Error(MMPO_INVALID_ARGUMENT) where the batch has a preamble.
void require_no_preamble(const mmpo_batch& batch);

}  // namespace mmpo
