#include "train/trainer.h"

#include <c10/core/InferenceMode.h>

#include <optional>

#include "common/device.h"
#include "common/error.h"
#include "train/head_pass.h"

namespace mmpo {
namespace {

Trainer::Result result_of(const Objective& objective, CompletionScores scores) {
  Objective::Result result = objective.evaluate(scores);
  return {std::move(result.losses), std::move(scores.logps), std::move(result.rewards)};
}

}  // namespace

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
  const auto scores_of = [&](auto&& scores_of_slice) {
    CompletionScores scores;
    int64_t index = num_slices_;
    for (const BatchSlice& slice : slices) scores.append(scores_of_slice(slice, index++));
    return scores;
  };
  const auto accumulated = [&](const Objective& of_batch) {
    return scores_of([&](const BatchSlice& slice, int64_t index) {
      return accumulate_slice(slice.batch, of_batch.of_slice(slice), index);
    });
  };
  CompletionScores scores;
  if (objective.couples_pairs() && slices.size() > 1) {
    // A slice knows its weights only from the others' log-probabilities.
    const CompletionScores scored = scores_of([&](const BatchSlice& slice, int64_t index) {
      return score_slice(slice.batch, objective.of_slice(slice), index);
    });
    scores = accumulated(objective.with_weights(objective.evaluate(scored).weights));
  } else {
    scores = accumulated(objective);
  }
  num_slices_ += static_cast<int64_t>(slices.size());
  return result_of(objective, std::move(scores));
}

DecoderTape Trainer::tape(int32_t recompute, int64_t index) const {
  DecoderTape tape{.recompute = recompute, .dropout = {}, .inputs_TH = {}, .layers = {}};
  const Adapter* adapter = model_.decoder().adapter();
  if (adapter != nullptr) tape.dropout = adapter->dropout_pass(num_steps_, index);
  return tape;
}

CompletionScores Trainer::score_slice(const mmpo_batch& batch, const Objective& objective, int64_t index) {
  const PackedBatch packed(batch, objective.roles(), model_.device());
  model_.workspace().reset();
  DecoderTape tape = this->tape(MMPO_RECOMPUTE_FULL, index);
  return objective.scores(packed, model_.logps(packed, &tape).cpu(), {});
}

CompletionScores Trainer::accumulate_slice(const mmpo_batch& batch, const Objective& objective, int64_t index) {
  Workspace& workspace = model_.workspace();
  workspace.reset();
  const PackedBatch packed(batch, objective.roles(), model_.device());
  DecoderTape tape = this->tape(recompute_, index);
  const Model::Predictions predictions = model_.predict(packed, &tape);
  DecoderGradients& gradients = gradients_.begin_slice(packed.num_graded_head_rows > 0);
  HeadPass head = pass_head(model_, packed, predictions, objective, gradients);
  HostCopy host_logp_R(head.logp_R);
  std::optional<HostCopy> host_log_squares_R;
  if (head.log_squares_R.defined()) host_log_squares_R.emplace(head.log_squares_R);
  model_.decoder().backward(rows_of(packed), packed.graded_attention, tape, workspace, head.grad_TH, gradients);
  gradients_.end_slice();
  // A GPU is still at the backward pass that was queued behind the copy.
  const Tensor log_squares_R = host_log_squares_R ? host_log_squares_R->wait() : Tensor();
  return objective.scores(packed, host_logp_R.wait(), log_squares_R);
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
  const Model::Scores found = model.score(batch, {.greedy = false, .log_squares = objective.reads_log_squares()});
  return result_of(objective, objective.scores(found.token_logps, found.token_log_squares));
}

}  // namespace mmpo
