// The transformer decoder: forward that keeps what its backward names, and backward that consumes it. No autograd.
// Shapes: T rows (graded rows first, see packed_batch.h), H hidden, I intermediate, Q fused query, key and value columns,
// A query columns, N query heads, M key heads, K both, D head dim, L columns of an adapter (lora.h).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/workspace.h"
#include "kernels/attention_plan.h"
#include "kernels/linear.h"
#include "model/frozen_projections.h"
#include "model/lora.h"
#include "model/model_config.h"
#include "model/parameters.h"

namespace mmpo {

// What one layer computes on the way from its input to its output.
struct LayerActivations {
  Tensor rstd_T;  // of the input norm
  Tensor normed_TH;  // input of q, k and v
  Tensor heads_TKD;  // q and k as they were projected; this and the next two: undefined where they are not normalised
  Tensor query_rstd_TN;
  Tensor key_rstd_TM;
  Tensor qkv_TQ;  // normalised and rotated
  Tensor attended_TA;
  Tensor lse_NT;
  Tensor middle_TH;  // residual stream after attention
  Tensor post_rstd_T;  // of the post-attention norm
  Tensor post_normed_TH;
  Tensor gate_up_T2I;
  Tensor activated_TI;
  Tensor low_TL;  // the adapter's; undefined without one

  LayerActivations narrow(int64_t num_rows) const;
};

// Everything that backward needs of a forward pass: per layer its input and what the recompute mode keeps; the other activations
// are memory that all layers share.
struct DecoderTape {
  int32_t recompute = MMPO_RECOMPUTE_NONE;
  DropoutPass dropout;
  std::vector<Tensor> inputs_TH;
  std::vector<LayerActivations> layers;
};

// Where backward adds gradients, float32. Without an adapter all weights, with one the adapter's parameters alone: the weights
// are frozen, and their views undefined, save those of an embedding or a head that are the adapter's own.
struct DecoderGradients {
  DecoderParameters weights;
  LoraParameters adapter;
  Into matrices = Into::kSum;  // what happens to those of the decoder's projections and of the head
  // Told of each unit (../common/parameter.h) as soon as a backward pass adds nothing more to it; empty: nobody asks.
  std::function<void(int64_t unit)> on_complete;

  void complete(int64_t unit) const {
    if (on_complete) on_complete(unit);
  }
};

// In which form weights are held. Plain: as activations are. The others are frozen: all in bfloat16 beside float32 activations, for the
// CPU, half the bytes and the same numbers; or the matrices of the projections in e4m3, and what else there is as activations are.
enum class WeightForm { kPlain, kBfloat16, kQuantized };

class Decoder {
 public:
  // dtype: of activations. Weights are zero until they are copied into flat(), and frozen() until they are set. Throws
  // Error(MMPO_UNSUPPORTED) where weights of that form cannot be.
  Decoder(const ModelConfig& config, at::ScalarType dtype, at::Device device, WeightForm form = WeightForm::kPlain);

  const ModelConfig& config() const { return config_; }
  const ParameterLayout& layout() const { return layout_; }
  const DecoderParameters& weights() const { return weights_; }
  // The matrices of the projections, where layout(), flat() and weights() do not have them; else null.
  FrozenProjections* frozen() { return frozen_.get(); }
  const FrozenProjections* frozen() const { return frozen_.get(); }
  // What is computed with: the adapter's where it has one of its own.
  const Tensor& embedding_VH() const;
  const Tensor& head_VH() const;
  Tensor& flat() { return flat_; }
  const Tensor& flat() const { return flat_; }
  at::ScalarType dtype() const { return dtype_; }
  WeightForm form() const { return form_; }
  at::Device device() const { return flat_.device(); }
  AttentionShape attention_shape(int64_t layer) const;

  void set_adapter(std::unique_ptr<Adapter> adapter) { adapter_ = std::move(adapter); }
  // Null where there is none.
  Adapter* adapter() { return adapter_.get(); }
  const Adapter* adapter() const { return adapter_.get(); }
  // Of what a trainer trains: the adapter where there is one.
  const ParameterLayout& trained_layout() const { return adapter_ != nullptr ? adapter_->layout() : layout_; }

  // How rows see each other: attended_TA, and lse_NT for backward, from layer's rotated qkv_TQ. On the CPU both are there to be filled;
  // on a GPU neither is, and attention brings its own.
  using Attend = std::function<void(int64_t layer, const Tensor& qkv_TQ, Tensor& attended_TA, Tensor& lse_NT)>;
  // Causal attention within packed segments. The plan is borrowed.
  Attend packed_attention(const AttentionPlan& plan) const;

