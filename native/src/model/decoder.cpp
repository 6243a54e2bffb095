#include "model/decoder.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "common/device.h"
#include "common/error.h"
#include "common/parameter.h"
#include "kernels/kernels.h"
#include "model/rope.h"

namespace mmpo {
namespace {

at::ScalarType weight_type(at::ScalarType dtype, at::Device device, WeightForm form) {
  if (form != WeightForm::kBfloat16) return dtype;
  if (is_gpu(device) || dtype != at::kFloat) {
    fail(MMPO_UNSUPPORTED, "weights held in bfloat16 for float32 arithmetic are the CPU's alone");
  }
  return at::kBFloat16;
}

}  // namespace

LayerActivations LayerActivations::narrow(int64_t num_rows) const {
  const auto rows = [num_rows](const Tensor& x) { return x.defined() ? x.narrow(0, 0, num_rows) : x; };
  return {.rstd_T = rows(rstd_T),
          .normed_TH = rows(normed_TH),
          .heads_TKD = rows(heads_TKD),
          .query_rstd_TN = rows(query_rstd_TN),
          .key_rstd_TM = rows(key_rstd_TM),
          .qkv_TQ = rows(qkv_TQ),
          .attended_TA = rows(attended_TA),
          .lse_NT = lse_NT,  // rows are its second dimension; readers index it
          .middle_TH = rows(middle_TH),
          .post_rstd_T = rows(post_rstd_T),
          .post_normed_TH = rows(post_normed_TH),
          .gate_up_T2I = rows(gate_up_T2I),
          .activated_TI = rows(activated_TI),
          .low_TL = rows(low_TL)};
}

Decoder::Decoder(const ModelConfig& config, at::ScalarType dtype, at::Device device, WeightForm form)
    : config_(config), dtype_(dtype), form_(form),
      layout_(config, form == WeightForm::kQuantized ? ModelPart::kOthers : ModelPart::kAll),
      flat_(at::zeros({layout_.size()}, at::TensorOptions().dtype(weight_type(dtype, device, form)).device(device))),
      weights_(view_parameters(config_, layout_, memory_of(flat_))) {
  if (form == WeightForm::kQuantized) frozen_ = std::make_unique<FrozenProjections>(config_, device);
}

const Tensor& Decoder::embedding_VH() const {
  const bool own = adapter_ != nullptr && adapter_->whole().embedding_VH.defined();
  return own ? adapter_->whole().embedding_VH : weights_.embedding_VH;
}

const Tensor& Decoder::head_VH() const {
  const bool own = adapter_ != nullptr && adapter_->whole().head_VH.defined();
  return own ? adapter_->whole().head_VH : weights_.head_VH;
}

AttentionShape Decoder::attention_shape(int64_t layer) const {
  return {config_->num_heads, config_->num_kv_heads, config_->head_dim, config_.window(layer)};
}

Decoder::Attend Decoder::packed_attention(const AttentionPlan& plan) const {
  return [&plan, this](int64_t layer, const Tensor& qkv_TQ, Tensor& attended_TA, Tensor& lse_NT) {
    plan.forward(qkv_TQ, attention_shape(layer), attended_TA, lse_NT);
  };
}

Tensor Decoder::embed(const Rows& rows, Workspace& workspace) {
  grow_rotary_tables(rows.num_positions);
  const Tensor& embedding_VH = this->embedding_VH();
  if (embedding_VH.scalar_type() == dtype()) return take_rows(embedding_VH, rows.tokens_T, workspace);
  Tensor x_TH = workspace.allocate({rows.tokens_T.size(0), config_->hidden_size}, dtype());
  const WorkspaceScope scope(workspace);
  return x_TH.copy_(take_rows(embedding_VH, rows.tokens_T, workspace));
}

Tensor Decoder::forward(const Rows& rows, const Attend& attend, Workspace& workspace, DecoderTape& tape) {
  const int64_t num_rows = rows.tokens_T.size(0);
  const bool is_full = tape.recompute == MMPO_RECOMPUTE_FULL;
  Tensor x_TH = embed(rows, workspace);
  LayerActivations shared;
  if (is_full) allocate_products(num_rows, workspace, shared);
  for (int64_t layer = 0; layer < config_->num_layers; ++layer) {
    Tensor next_TH = workspace.allocate(x_TH.sizes(), dtype());
    LayerActivations activations = shared;
    if (!is_full) allocate_products(num_rows, workspace, activations);
    allocate_recomputed(layer, num_rows, tape.recompute == MMPO_RECOMPUTE_NONE, workspace, shared, activations);
    forward_attention(layer, x_TH, rows.positions_T, attend, tape.dropout, workspace, activations);
    forward_gate_up(layer, x_TH, tape.dropout, workspace, activations);
    forward_down(layer, tape.dropout, workspace, activations, next_TH);
    tape.inputs_TH.push_back(x_TH);
    // Attention's own memory is of this layer alone, not shared: backward makes it again.
    if (is_full && is_gpu(device())) activations.attended_TA = activations.lse_NT = Tensor();
    tape.layers.push_back(std::move(activations));
    x_TH = next_TH;
  }
  return x_TH;
}

Tensor Decoder::infer(const Rows& rows, const Tensor& wanted_R, const Attend& attend, DropoutPass dropout,
                      Workspace& workspace) {
  const int64_t num_rows = rows.tokens_T.size(0);
  const bool is_fewer = wanted_R.defined() && wanted_R.size(0) < num_rows;
  // The residual stream is added to where it is.
  Tensor x_TH = embed(rows, workspace);
  LayerActivations shared;
  shared.middle_TH = x_TH;
  allocate_products(num_rows, workspace, shared);
  allocate_recomputed(0, num_rows, false, workspace, shared, shared);
  for (int64_t layer = 0; layer < config_->num_layers; ++layer) {
    LayerActivations a = shared;
    forward_attention(layer, x_TH, rows.positions_T, attend, dropout, workspace, a);
    if (is_fewer && layer + 1 == config_->num_layers) {
      x_TH = take_rows(x_TH, wanted_R, workspace);
      const Tensor attended_RA = take_rows(a.attended_TA, wanted_R, workspace);
      a = a.narrow(wanted_R.size(0));
      a.attended_TA = attended_RA;
      a.middle_TH = x_TH;
      dropout = dropout.of_rows(wanted_R);
    }
    forward_gate_up(layer, x_TH, dropout, workspace, a);
    forward_down(layer, dropout, workspace, a, x_TH);
  }
  return wanted_R.defined() && !is_fewer ? take_rows(x_TH, wanted_R, workspace) : x_TH;
}

void Decoder::allocate_products(int64_t num_rows, Workspace& workspace, LayerActivations& a) const {
  const auto rows = [&](int64_t columns) { return workspace.allocate({num_rows, columns}, dtype()); };
  a.rstd_T = workspace.allocate({num_rows}, at::kFloat);
  if (config_->qk_norm != 0) {
    a.heads_TKD =
        workspace.allocate({num_rows, config_->num_heads + config_->num_kv_heads, config_->head_dim}, dtype());
    a.query_rstd_TN = workspace.allocate({num_rows, config_->num_heads}, at::kFloat);
    a.key_rstd_TM = workspace.allocate({num_rows, config_->num_kv_heads}, at::kFloat);
  }
  a.qkv_TQ = rows(config_.qkv_size());
  if (!is_gpu(device())) {
    a.attended_TA = rows(config_.query_size());
    a.lse_NT = workspace.allocate({config_->num_heads, num_rows}, at::kFloat);
  }
  if (!a.middle_TH.defined()) a.middle_TH = rows(config_->hidden_size);
  a.post_rstd_T = workspace.allocate({num_rows}, at::kFloat);
  a.gate_up_T2I = rows(2 * config_->intermediate_size);
  if (adapter_ != nullptr) a.low_TL = rows(adapter_->low_columns());
}

void Decoder::allocate_recomputed(int64_t layer, int64_t num_rows, bool keeps, Workspace& workspace,
                                  LayerActivations& shared, LayerActivations& a) const {
  const auto allocate = [&](Tensor LayerActivations::* value, Projection reader, int64_t columns) {
    const bool is_own = keeps && reads_input(layer, reader);
    Tensor& memory = is_own ? a.*value : shared.*value;
    if (is_own || !memory.defined()) memory = workspace.allocate({num_rows, columns}, dtype());
    a.*value = memory;
  };
  allocate(&LayerActivations::normed_TH, Projection::kQkv, config_->hidden_size);
  allocate(&LayerActivations::post_normed_TH, Projection::kGateUp, config_->hidden_size);
  allocate(&LayerActivations::activated_TI, Projection::kDown, config_->intermediate_size);
}

void Decoder::forward_attention(int64_t layer, const Tensor& x_TH, const Tensor& positions_T, const Attend& attend,
                                const DropoutPass& dropout, Workspace& workspace, LayerActivations& a) const {
  const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
  rms_norm(x_TH, weight.input_norm_H, config_->rms_norm_eps, a.normed_TH, a.rstd_T);
  project(layer, Projection::kQkv, dropout, {}, a.normed_TH, workspace, a, a.qkv_TQ);
  prepare_heads(layer, positions_T, a);
  attend(layer, a.qkv_TQ, a.attended_TA, a.lse_NT);
}

void Decoder::forward_gate_up(int64_t layer, const Tensor& x_TH, const DropoutPass& dropout, Workspace& workspace,
                              LayerActivations& a) const {
  const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
  project(layer, Projection::kOutput, dropout, x_TH, a.attended_TA, workspace, a, a.middle_TH);
  rms_norm(a.middle_TH, weight.post_norm_H, config_->rms_norm_eps, a.post_normed_TH, a.post_rstd_T);
  project(layer, Projection::kGateUp, dropout, {}, a.post_normed_TH, workspace, a, a.gate_up_T2I);
}

void Decoder::forward_down(int64_t layer, const DropoutPass& dropout, Workspace& workspace, LayerActivations& a,
                           Tensor& out_TH) const {
  swiglu(a.gate_up_T2I, a.activated_TI);
  project(layer, Projection::kDown, dropout, a.middle_TH, a.activated_TI, workspace, a, out_TH);
}

bool Decoder::reads_input(int64_t layer, Projection projection) const {
  return adapter_ == nullptr || adapter_->adapts(layer, projection);
}

void Decoder::project(int64_t layer, Projection projection, const DropoutPass& dropout, const Tensor& residual_TN,
                      const Tensor& x_TK, Workspace& workspace, LayerActivations& a, Tensor& out_TN) const {
  const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
  const Tensor& bias_N = weight.bias(projection);
  if (frozen_ != nullptr) {
    quantized_linear(residual_TN, x_TK, frozen_->at(layer, projection), bias_N, workspace, out_TN);
  } else {
    linear(residual_TN, x_TK, weight.matrix(projection), bias_N, workspace, out_TN);
  }
  if (adapter_ == nullptr) return;
  adapter_->reduce(layer, projection, dropout, x_TK, workspace, a.low_TL);
  adapter_->expand(layer, projection, a.low_TL, workspace, out_TN);
}

void Decoder::project_backward(int64_t layer, Projection projection, const DropoutPass& dropout, const Tensor& grad_TN,
                               const Tensor& x_TK, const LayerActivations& a, Workspace& workspace, Tensor& grad_x_TK,
                               DecoderGradients& gradients) const {
  if (frozen_ != nullptr) {
    quantized_linear_backward_input(grad_TN, frozen_->at(layer, projection), frozen_->ones(), workspace, grad_x_TK);
  } else {
    const Tensor& weight_NK = weights_.layers[static_cast<size_t>(layer)].matrix(projection);
    linear_backward_input(grad_TN, weight_NK, workspace, grad_x_TK);
  }
  LayerParameters& gradient = gradients.weights.layers[static_cast<size_t>(layer)];
  linear_backward_weight(grad_TN, x_TK, workspace, gradient.matrix(projection), gradient.bias(projection),
                         gradients.matrices);
  if (adapter_ == nullptr) return;
  adapter_->backward(layer, projection, dropout, grad_TN, x_TK, a.low_TL, workspace, grad_x_TK, gradients.adapter);
}

void Decoder::rotate(int64_t layer, const Tensor& qkv_TQ, const Tensor& positions_T, bool inverse) const {
  if (!config_.rotates(layer)) return;
  Tensor heads_TKD = query_and_key_heads(qkv_TQ);
  rope_(heads_TKD, cos_PD_, sin_PD_, positions_T, inverse);
}

// Queries and keys are neighbours: one run of heads.
Tensor Decoder::query_and_key_heads(const Tensor& qkv_TQ) const {
  const int64_t num_heads = config_->num_heads + config_->num_kv_heads;
  return qkv_TQ.narrow(1, 0, num_heads * config_->head_dim).unflatten(1, {num_heads, config_->head_dim});
}

void Decoder::prepare_heads(int64_t layer, const Tensor& positions_T, LayerActivations& a) const {
  if (config_->qk_norm != 0) {
    const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
    const Tensor heads_TKD = query_and_key_heads(a.qkv_TQ);
    a.heads_TKD.copy_(heads_TKD);
    const auto norm = [&](int64_t first_head, const Tensor& weight_D, const Tensor& rstd_TN) {
      Tensor out_TND = heads_TKD.narrow(1, first_head, rstd_TN.size(1));
      Tensor rstd = rstd_TN.flatten();
      rms_norm(a.heads_TKD.narrow(1, first_head, rstd_TN.size(1)), weight_D, config_->rms_norm_eps, out_TND, rstd);
    };
    norm(0, weight.query_norm_D, a.query_rstd_TN);
    norm(config_->num_heads, weight.key_norm_D, a.key_rstd_TM);
  }
  rotate(layer, a.qkv_TQ, positions_T, false);
}

void Decoder::prepare_heads_backward(int64_t layer, const Tensor& positions_T, const LayerActivations& a,
                                     const Tensor& grad_qkv_TQ, LayerParameters& gradient) const {
  rotate(layer, grad_qkv_TQ, positions_T, true);
  if (config_->qk_norm == 0) return;
  const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
  const Tensor grad_TKD = query_and_key_heads(grad_qkv_TQ);
  const auto norm_backward = [&](int64_t first_head, const Tensor& weight_D, const Tensor& rstd_TN,
                                 Tensor& grad_weight_D) {
    Tensor grad_TND = grad_TKD.narrow(1, first_head, rstd_TN.size(1));
    rms_norm_backward(grad_TND, a.heads_TKD.narrow(1, first_head, rstd_TN.size(1)), weight_D, rstd_TN.flatten(),
                      grad_TND, grad_weight_D, Into::kNothing);
  };
  norm_backward(0, weight.query_norm_D, a.query_rstd_TN, gradient.query_norm_D);
  norm_backward(config_->num_heads, weight.key_norm_D, a.key_rstd_TM, gradient.key_norm_D);
}

struct Decoder::GradientScratch {
  Tensor activated_TI;
  Tensor normed_TH;
  Tensor attended_TA;
  Tensor qkv_TQ;
};

void Decoder::backward(const Rows& rows, const AttentionPlan& plan, const DecoderTape& tape, Workspace& workspace,
                       Tensor& grad_TH, DecoderGradients& gradients) {
  const WorkspaceScope scope(workspace);
  const int64_t num_rows = grad_TH.size(0);
  const Tensor tokens_T = rows.tokens_T.narrow(0, 0, num_rows);
  const Tensor positions_T = rows.positions_T.narrow(0, 0, num_rows);
  const Rows graded{tokens_T, positions_T, rows.num_positions};
  const bool is_full = tape.recompute == MMPO_RECOMPUTE_FULL;
  // What forward shared among its layers is made again in the same memory; of the softmax's sums for the graded rows alone.
  const Tensor lse_NT =
      is_full && !is_gpu(device()) ? workspace.allocate({config_->num_heads, num_rows}, at::kFloat) : Tensor();
  const auto allocate = [&](int64_t columns) { return workspace.allocate({num_rows, columns}, dtype()); };
  GradientScratch scratch{allocate(config_->intermediate_size), allocate(config_->hidden_size),
                          allocate(config_.query_size()), allocate(config_.qkv_size())};
  const int64_t first_layer = adapter_ != nullptr ? adapter_->first_trained_layer() : 0;
  for (int64_t layer = config_->num_layers - 1; layer >= first_layer; --layer) {
    const auto index = static_cast<size_t>(layer);
    const Tensor x_TH = tape.inputs_TH[index].narrow(0, 0, num_rows);
    LayerActivations a = tape.layers[index].narrow(num_rows);
    if (is_full) a.lse_NT = lse_NT;
    restore(layer, graded, plan, tape, x_TH, workspace, a);
    backward_layer(layer, graded, plan, tape.dropout, x_TH, a, scratch, workspace, grad_TH, gradients);
    gradients.complete(layer);
  }
  Tensor& embedding_VH = gradients.weights.embedding_VH;
  if (embedding_VH.defined()) add_rows(grad_TH, graded.tokens_T, embedding_VH);
  gradients.complete(kEmbeddingUnit);
}

void Decoder::restore(int64_t layer, const Rows& rows, const AttentionPlan& plan, const DecoderTape& tape,
                      const Tensor& x_TH, Workspace& workspace, LayerActivations& a) const {
  if (tape.recompute == MMPO_RECOMPUTE_NONE) return;
  const bool reads_activated = reads_input(layer, Projection::kDown);
  if (tape.recompute == MMPO_RECOMPUTE_FULL) {
    forward_attention(layer, x_TH, rows.positions_T, packed_attention(plan), tape.dropout, workspace, a);
    forward_gate_up(layer, x_TH, tape.dropout, workspace, a);
  } else {
    const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
    if (reads_input(layer, Projection::kQkv)) rms_norm_recompute(x_TH, weight.input_norm_H, a.rstd_T, a.normed_TH);
    if (reads_input(layer, Projection::kGateUp)) {
      rms_norm_recompute(a.middle_TH, weight.post_norm_H, a.post_rstd_T, a.post_normed_TH);
    }
  }
  if (reads_activated) swiglu(a.gate_up_T2I, a.activated_TI);
  if (tape.recompute == MMPO_RECOMPUTE_FULL && adapter_ != nullptr) {
    adapter_->reduce(layer, Projection::kDown, tape.dropout, a.activated_TI, workspace, a.low_TL);
  }
}

void Decoder::backward_layer(int64_t layer, const Rows& rows, const AttentionPlan& plan, const DropoutPass& dropout,
                             const Tensor& x_TH, LayerActivations& a, GradientScratch& scratch, Workspace& workspace,
                             Tensor& grad_TH, DecoderGradients& gradients) const {
  const LayerParameters& weight = weights_.layers[static_cast<size_t>(layer)];
  LayerParameters& gradient = gradients.weights.layers[static_cast<size_t>(layer)];
  const auto backward = [&](Projection projection, const Tensor& grad_TN, const Tensor& x_TK, Tensor& grad_x_TK) {
    project_backward(layer, projection, dropout, grad_TN, x_TK, a, workspace, grad_x_TK, gradients);
  };
  // MLP: grad_TH is the gradient of the layer's output and, by the residual, the first part of middle's.
  backward(Projection::kDown, grad_TH, a.activated_TI, scratch.activated_TI);
  swiglu_backward(scratch.activated_TI, a.gate_up_T2I, a.gate_up_T2I);
  backward(Projection::kGateUp, a.gate_up_T2I, a.post_normed_TH, scratch.normed_TH);
  rms_norm_backward(scratch.normed_TH, a.middle_TH, weight.post_norm_H, a.post_rstd_T, grad_TH, gradient.post_norm_H);
  // Attention.
  backward(Projection::kOutput, grad_TH, a.attended_TA, scratch.attended_TA);
  plan.backward(scratch.attended_TA, a.qkv_TQ, a.attended_TA, a.lse_NT, attention_shape(layer), workspace,
                scratch.qkv_TQ);
  prepare_heads_backward(layer, rows.positions_T, a, scratch.qkv_TQ, gradient);
  backward(Projection::kQkv, scratch.qkv_TQ, a.normed_TH, scratch.normed_TH);
  rms_norm_backward(scratch.normed_TH, x_TH, weight.input_norm_H, a.rstd_T, grad_TH, gradient.input_norm_H);
}

void Decoder::grow_rotary_tables(int64_t num_positions) {
  const int64_t before = cos_PD_.defined() ? cos_PD_.size(0) : 0;
  if (before >= num_positions) return;
  // Decoding asks for one more at a time: at least twice as many, so that tables are made a few times only.
  num_positions = std::max(num_positions, 2 * before);
  const RotaryFrequencies frequencies = rotary_frequencies(*config_);
  const auto half = static_cast<int64_t>(frequencies.inverse.size());
  cos_PD_ = at::empty({num_positions, half}, at::kFloat);
  sin_PD_ = at::empty({num_positions, half}, at::kFloat);
  float* cos = cos_PD_.mutable_data_ptr<float>();
  float* sin = sin_PD_.mutable_data_ptr<float>();
  for (int64_t position = 0; position < num_positions; ++position) {
    for (int64_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(position) * frequencies.inverse[static_cast<size_t>(i)];
      cos[position * half + i] = std::cos(angle) * frequencies.attention_factor;
      sin[position * half + i] = std::sin(angle) * frequencies.attention_factor;
    }
  }
  cos_PD_ = cos_PD_.to(device());
  sin_PD_ = sin_PD_.to(device());
}

}  // namespace mmpo
