#include "model/batch_slices.h"

#include <algorithm>
#include <numeric>

#include "common/device.h"

namespace mmpo {

namespace {

// Every slice computes the preamble: so many times as many tokens come behind it, if there are.
constexpr int64_t kPreambleShare = 4;

}  // namespace

int64_t slice_tokens(at::Device device) { return is_gpu(device) ? kGpuSliceTokens : kCpuSliceTokens; }

std::vector<BatchSlice> slice_batch(const mmpo_batch& batch, int64_t max_tokens) {
  std::vector<BatchSlice> slices;
  const int64_t room = std::max(max_tokens, kPreambleShare * batch.preamble_length);
  const int32_t* tokens = batch.tokens;
  const int32_t* lengths = batch.completion_lengths;
  for (int64_t group = 0; group < batch.num_groups; ++group) {
    const int64_t num_completions = batch.group_sizes[group];
    const int64_t num_tokens =
        std::accumulate(lengths, lengths + num_completions, int64_t{batch.prompt_lengths[group]});
    if (slices.empty() || slices.back().batch.num_tokens + num_tokens > room) {
      slices.push_back({{tokens, batch.prompt_lengths + group, batch.group_sizes + group, lengths, 0, 0, 0,
                         batch.preamble, batch.preamble_length},
                        lengths - batch.completion_lengths});
    }
    mmpo_batch& slice = slices.back().batch;
    slice.num_tokens += num_tokens;
    slice.num_groups += 1;
    slice.num_completions += num_completions;
    tokens += num_tokens;
    lengths += num_completions;
  }
  return slices;
}

}  // namespace mmpo
