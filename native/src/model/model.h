// A decoder with weights: what mmpo_model stands for. Loading, and scoring of batches without gradients.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/workspace.h"
#include "logprob/linear_logp.h"
#include "model/decoder.h"
#include "model/load_parameters.h"
#include "model/packed_batch.h"

namespace mmpo {

// What scoring finds beside log-probabilities.
struct ScoresWanted {
  bool log_squares = false;
  bool greedy = false;
};

class Model {
 public:
  // weights: as mmpo_model_create says; read: where they come from if not from memory. Throws Error(MMPO_INVALID_MODEL)
  // naming the tensor, what read throws, and what a Decoder of that form does.
  Model(const ModelConfig& config, std::span<const mmpo_tensor> weights, at::ScalarType dtype,
        at::Device device = at::kCPU, const ReadWeights& read = nullptr, WeightForm form = WeightForm::kPlain);

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
    std::vector<float> token_logps;  // of every token that a completion learns, one completion after another
    std::vector<float> token_log_squares;  // of the same, as LogSoftmaxExtras has them; where it is wanted
    std::vector<uint8_t>
        greedy;  // [C], where it is wanted: whether greedy decoding gives all of the completion's tokens
  };
  // Log-probabilities without gradients, slice by slice. batch: one that check_batch accepts.
  Scores score(const mmpo_batch& batch, ScoresWanted wanted = {});

  // What the head reads: the rows of the residual stream that predict, before and after the final norm, [R, H] each; rstd_R is the
  // norm's. In memory of the workspace.
  struct Predictions {
    Tensor rows_RH, hidden_RH, rstd_R;
  };
  // Through the decoder, which leaves on the tape what backward needs; without one there is no backward pass.
  Predictions predict(const PackedBatch& batch, DecoderTape& tape);
  Predictions predict(const PackedBatch& batch, const DropoutPass& dropout = {});
  // The final norm alone, of rows [R, H] of the residual stream.
  Tensor final_norm(const Tensor& rows_RH, Tensor& rstd_R);
  // Log-probability of every head row's target [R] float32, and what is wanted beside, in memory of the workspace.
  struct HeadScores {
    Tensor logp_R;
    LogSoftmaxExtras extras;
  };
  HeadScores head_scores(const PackedBatch& batch, const DropoutPass& dropout, ScoresWanted wanted);

 private:
  Predictions predictions(const Tensor& rows_RH);

  Decoder decoder_;
  Workspace workspace_;
  int64_t slice_tokens_;
};

// A batch's rows as the decoder takes them; they refer to its tensors.
Decoder::Rows rows_of(const PackedBatch& batch);

// Sums over each completion's tokens in double, [C]; NaN for one that is left out. logp_R: on the CPU.
std::vector<double> sum_completions(const PackedBatch& batch, const Tensor& logp_R);

}  // namespace mmpo
