// A batch in slices: whole groups that go through the model together, so that memory is that of a bounded number of tokens,
// however many groups the batch has. Gradients of slices add up as those of micro-batches do.
#pragma once

#include <c10/core/Device.h>

#include <vector>

#include "mmpo/types.h"

namespace mmpo {

// Tokens of a slice. With so many, products run as fast as they ever do, and adding to the gradients costs next to nothing beside
// them: a GPU needs more of them for that. Constants, not shares of what is free, for the reason that those of
// linear_logp.h are.
inline constexpr int64_t kCpuSliceTokens = 1536;
inline constexpr int64_t kGpuSliceTokens = 8192;

int64_t slice_tokens(at::Device device);

struct BatchSlice {
  mmpo_batch batch;  // borrows the whole batch's arrays
  int64_t first_completion;  // of the whole batch's
};

// Slice after slice, each with the preamble, which does not count unless it is long, and as many of the next groups as have
// max_tokens together, and at least one. Which completions an objective leaves out or only scores does not change them: on the CPU a
// step that is logged has the bits of one that is not. On a GPU cuBLAS chooses its kernels by the number of rows, so that those that are only scored change the last bits of the others.
// batch: one that check_batch accepts.
std::vector<BatchSlice> slice_batch(const mmpo_batch& batch, int64_t max_tokens);

}  // namespace mmpo
