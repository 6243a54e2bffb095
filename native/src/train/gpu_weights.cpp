#include "train/gpu_weights.h"

#include <ATen/ops/empty.h>

#include <bit>

#include "common/device.h"
#include "loss/cuda_pairs.h"

namespace mmpo {

Tensor row_weights_of(const Objective& objective, const PackedBatch& batch, const Tensor& logp_R,
                      const Tensor& log_squares_R) {
  static_assert(sizeof(PairRows) % sizeof(int64_t) == 0);
  using Words = std::array<int64_t, sizeof(PairRows) / sizeof(int64_t)>;
  std::vector<int64_t> words;
  for (size_t i = 0; i < objective.pairs().size(); ++i) {
    const PairRows rows{objective.pairs()[i], batch.completions[2 * i].head_begin,
                        batch.completions[2 * i + 1].head_begin};
    const auto of_pair = std::bit_cast<Words>(rows);
    words.insert(words.end(), of_pair.begin(), of_pair.end());
  }
  const Tensor pairs = to_device(words, logp_R.device());
  Tensor weights_R = at::empty({batch.num_graded_head_rows}, logp_R.options());
  CudaPairs<>::weights(objective.settings(), objective.facts(),
                       reinterpret_cast<const PairRows*>(pairs.const_data_ptr<int64_t>()),
                       static_cast<int64_t>(objective.pairs().size()), logp_R.const_data_ptr<float>(),
                       log_squares_R.defined() ? log_squares_R.const_data_ptr<float>() : nullptr,
                       weights_R.mutable_data_ptr<float>(), cuda_stream());
  return weights_R;
}

}  // namespace mmpo
