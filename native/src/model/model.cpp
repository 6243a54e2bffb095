#include "model/model.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "common/device.h"
#include "common/error.h"
#include "common/one_behind.h"
#include "kernels/kernels.h"
#include "model/batch_slices.h"
#include "model/load_parameters.h"

namespace mmpo {
namespace {

// A slice's scores on their way to the host.
class SliceScores {
 public:
  SliceScores(PackedBatch packed, const Model::HeadScores& found) : packed_(std::move(packed)), logp_R_(found.logp_R) {
    if (found.extras.log_squares_R.defined()) log_squares_R_.emplace(found.extras.log_squares_R);
    if (found.extras.is_first_R.defined()) is_first_R_.emplace(found.extras.is_first_R);
  }

  void append_to(Model::Scores& scores) {
    const std::vector<double> sums = sum_completions(packed_, logp_R_.wait());
    scores.logps.insert(scores.logps.end(), sums.begin(), sums.end());
    append(logp_R_, scores.token_logps);
    if (log_squares_R_) append(*log_squares_R_, scores.token_log_squares);
    if (!is_first_R_) return;
    for (const auto& completion : packed_.completions) {
      const bool* first = is_first_R_->wait().const_data_ptr<bool>() + completion.head_begin;
      scores.greedy.push_back(std::all_of(first, first + completion.length, [](bool given) { return given; }) ? 1 : 0);
    }
  }

 private:
  void append(HostCopy& values_R, std::vector<float>& tokens) {
    for (const auto& completion : packed_.completions) {
      const float* first = values_R.wait().const_data_ptr<float>() + completion.head_begin;
      tokens.insert(tokens.end(), first, first + completion.length);
    }
  }

