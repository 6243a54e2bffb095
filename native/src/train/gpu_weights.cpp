#include "train/gpu_weights.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "common/device.h"

namespace mmpo {
namespace {

// d loss / d (score of the chosen, score of the rejected) of each pair, as ../loss has it of one.
std::pair<Tensor, Tensor> score_gradients(const mmpo_objective& settings, const Tensor& chosen_B,
                                          const Tensor& rejected_B) {
  if (settings.loss == MMPO_LOSS_MMPO) {
    const Tensor delta_B = chosen_B - rejected_B;
    const Tensor toward_rejected_B = at::sigmoid(-delta_B);
    return {-at::sigmoid(delta_B) - settings.aux_weight * toward_rejected_B,
            (settings.aux_weight - 1) * toward_rejected_B};
  }
  const bool dpo = settings.loss == MMPO_LOSS_DPO;
  const double smoothing = dpo ? settings.label_smoothing : 0;
  const Tensor z_B = chosen_B - rejected_B - (dpo ? 0 : settings.gamma);
  const Tensor lacking_B = (1 - smoothing) * at::sigmoid(-z_B) - smoothing * at::sigmoid(z_B);
  return {-lacking_B, lacking_B};
}

}  // namespace

Tensor row_weights_of(const Objective& objective, const PackedBatch& batch, const Tensor& logp_R) {
  const at::Device device = logp_R.device();
  const Objective::AffineScores scores = objective.affine_scores();
  std::vector<int64_t> begins, ends, completion_of_row(static_cast<size_t>(batch.num_graded_head_rows));
  for (size_t c = 0; c < batch.completions.size(); ++c) {
    const auto [begin, length] = batch.completions[c];
    begins.push_back(begin);
    ends.push_back(begin + length);
    for (int64_t row = begin; row < begin + length; ++row) {
      completion_of_row[static_cast<size_t>(row)] = static_cast<int64_t>(c);
    }
  }
  const Tensor running = at::cat({at::zeros({1}, logp_R.options().dtype(at::kDouble)), logp_R.cumsum(0, at::kDouble)});
  const auto at_rows = [&](const std::vector<int64_t>& rows) {
    return running.index_select(0, to_device(rows, device));
  };
  const Tensor slopes_C = to_device(scores.slopes, device);
  const Tensor scores_B2 =
      ((at_rows(ends) - at_rows(begins)) * slopes_C + to_device(scores.offsets, device)).view({-1, 2});
  const auto [chosen_B, rejected_B] =
      score_gradients(objective.settings(), scores_B2.select(1, 0), scores_B2.select(1, 1));
  const Tensor weights_C = at::stack({chosen_B, rejected_B}, 1).flatten() * slopes_C * objective.settings().scale;
  return weights_C.index_select(0, to_device(completion_of_row, device)).to(at::kFloat);
}

}  // namespace mmpo
