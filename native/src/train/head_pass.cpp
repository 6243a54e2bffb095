#include "train/head_pass.h"

#include "common/device.h"
#include "kernels/kernels.h"
#include "logprob/linear_logp.h"
#include "loss/entropy.h"
#include "train/gpu_weights.h"

namespace mmpo {
namespace {

// visit(c, completion): the completions that have graded head rows.
template <typename Visit>
void for_each_graded(const PackedBatch& batch, const Visit& visit) {
  for (size_t c = 0; c < batch.completions.size(); ++c) {
    const auto& completion = batch.completions[c];
    if (completion.head_begin >= 0 && completion.head_begin < batch.num_graded_head_rows) visit(c, completion);
  }
}

// The weight of every graded head row: its completion's, by the share that its token has.
std::vector<float> row_weights(const Objective& objective, const PackedBatch& batch,
                               std::span<const double> weights_C) {
  std::vector<float> weights(static_cast<size_t>(batch.num_graded_head_rows));
  for_each_graded(batch, [&](size_t c, const auto& completion) {
    for (int64_t i = 0; i < completion.length; ++i) {
      weights[static_cast<size_t>(completion.head_begin + i)] =
          static_cast<float>(objective.token_share(c, i) * weights_C[c]);
    }
  });
  return weights;
}

// Adds the entropy term's part to the weights of log-probabilities, and returns the weights of entropies.
std::vector<float> add_entropy_weights(const Objective& objective, const PackedBatch& batch, const Tensor& entropies_R,
                                       std::vector<float>& weights_R) {
  const float* entropies = entropies_R.const_data_ptr<float>();
  std::vector<float> entropy_weights(weights_R.size());
  for_each_graded(batch, [&](size_t c, const auto& completion) {
    const double weight = objective.entropy_weight(c);
    std::vector<double> after(static_cast<size_t>(completion.length));
    entropies_after(entropies + completion.head_begin, completion.length, after.data());
    for (size_t i = 0; i < after.size(); ++i) {
      const size_t row = static_cast<size_t>(completion.head_begin) + i;
      weights_R[row] += static_cast<float>(weight * after[i]);
      entropy_weights[row] = static_cast<float>(weight);
    }
  });
  return entropy_weights;
}

struct HeadWeights {
  Tensor logps_R;
  Tensor entropies_R;  // undefined where the objective has no entropy term
};

// Where weights depend on the log-probabilities. On the CPU the loss itself says them; a GPU makes them where they are, unless pairs
// depend on each other, or tokens through their entropies, for which the host waits.
HeadWeights weights_after_forward(const Objective& objective, const PackedBatch& batch, const Tensor& logp_R,
                                  const LogSoftmaxExtras& extras) {
  if (is_gpu(logp_R.device()) && !objective.couples_pairs() && !objective.reads_entropies()) {
    return {row_weights_of(objective, batch, logp_R, extras.log_squares_R), {}};
  }
  const Tensor squares = extras.log_squares_R.defined() ? extras.log_squares_R.cpu() : extras.log_squares_R;
  const CompletionScores scores = objective.scores(batch, logp_R.cpu(), squares);
  std::vector<float> weights_R = row_weights(objective, batch, objective.weights(scores));
  HeadWeights weights;
  if (objective.reads_entropies()) {
    weights.entropies_R =
        to_device(add_entropy_weights(objective, batch, extras.entropies_R.cpu(), weights_R), logp_R.device());
  }
  weights.logps_R = to_device(weights_R, logp_R.device());
  return weights;
}

// A prompt's last row serves several completions.
Tensor scatter_rows(const Tensor& grad_RH, const Tensor& rows_R, int64_t num_rows, Workspace& workspace) {
  Tensor sum_TH = workspace.allocate({num_rows, grad_RH.size(1)}, grad_RH.scalar_type());
  sum_TH.zero_();
  add_rows(grad_RH, rows_R, sum_TH);
  return sum_TH;
}

}  // namespace

HeadPass pass_head(Model& model, const PackedBatch& batch, Model::Predictions predictions, const Objective& objective,
                   DecoderGradients& gradients) {
  Workspace& workspace = model.workspace();
  const Tensor& head_VH = model.decoder().head_VH();
  const Tensor& rows_RH = predictions.rows_RH;
  const int64_t num_rows = batch.head_rows_R.size(0);
  const int64_t num_graded = batch.num_graded_head_rows;
  const auto part = [&](int64_t first, int64_t count) {
    return HeadRows{predictions.hidden_RH.narrow(0, first, count), batch.head_targets_R.narrow(0, first, count)};
  };
  // The graded rows with their gradient, the others without.
  const HeadRows graded = part(0, num_graded);
  Tensor logp_R = workspace.allocate({num_rows}, at::kFloat);
  Tensor lse_R = workspace.allocate({num_rows}, at::kFloat);
  LogSoftmaxExtras extras;
  if (objective.reads_log_squares()) extras.log_squares_R = workspace.allocate({num_rows}, at::kFloat);
  if (objective.reads_entropies()) extras.entropies_R = workspace.allocate({num_rows}, at::kFloat);
  Tensor grad_hidden_RH = workspace.allocate({num_graded, rows_RH.size(1)}, rows_RH.scalar_type());
  {
    const WorkspaceScope logits_scope(workspace);
    LinearLogp head(graded, head_VH, workspace);
    if (objective.is_linear()) {
      const Tensor weights_R = to_device(row_weights(objective, batch, objective.linear_weights()), model.device());
      Tensor graded_logp_R = logp_R.narrow(0, 0, num_graded);
      head.forward_backward(weights_R, graded_logp_R, grad_hidden_RH, gradients.weights.head_VH, gradients.matrices);
    } else {
      head.forward(lse_R, logp_R, extras);
      const HeadWeights weights = weights_after_forward(objective, batch, logp_R, extras);
      LinearLogp::EntropyPart entropy;
      if (weights.entropies_R.defined()) {
        entropy = {extras.entropies_R.narrow(0, 0, num_graded), weights.entropies_R};
      }
      head.backward(lse_R, weights.logps_R, entropy, grad_hidden_RH, gradients.weights.head_VH, gradients.matrices);
    }
  }
  if (num_graded < num_rows) {
    const WorkspaceScope logits_scope(workspace);
    Tensor scored_lse_R = lse_R.narrow(0, num_graded, num_rows - num_graded);
    Tensor scored_logp_R = logp_R.narrow(0, num_graded, num_rows - num_graded);
    const HeadRows scored = part(num_graded, num_rows - num_graded);
    LinearLogp(scored, head_VH, workspace).forward(scored_lse_R, scored_logp_R);
  }
  Tensor grad_rows_RH = workspace.allocate(grad_hidden_RH.sizes(), grad_hidden_RH.scalar_type());
  grad_rows_RH.zero_();
  rms_norm_backward(grad_hidden_RH, rows_RH.narrow(0, 0, num_graded), model.decoder().weights().norm_H,
                    predictions.rstd_R.narrow(0, 0, num_graded), grad_rows_RH, gradients.weights.norm_H);
  gradients.complete(head_unit(model.decoder().config()->num_layers));
  return {logp_R, extras.log_squares_R,
          scatter_rows(grad_rows_RH, batch.head_rows_R.narrow(0, 0, num_graded), batch.num_graded_rows, workspace)};
}

}  // namespace mmpo
