#include "train/trainer.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "common/device.h"
#include "common/error.h"
#include "kernels/kernels.h"
#include "model/load_parameters.h"
#include "optim/grad_clip.h"
#include "train/gpu_weights.h"

namespace mmpo {
namespace {

// The parameters' parts of a flat buffer, in their shapes.
std::vector<NamedTensor> views(const ParameterLayout& layout, const Tensor& flat) {
  std::vector<NamedTensor> views;
  for (const Parameter& parameter : layout.parameters()) {
    const Tensor values = flat.narrow(0, parameter.offset, parameter.size());
    views.push_back(
        {parameter.name, parameter.is_matrix() ? values.view({parameter.rows, parameter.columns}) : values});
  }
  return views;
}

// A prompt's last row serves several completions.
Tensor scatter_rows(const Tensor& grad_RH, const Tensor& rows_R, int64_t num_rows, Workspace& workspace) {
  Tensor sum_TH = workspace.allocate({num_rows, grad_RH.size(1)}, grad_RH.scalar_type());
  sum_TH.zero_();
  add_rows(grad_RH, rows_R, sum_TH);
  return sum_TH;
}

// The weight of every graded head row: its completion's.
Tensor row_weights(const PackedBatch& batch, std::span<const double> weights_C, at::Device device) {
  std::vector<float> weights(static_cast<size_t>(batch.num_graded_head_rows));
  for (size_t c = 0; c < batch.completions.size(); ++c) {
    const auto& completion = batch.completions[c];
    if (completion.head_begin < 0 || completion.head_begin >= batch.num_graded_head_rows) continue;
    std::fill_n(weights.begin() + completion.head_begin, completion.length, static_cast<float>(weights_C[c]));
  }
  return to_device(weights, device);
}

// Where weights depend on the log-probabilities. On the CPU the loss itself says them; a GPU makes them where they are, unless pairs
// depend on each other, for which the host waits.
Tensor weights_after_forward(const Objective& objective, const PackedBatch& batch, const Tensor& logp_R) {
  if (is_gpu(logp_R.device()) && !objective.couples_pairs()) return row_weights_of(objective, batch, logp_R);
  return row_weights(batch, objective.evaluate(sum_completions(batch, logp_R.cpu())).weights, logp_R.device());
}

}  // namespace

Trainer::Trainer(Model& model, const mmpo_optimizer_config& config) : model_(model), recompute_(config.recompute) {
  require(config.recompute >= MMPO_RECOMPUTE_NONE && config.recompute <= MMPO_RECOMPUTE_FULL, "unknown recompute mode ",
          config.recompute);
  Decoder& decoder = model.decoder();
  Adapter* adapter = decoder.adapter();
  const Tensor& computed = adapter != nullptr ? adapter->compute_flat() : decoder.flat();
  if (computed.scalar_type() == at::kBFloat16) bfloat16_ = computed;
  optimizer_ = make_optimizer(config, layout().parameters(), model.device());
  if (adapter != nullptr) {
    trained_ = adapter->flat();
  } else {
    trained_ = config.no_master_weights != 0 ? computed : computed.to(at::kFloat);
  }
  gradient_ = at::zeros({layout().size()}, trained_.options().dtype(at::kFloat));
  if (adapter != nullptr) {
    gradients_.weights.layers.resize(decoder.weights().layers.size());
    gradients_.adapter = adapter->view(gradient_);
    const WholeMatrices whole = adapter->whole(gradient_);
    gradients_.weights.embedding_VH = whole.embedding_VH;
    gradients_.weights.head_VH = whole.head_VH;
  } else {
    gradients_.weights = view_parameters(decoder.config(), decoder.layout(), gradient_);
  }
  state_[MMPO_STATE_PARAMETERS] = views(layout(), trained_);
  state_[MMPO_STATE_GRADIENTS] = views(layout(), gradient_);
  state_[MMPO_STATE_OPTIMIZER] = optimizer_->state();
}

const ParameterLayout& Trainer::layout() const {
  const Decoder& decoder = model_.decoder();
  return decoder.adapter() != nullptr ? decoder.adapter()->layout() : decoder.layout();
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
  Decoder& decoder = model_.decoder();
  Workspace& workspace = model_.workspace();
  workspace.reset();
  const PackedBatch packed(batch, objective.roles(), model_.device());
  DecoderTape tape = this->tape(recompute_, index);
  const Model::Predictions predicting = model_.predict(packed, &tape);
  const Tensor& rows_RH = predicting.rows_RH;
  const int64_t num_head_rows = packed.head_rows_R.size(0);
  const int64_t num_graded = packed.num_graded_head_rows;
  const Tensor& head_VH = decoder.head_VH();

  // The head, for the graded rows with their gradient, for the others without.
  const auto part = [&](int64_t first, int64_t count) {
    return HeadRows{predicting.hidden_RH.narrow(0, first, count), packed.head_targets_R.narrow(0, first, count)};
  };
  const HeadRows graded = part(0, num_graded);
  if (gradients_.matrices == Into::kNothing) clear_sums(num_graded > 0);
  Tensor logp_R = workspace.allocate({num_head_rows}, at::kFloat);
  Tensor lse_R = workspace.allocate({num_head_rows}, at::kFloat);
  Tensor grad_hidden_RH = workspace.allocate({num_graded, rows_RH.size(1)}, rows_RH.scalar_type());
  {
    const WorkspaceScope logits_scope(workspace);
    LinearLogp head(graded, head_VH, workspace);
    if (objective.is_linear()) {
      const Tensor weights_R = row_weights(packed, objective.linear_weights(), model_.device());
      Tensor graded_logp_R = logp_R.narrow(0, 0, num_graded);
      head.forward_backward(weights_R, graded_logp_R, grad_hidden_RH, gradients_.weights.head_VH, gradients_.matrices);
      if (num_graded < num_head_rows) {
        Tensor scored_lse_R = lse_R.narrow(0, num_graded, num_head_rows - num_graded);
        Tensor scored_logp_R = logp_R.narrow(0, num_graded, num_head_rows - num_graded);
        const HeadRows scored = part(num_graded, num_head_rows - num_graded);
        LinearLogp(scored, head_VH, workspace).forward(scored_lse_R, scored_logp_R);
      }
    } else {
      head.forward(lse_R, logp_R);
      head.backward(lse_R, weights_after_forward(objective, packed, logp_R), grad_hidden_RH, gradients_.weights.head_VH,
                    gradients_.matrices);
    }
  }
  HostCopy host_logp_R(logp_R);

  Tensor grad_rows_RH = workspace.allocate(grad_hidden_RH.sizes(), grad_hidden_RH.scalar_type());
  grad_rows_RH.zero_();
  rms_norm_backward(grad_hidden_RH, rows_RH.narrow(0, 0, num_graded), decoder.weights().norm_H,
                    predicting.rstd_R.narrow(0, 0, num_graded), grad_rows_RH, gradients_.weights.norm_H);
  Tensor grad_TH =
      scatter_rows(grad_rows_RH, packed.head_rows_R.narrow(0, 0, num_graded), packed.num_graded_rows, workspace);
  decoder.backward(rows_of(packed), packed.graded_attention, tape, workspace, grad_TH, gradients_);
  gradients_.matrices = Into::kSum;
  // A GPU is still at the backward pass that was queued behind the copy.
  return sum_completions(packed, host_logp_R.wait());
}

// Of an update's first slice. Most of the gradient is made by products that write it anew (as large as the weights, it costs
// more to clear and to read than to write); what is left are the small ones, which are only ever added to.
void Trainer::clear_sums(bool writes_matrices) {
  const Decoder& decoder = model_.decoder();
  if (decoder.adapter() != nullptr || !writes_matrices) {
    gradient_.zero_();
    return;
  }
  for (const Parameter& parameter : layout().parameters()) {
    if (!parameter.is_matrix()) gradient_.narrow(0, parameter.offset, parameter.size()).zero_();
  }
  if (!decoder.config()->tie_embeddings) gradients_.weights.embedding_VH.zero_();
}

double Trainer::step(double learning_rate, double max_grad_norm) {
  const c10::InferenceMode without_autograd;
  require(learning_rate >= 0 && std::isfinite(learning_rate), "learning_rate must be >= 0, got ", learning_rate);
  require(max_grad_norm >= 0, "max_grad_norm must be >= 0 (0: no clipping), got ", max_grad_norm);
  if (gradients_.matrices == Into::kNothing) gradient_.zero_();
  const double norm = l2_norm(gradient_);
  if (!std::isfinite(norm)) {
    fail(MMPO_NON_FINITE, "the gradient's norm is ", norm, " in step ", num_steps_ + 1, "; nothing was updated");
  }
  at::BFloat16* weights = bfloat16_.defined() ? bfloat16_.mutable_data_ptr<at::BFloat16>() : nullptr;
  float* trained = trained_.scalar_type() == at::kFloat ? trained_.mutable_data_ptr<float>() : nullptr;
  optimizer_->step({trained, gradient_.const_data_ptr<float>(), weights},
                   {learning_rate, clip_coefficient(norm, max_grad_norm), num_steps_ + 1});
  gradients_.matrices = Into::kNothing;
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
  refresh_model();
}

void Trainer::load(std::span<const mmpo_tensor> tensors) {
  const Adapter* adapter = model_.decoder().adapter();
  if (adapter != nullptr) {
    load_parameters(layout(), tensors, [](std::string_view) { return false; }, "adapter_config.json", trained_);
  } else {
    const auto redundant = [&](std::string_view name) { return is_redundant(name, model_.decoder().config()); };
    load_parameters(layout(), tensors, redundant, "config.json", trained_);
  }
  refresh_model();
}

void Trainer::refresh_model() {
  if (bfloat16_.defined() && !bfloat16_.is_same(trained_)) bfloat16_.copy_(trained_);
}

Trainer::Result evaluate(Model& model, const mmpo_batch& batch, const Objective& objective) {
  std::vector<double> logps = model.score(batch).logps;
  Objective::Result result = objective.evaluate(logps);
  return {std::move(result.losses), std::move(logps), std::move(result.rewards)};
}

}  // namespace mmpo