  PackedBatch packed_;
  HostCopy logp_R_;
  std::optional<HostCopy> log_squares_R_, is_first_R_;
};

// Of a whole model's parameters in the decoder. What is frozen lies in bfloat16 on its way there, a matrix at a time.
Destination destination_of(const ParameterLayout& layout, Decoder& decoder) {
  if (decoder.frozen() == nullptr) return into(layout, decoder.flat());
  const auto place = [&layout](const ParameterLayout& part, size_t index) {
    return part.find(layout.parameters()[index].name);
  };
  return {[&, place](size_t index) {
            const int64_t plain = place(decoder.layout(), index);
            return plain < 0 ? at::empty({layout.parameters()[index].size()}, decoder.flat().options())
                             : into(decoder.layout(), decoder.flat()).memory(static_cast<size_t>(plain));
          },
          [&, place](size_t index, const Tensor& values) {
            const int64_t frozen = place(decoder.frozen()->layout(), index);
            if (frozen >= 0) decoder.frozen()->set(static_cast<size_t>(frozen), values);
          }};
}

// What is held in it is what the files have.
void require_bfloat16(std::span<const mmpo_tensor> weights, const std::function<bool(std::string_view)>& is_redundant) {
  for (const mmpo_tensor& tensor : weights) {
    if (tensor.dtype == MMPO_BFLOAT16 || tensor.name == nullptr || is_redundant(tensor.name)) continue;
    fail(MMPO_INVALID_MODEL, "weight '", tensor.name,
         "' is not of bfloat16, in which all weights are to be held: it would be rounded");
  }
}

}  // namespace

Model::Model(const ModelConfig& config, std::span<const mmpo_tensor> weights, at::ScalarType dtype, at::Device device,
             const ReadWeights& read, WeightForm form)
    : decoder_(config, dtype, device, form), workspace_(device), slice_tokens_(mmpo::slice_tokens(device)) {
  const auto redundant = [&](std::string_view name) { return is_redundant(name, decoder_.config()); };
  const ParameterLayout layout(decoder_.config());
  if (form == WeightForm::kBfloat16) require_bfloat16(weights, redundant);
  load_parameters(layout, weights, read, redundant, "config.json", destination_of(layout, decoder_));
}

void Model::set_adapter(const mmpo_lora_config& settings, std::span<const mmpo_tensor> weights) {
  auto adapter = std::make_unique<Adapter>(decoder_.config(), settings, decoder_.dtype(), device());
  adapter->start_from(decoder_.weights());
  const auto none_redundant = [](std::string_view) { return false; };
  const bool has_lora = std::ranges::any_of(
      weights, [](const mmpo_tensor& tensor) { return tensor.name != nullptr && !Adapter::is_whole(tensor.name); });
  const auto may_lack = [&](std::string_view name) { return !has_lora || Adapter::is_whole(name); };
  load_parameters(adapter->layout(), weights, nullptr, none_redundant, "adapter_config.json",
                  into(adapter->layout(), adapter->flat()), may_lack);
  adapter->refresh();
  decoder_.set_adapter(std::move(adapter));
}

Model::Scores Model::score(const mmpo_batch& batch, ScoresWanted wanted) {
  // No operation asks whether autograd records it: on a GPU the host's part of every launch is shorter.
  const c10::InferenceMode without_autograd;
  Scores scores;
  const auto read = [&](SliceScores& slice) { slice.append_to(scores); };
  OneBehind<SliceScores, decltype(read)> slices(is_gpu(device()), read);
  for (const BatchSlice& slice : slice_batch(batch, slice_tokens_)) {
    workspace_.reset();
    const std::vector<Role> roles(static_cast<size_t>(slice.batch.num_completions), Role::kScored);
    PackedBatch packed(slice.batch, roles, device());
    const HeadScores found = head_scores(packed, {}, wanted);
    slices.add({std::move(packed), found});
  }
  slices.finish();
  return scores;
}

Model::Predictions Model::predict(const PackedBatch& batch, DecoderTape& tape) {
  const Tensor x_TH = decoder_.forward(rows_of(batch), decoder_.packed_attention(batch.attention), workspace_, tape);
  return predictions(take_rows(x_TH, batch.head_rows_R, workspace_));
}

Model::Predictions Model::predict(const PackedBatch& batch, const DropoutPass& dropout) {
  const Decoder::Attend attend = decoder_.packed_attention(batch.attention);
  return predictions(decoder_.infer(rows_of(batch), batch.head_rows_R, attend, dropout, workspace_));
}

Model::Predictions Model::predictions(const Tensor& rows_RH) {
  Predictions out{rows_RH, {}, {}};
  out.hidden_RH = final_norm(rows_RH, out.rstd_R);
  return out;
}

Tensor Model::final_norm(const Tensor& rows_RH, Tensor& rstd_R) {
  Tensor normed_RH = workspace_.allocate(rows_RH.sizes(), rows_RH.scalar_type());
  rstd_R = workspace_.allocate({rows_RH.size(0)}, at::kFloat);
  rms_norm(rows_RH, decoder_.weights().norm_H, decoder_.config()->rms_norm_eps, normed_RH, rstd_R);
  return normed_RH;
}

Model::HeadScores Model::head_scores(const PackedBatch& batch, const DropoutPass& dropout, ScoresWanted wanted) {
  const int64_t num_head_rows = batch.head_rows_R.size(0);
  HeadScores scores{workspace_.allocate({num_head_rows}, at::kFloat), {}};
  if (wanted.log_squares) scores.extras.log_squares_R = workspace_.allocate({num_head_rows}, at::kFloat);
  if (wanted.greedy) scores.extras.is_first_R = workspace_.allocate({num_head_rows}, at::kBool);
  const HeadRows head{predict(batch, dropout).hidden_RH, batch.head_targets_R};
  Tensor lse_R = workspace_.allocate({num_head_rows}, at::kFloat);
  LinearLogp(head, decoder_.head_VH(), workspace_).forward(lse_R, scores.logp_R, scores.extras);
  return scores;
}

Decoder::Rows rows_of(const PackedBatch& batch) { return {batch.tokens_T, batch.positions_T, batch.num_positions}; }

std::vector<double> sum_completions(const PackedBatch& batch, const Tensor& logp_R) {
  const float* logp = logp_R.const_data_ptr<float>();
  std::vector<double> sums;
  for (const auto& completion : batch.completions) {
    double sum = completion.head_begin < 0 ? std::numeric_limits<double>::quiet_NaN() : 0;
    for (int64_t i = 0; completion.head_begin >= 0 && i < completion.length; ++i)
      sum += static_cast<double>(logp[completion.head_begin + i]);
    sums.push_back(sum);
  }
  return sums;
}

}  // namespace mmpo