  struct Rows {
    const Tensor& tokens_T;  // int64
    const Tensor& positions_T;  // int32
    int64_t num_positions;  // one more than the largest
  };
  // The residual stream after the last layer, before the final norm, in memory of the workspace.
  Tensor forward(const Rows& rows, const Attend& attend, Workspace& workspace, DecoderTape& tape);
  // The same without a backward pass, of the rows that are wanted (int64, as often as they are named; undefined: all): beyond the last
  // layer's attention the others are not computed.
  Tensor infer(const Rows& rows, const Tensor& wanted_R, const Attend& attend, DropoutPass dropout,
               Workspace& workspace);

  // grad_TH: gradient of forward's result for the first T' rows (the graded ones); overwritten.
  // plan: of the graded rows.
  void backward(const Rows& rows, const AttentionPlan& plan, const DecoderTape& tape, Workspace& workspace,
                Tensor& grad_TH, DecoderGradients& gradients);

 private:
  // A layer's activations are two kinds: what selective recomputation keeps, and what it makes again from them. Of the second kind
  // a layer has its own where keeps is set and backward reads them; the others all layers share, in memory that the first asks for.
  // middle_TH may be there.
  void allocate_products(int64_t num_rows, Workspace& workspace, LayerActivations& a) const;
  void allocate_recomputed(int64_t layer, int64_t num_rows, bool keeps, Workspace& workspace, LayerActivations& shared,
                           LayerActivations& a) const;
  Tensor embed(const Rows& rows, Workspace& workspace);
  // A layer in three parts: to what attention gives; to the MLP's gate and up; and to its output.
  void forward_attention(int64_t layer, const Tensor& x_TH, const Tensor& positions_T, const Attend& attend,
                         const DropoutPass& dropout, Workspace& workspace, LayerActivations& a) const;
  void forward_gate_up(int64_t layer, const Tensor& x_TH, const DropoutPass& dropout, Workspace& workspace,
                       LayerActivations& a) const;
  void forward_down(int64_t layer, const DropoutPass& dropout, Workspace& workspace, LayerActivations& a,
                    Tensor& out_TH) const;
  // out = residual (which may be undefined) + the projection of x, with its bias and what an adapter adds.
  void project(int64_t layer, Projection projection, const DropoutPass& dropout, const Tensor& residual_TN,
               const Tensor& x_TK, Workspace& workspace, LayerActivations& a, Tensor& out_TN) const;
  // grad_x = what grad_TN, of the projection's output, makes of it. Adds to the gradients of all that has a part in it and is trained.
  void project_backward(int64_t layer, Projection projection, const DropoutPass& dropout, const Tensor& grad_TN,
                        const Tensor& x_TK, const LayerActivations& a, Workspace& workspace, Tensor& grad_x_TK,
                        DecoderGradients& gradients) const;
  // Queries and keys of the fused projections, in place: each head's norm, then the rotation.
  void prepare_heads(int64_t layer, const Tensor& positions_T, LayerActivations& a) const;
  // grad_qkv_TQ: the gradient of what attention read, and then that of the projections.
  void prepare_heads_backward(int64_t layer, const Tensor& positions_T, const LayerActivations& a,
                              const Tensor& grad_qkv_TQ, LayerParameters& gradient) const;
  Tensor query_and_key_heads(const Tensor& qkv_TQ) const;
  void rotate(int64_t layer, const Tensor& qkv_TQ, const Tensor& positions_T, bool inverse) const;
  // Whether backward reads the input of a projection: for the gradient of its weight, or for that of its adapter.
  bool reads_input(int64_t layer, Projection projection) const;
  // Fills what the tape did not keep of the layer and backward reads.
  void restore(int64_t layer, const Rows& rows, const AttentionPlan& plan, const DecoderTape& tape, const Tensor& x_TH,
               Workspace& workspace, LayerActivations& a) const;
  struct GradientScratch;
  void backward_layer(int64_t layer, const Rows& rows, const AttentionPlan& plan, const DropoutPass& dropout,
                      const Tensor& x_TH, LayerActivations& a, GradientScratch& scratch, Workspace& workspace,
                      Tensor& grad_TH, DecoderGradients& gradients) const;
  void grow_rotary_tables(int64_t num_positions);

  ModelConfig config_;
  at::ScalarType dtype_;
  WeightForm form_;
  ParameterLayout layout_;
  Tensor flat_;
  DecoderParameters weights_;
  std::unique_ptr<FrozenProjections> frozen_;
  std::unique_ptr<Adapter> adapter_;
  Tensor cos_PD_, sin_PD_;  // float32 [positions, D / 2], grown on demand
};

}  // namespace mmpo
