// A decoder with weights: what mmpo_model stands for. Loading, and scoring of batches without gradients.
#pragma once

#include <cstdint>
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

  // Before a trainer is made: everything is computed with the adapter from now on. Without weights of A and B it begins as PEFT's
  // do, a whole matrix without weights as the model's own.
  // Throws Error(MMPO_INVALID_ARGUMENT) for the settings, Error(MMPO_INVALID_MODEL) naming the tensor.
  void set_adapter(const mmpo_lora_config& settings, std::span<const mmpo_tensor> weights);

  Decoder& decoder() { return decoder_; }
  const Decoder& decoder() const { return decoder_; }
  Workspace& workspace() { return workspace_; }
  at::Device device() const { return decoder_.device(); }

  // Tokens that go through the model at a time, whole groups of them: the device's, another for tests and benchmarks.
  int64_t slice_tokens() const { return slice_tokens_; }
  void set_slice_tokens(int64_t slice_tokens) { slice_tokens_ = slice_tokens; }

  struct Scores {
    std::vector<double> logps;  // [C]: sums over a completion's tokens
    std::vector<float> token_logps;  // of every completion's tokens, one completion after another
  };
  // Log-probabilities without gradients, slice by slice. batch: one that check_batch accepts.
  Scores score(const mmpo_batch& batch);

  // Final norm of the rows that predict: [R, H] from the residual stream [T, H]; rstd_R for backward.
  Tensor final_norm(const Tensor& rows_RH, Tensor& rstd_R);

 private:
  Tensor score_slice(const PackedBatch& batch);

  Decoder decoder_;
  Workspace workspace_;
  int64_t slice_tokens_;
};

// Sums over each completion's tokens in double, [C]; NaN for one that is left out. logp_R: on the CPU.
std::vector<double> sum_completions(const PackedBatch& batch, const Tensor& logp_R);

}  // namespace mmpo
