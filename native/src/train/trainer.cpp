#include "train/trainer.h"

#include <c10/core/InferenceMode.h>

#include "common/device.h"
#include "common/error.h"
#include "train/head_pass.h"

namespace mmpo {

Trainer::Trainer(Model& model, const mmpo_optimizer_config& config)
    : model_(model), recompute_(config.recompute), weights_(model.decoder(), config.no_master_weights != 0),
      gradients_(model.decoder()), update_(config, weights_, model.device()) {
  require(config.recompute >= MMPO_RECOMPUTE_NONE && config.recompute <= MMPO_RECOMPUTE_FULL, "unknown recompute mode ",
          config.recompute);
  state_[MMPO_STATE_PARAMETERS] = weights_.views();
  state_[MMPO_STATE_GRADIENTS] = weights_.views_of(gradients_.flat());
  state_[MMPO_STATE_OPTIMIZER] = update_.state();
}

Trainer::Result Trainer::accumulate(const mmpo_batch& batch, const Objective& objective) {
  const c10::InferenceMode without_autograd;
  const std::vector<BatchSlice> slices = slice_batch(batch, model_.slice_tokens());
  const auto logps_of = [&](auto&& logps_of_slice) {
    std::vector<double> logps;
    int64_t index = num_slices_;
    for (const BatchSlice& slice : slices) {
      const std::vector<double> part = logps_of_slice(slice, index++);
      logps.insert(logps.end(), part.begin(), part.end());
    }
    return logps;
  };
  const auto accumulated = [&](const Objective& of_batch) {
    return logps_of([&](const BatchSlice& slice, int64_t index) {
      return accumulate_slice(slice.batch, of_batch.of_slice(slice), index);
    });
  };
  std::vector<double> logps;
  if (objective.couples_pairs() && slices.size() > 1) {
    // A slice knows its weights only from the others' log-probabilities.
    const std::vector<double> scored = logps_of([&](const BatchSlice& slice, int64_t index) {
      return score_slice(slice.batch, objective.of_slice(slice), index);
    });
    logps = accumulated(objective.with_weights(objective.evaluate(scored).weights));
  } else {
    logps = accumulated(objective);
  }
  num_slices_ += static_cast<int64_t>(slices.size());
  Objective::Result result = objective.evaluate(logps);
  return {std::move(result.losses), std::move(logps), std::move(result.rewards)};
}

DecoderTape Trainer::tape(int32_t recompute, int64_t index) const {
  DecoderTape tape{.recompute = recompute, .dropout = {}, .inputs_TH = {}, .layers = {}};
  const Adapter* adapter = model_.decoder().adapter();
  if (adapter != nullptr) tape.dropout = adapter->dropout_pass(num_steps_, index);
  return tape;
}

std::vector<double> Trainer::score_slice(const mmpo_batch& batch, const Objective& objective, int64_t index) {
  const PackedBatch packed(batch, objective.roles(), model_.device());
  model_.workspace().reset();
  DecoderTape tape = this->tape(MMPO_RECOMPUTE_FULL, index);
  return sum_completions(packed, model_.logps(packed, &tape).cpu());
}

std::vector<double> Trainer::accumulate_slice(const mmpo_batch& batch, const Objective& objective, int64_t index) {
  Workspace& workspace = model_.workspace();
  workspace.reset();
  const PackedBatch packed(batch, objective.roles(), model_.device());
  DecoderTape tape = this->tape(recompute_, index);
  const Model::Predictions predictions = model_.predict(packed, &tape);
  DecoderGradients& gradients = gradients_.begin_slice(packed.num_graded_head_rows > 0);
  HeadPass head = pass_head(model_, packed, predictions, objective, gradients);
  HostCopy host_logp_R(head.logp_R);
  model_.decoder().backward(rows_of(packed), packed.graded_attention, tape, workspace, head.grad_TH, gradients);
  gradients_.end_slice();
  // A GPU is still at the backward pass that was queued behind the copy.
  return sum_completions(packed, host_logp_R.wait());
}

double Trainer::step(double learning_rate, double max_grad_norm) {
  const c10::InferenceMode without_autograd;
  const double norm = update_.apply(gradients_.complete(), learning_rate, max_grad_norm, num_steps_ + 1);
  gradients_.begin_update();
  ++num_steps_;
  num_slices_ = 0;
  return norm;
}

const std::vector<NamedTensor>& Trainer::state(int32_t which) const {
  require(which >= MMPO_STATE_PARAMETERS && which <= MMPO_STATE_OPTIMIZER, "unknown state ", which);
  return state_[static_cast<size_t>(which)];
}

void Trainer::restore(int64_t num_steps) {
  require(num_steps >= 0, "num_steps must be >= 0, got ", num_steps);
  num_steps_ = num_steps;
  num_slices_ = 0;
  weights_.refresh();
}

Trainer::Result evaluate(Model& model, const mmpo_batch& batch, const Objective& objective) {
  std::vector<double> logps = model.score(batch).logps;
  Objective::Result result = objective.evaluate(logps);
  return {std::move(result.losses), std::move(logps), std::move(result.rewards)};
}

}  // namespace mmpo
