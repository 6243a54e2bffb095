// A decoder with weights: what mmpo_model stands for. Loading, and scoring of packed batches without gradients.
#pragma once

#include <span>
#include <vector>

#include "common/workspace.h"
#include "logprob/linear_logp.h"
#include "model/decoder.h"
#include "model/packed_batch.h"

namespace mmpo {

class Model {
 public:
  // weights: as mmpo_model_create says. Throws Error(MMPO_INVALID_MODEL) naming the tensor.
  Model(const ModelConfig& config, std::span<const mmpo_tensor> weights, at::ScalarType dtype,
        at::Device device = at::kCPU);

  // Before a trainer is made: everything is computed with the adapter from now on. No weights: the adapter begins as PEFT's do.
  // Throws Error(MMPO_INVALID_ARGUMENT) for the settings, Error(MMPO_INVALID_MODEL) naming the tensor.
  void set_adapter(const mmpo_lora_config& settings, std::span<const mmpo_tensor> weights);

  Decoder& decoder() { return decoder_; }
  const Decoder& decoder() const { return decoder_; }
  Workspace& workspace() { return workspace_; }
  at::Device device() const { return decoder_.device(); }

  // Log-probability of every head row's target [R] float32, in memory of the workspace.
  Tensor score(const PackedBatch& batch);

  // Final norm of the rows that predict: [R, H] from the residual stream [T, H]; rstd_R for backward.
  Tensor final_norm(const Tensor& rows_RH, Tensor& rstd_R);

 private:
  Decoder decoder_;
  Workspace workspace_;
};

// Sums over each completion's tokens in double, [C]; NaN for one that is left out. logp_R: on the CPU.
std::vector<double> sum_completions(const PackedBatch& batch, const Tensor& logp_R);

}  // namespace mmpo
