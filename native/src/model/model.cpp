#include "model/model.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>

#include <limits>
#include <string_view>

#include "common/error.h"
#include "kernels/kernels.h"

namespace mmpo {
namespace {

at::ScalarType scalar_type(const mmpo_tensor& tensor) {
  switch (tensor.dtype) {
    case MMPO_FLOAT32:
      return at::kFloat;
    case MMPO_BFLOAT16:
      return at::kBFloat16;
    case MMPO_FLOAT16:
      return at::kHalf;
    default:
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' has an unknown dtype ", tensor.dtype);
  }
}

int32_t num_dims(const Parameter& parameter) { return parameter.columns == 0 ? 1 : 2; }

std::string describe(int64_t rows, int64_t columns, int32_t num_dims) {
  std::ostringstream text;
  text << '[' << rows;
  if (num_dims == 2) text << ", " << columns;
  if (num_dims > 2) text << ", " << columns << ", ...";
  text << ']';
  return text.str();
}

std::string describe(const Parameter& parameter) {
  return describe(parameter.rows, parameter.columns, num_dims(parameter));
}

// Tensors of published checkpoints that hold nothing of their own.
bool is_redundant(std::string_view name, const ModelConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") || (name == "lm_head.weight" && config->tie_embeddings != 0);
}

}  // namespace

Model::Model(const ModelConfig& config, std::span<const mmpo_tensor> weights, at::ScalarType dtype)
    : decoder_(config, dtype) {
  load(weights);
}

void Model::load(std::span<const mmpo_tensor> weights) {
  const ParameterLayout& layout = decoder_.layout();
  std::vector<bool> loaded(layout.parameters().size(), false);
  for (const mmpo_tensor& tensor : weights) {
    require(tensor.name != nullptr && tensor.data != nullptr, "a weight's name and data must not be NULL");
    if (is_redundant(tensor.name, decoder_.config())) continue;
    const int64_t index = layout.find(tensor.name);
    if (index < 0)
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' does not belong to a model with this config.json");
    if (loaded[static_cast<size_t>(index)]) fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' is given twice");
    const Parameter& parameter = layout.parameters()[static_cast<size_t>(index)];
    const int64_t columns = tensor.num_dims == 1 ? 0 : tensor.shape[1];
    // The number of dimensions too: a matrix [n, 0] holds nothing, where a vector of n is wanted.
    if (tensor.num_dims != num_dims(parameter) || tensor.shape[0] != parameter.rows || columns != parameter.columns) {
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' has shape ",
           describe(tensor.shape[0], tensor.shape[1], tensor.num_dims), "; config.json asks for ", describe(parameter));
    }
    const Tensor source = at::from_blob(const_cast<void*>(tensor.data), {parameter.size()},
                                        at::TensorOptions().dtype(scalar_type(tensor)));
    Tensor target = decoder_.flat().narrow(0, parameter.offset, parameter.size());
    target.copy_(source);
    if (!at::isfinite(target).all().item<bool>()) {
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' holds a value that is not finite (NaN or infinity)");
    }
    loaded[static_cast<size_t>(index)] = true;
  }
  for (size_t i = 0; i < loaded.size(); ++i) {
    const Parameter& parameter = layout.parameters()[i];
    if (!loaded[i]) {
      fail(MMPO_INVALID_MODEL, "weight '", parameter.name, "' ", describe(parameter),
           " is missing; config.json asks for it");
    }
  }
}

Tensor Model::score(const PackedBatch& batch) {
  const int64_t num_head_rows = batch.head_rows_R.size(0);
  Tensor logp_R = workspace_.allocate({num_head_rows}, at::kFloat);
  const Decoder::Rows rows{batch.tokens_T, batch.positions_T, batch.num_positions};
  const Tensor x_TH = decoder_.forward(rows, decoder_.packed_attention(batch.segments), workspace_, nullptr);
  Tensor rows_RH = workspace_.allocate({num_head_rows, x_TH.size(1)}, x_TH.scalar_type());
  at::index_select_out(rows_RH, x_TH, 0, batch.head_rows_R);
  Tensor rstd_R;
  const HeadRows head{final_norm(rows_RH, rstd_R), batch.head_targets_R};
  Tensor lse_R = workspace_.allocate({num_head_rows}, at::kFloat);
  linear_logp(head, decoder_.weights().head_VH, workspace_, lse_R, logp_R);
  return logp_R;
}

Tensor Model::final_norm(const Tensor& rows_RH, Tensor& rstd_R) {
  Tensor normed_RH = workspace_.allocate(rows_RH.sizes(), rows_RH.scalar_type());
  rstd_R = workspace_.allocate({rows_RH.size(0)}, at::kFloat);
  rms_norm(rows_RH, decoder_.weights().norm_H, decoder_.config()->rms_norm_eps, normed_RH, rstd_R);
  return normed_RH;
}

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
