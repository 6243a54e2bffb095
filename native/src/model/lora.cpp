#include "model/lora.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "common/error.h"
#include "common/philox.h"
#include "kernels/dropout_linear.h"
#include "kernels/gemm.h"
#include "model/linear.h"

namespace mmpo {
namespace {

constexpr uint32_t kNumModules = 7;

struct ModuleKind {
  const char* name;  // within a layer
  int32_t flag;
  Projection projection;
  int64_t inputs, outputs;
};

// In the order of mmpo_module, modules of a projection side by side in the order of its output columns.
std::array<ModuleKind, kNumModules> module_kinds(const ModelConfig& config) {
  const int64_t hidden = config->hidden_size;
  const int64_t intermediate = config->intermediate_size;
  return {{{"self_attn.q_proj", MMPO_MODULE_Q, Projection::kQkv, hidden, config.query_size()},
           {"self_attn.k_proj", MMPO_MODULE_K, Projection::kQkv, hidden, config.key_size()},
           {"self_attn.v_proj", MMPO_MODULE_V, Projection::kQkv, hidden, config.key_size()},
           {"self_attn.o_proj", MMPO_MODULE_O, Projection::kOutput, config.query_size(), hidden},
           {"mlp.gate_proj", MMPO_MODULE_GATE, Projection::kGateUp, hidden, intermediate},
           {"mlp.up_proj", MMPO_MODULE_UP, Projection::kGateUp, hidden, intermediate},
           {"mlp.down_proj", MMPO_MODULE_DOWN, Projection::kDown, intermediate, hidden}}};
}

void check(const mmpo_lora_config& settings) {
  require(settings.rank >= 1 && settings.rank <= 65536, "the rank r of an adapter must be in [1, 65536], got ",
          settings.rank);
  require(settings.scaling > 0 && std::isfinite(settings.scaling), "an adapter's scaling must be > 0, got ",
          settings.scaling);
  require(settings.dropout >= 0 && settings.dropout < 1, "lora_dropout must be in [0, 1), got ", settings.dropout);
  constexpr int32_t all = (1 << kNumModules) - 1;
  require(settings.targets != 0 && (settings.targets & ~all) == 0, "targets must be a set of mmpo_module, got ",
          settings.targets);
}

// 128 bits of the key for two numbers.
std::array<uint32_t, 4> random_words(uint64_t key, uint64_t first, uint64_t second) {
  uint32_t words[4][1] = {{static_cast<uint32_t>(first)},
                          {static_cast<uint32_t>(first >> 32)},
                          {static_cast<uint32_t>(second)},
                          {static_cast<uint32_t>(second >> 32)}};
  philox(key, words);
  return {words[0][0], words[1][0], words[2][0], words[3][0]};
}

}  // namespace

void merge(const Tensor& weight_NK, const Tensor& a_rK, const Tensor& b_Nr, double scaling, Tensor& out_NK) {
  Workspace workspace;
  out_NK.copy_(weight_NK);
  gemm(b_Nr.to(at::kFloat) * scaling, a_rK.to(at::kFloat), out_NK, workspace, out_NK);
}

Adapter::Adapter(const ModelConfig& config, const mmpo_lora_config& settings, at::ScalarType dtype, at::Device device)
    : settings_(settings) {
  check(settings);
  const int64_t rank = settings.rank;
  const auto kinds = module_kinds(config);
  for (int64_t layer = 0; layer < config->num_layers; ++layer) {
    auto& projections = places_.emplace_back();
    const std::string prefix = "base_model.model.model.layers." + std::to_string(layer) + ".";
    int64_t low = 0;
    for (size_t p = 0; p < projections.size(); ++p) {
      LoraProjection& projection = projections[p];
      int64_t column = 0;
      layout_.align();
      for (uint32_t number = 0; number < kNumModules; ++number) {
        const ModuleKind& kind = kinds[number];
        if (kind.projection != static_cast<Projection>(p)) continue;
        if ((settings.targets & kind.flag) != 0) {
          layout_.add(prefix + kind.name + ".lora_A.weight", rank, kind.inputs);
          projection.modules.push_back({number, column, kind.outputs, low, {}});
          low += rank;
        }
        column += kind.outputs;
      }
      for (const LoraModule& module : projection.modules) {
        layout_.align();
        layout_.add(prefix + kinds[module.number].name + ".lora_B.weight", module.columns, rank);
      }
    }
    low_columns_ = low;
  }
  layout_.align();
  flat_ = at::zeros({layout_.size()}, at::TensorOptions().dtype(at::kFloat).device(device));
  compute_flat_ = dtype == at::kFloat ? flat_ : at::zeros({layout_.size()}, flat_.options().dtype(dtype));
  weights_ = view(compute_flat_);
  initialize();
}

// PEFT's: kaiming_uniform(a = sqrt(5)) of A, whose bound is 1 / sqrt(K); B stays zero.
void Adapter::initialize() {
  Tensor initial = at::zeros({layout_.size()}, at::kFloat);
  float* values = initial.mutable_data_ptr<float>();
  for (size_t i = 0; i < layout_.parameters().size(); ++i) {
    const Parameter& parameter = layout_.parameters()[i];
    if (!parameter.name.ends_with("lora_A.weight")) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(parameter.columns));
    for (int64_t element = 0; element < parameter.size(); ++element) {
      const uint32_t word = random_words(settings_.seed, i, static_cast<uint64_t>(element))[0];
      // Uniform over the middles of 2^32 equal parts.
      const double uniform = (static_cast<double>(word) + 0.5) / 4294967296.0;
      values[parameter.offset + element] = static_cast<float>((2 * uniform - 1) * bound);
    }
  }
  flat_.copy_(initial);
  refresh();
}

void Adapter::refresh() {
  if (!compute_flat_.is_same(flat_)) compute_flat_.copy_(flat_);
}

LoraParameters Adapter::view(const Tensor& flat) const {
  LoraParameters views = places_;
  size_t index = 0;
  const auto matrix = [&](int64_t offset, int64_t rows, int64_t columns) {
    return flat.narrow(0, offset, rows * columns).view({rows, columns});
  };
  for (auto& projections : views) {
    for (LoraProjection& projection : projections) {
      const auto num_modules = static_cast<int64_t>(projection.modules.size());
      if (num_modules == 0) continue;
      const Parameter& first = layout_.parameters()[index];
      projection.a_SK = matrix(first.offset, num_modules * settings_.rank, first.columns);
      index += projection.modules.size();
      for (LoraModule& module : projection.modules) {
        const Parameter& b = layout_.parameters()[index++];
        module.b_Nr = matrix(b.offset, b.rows, b.columns);
      }
    }
  }
  return views;
}

DropoutPass Adapter::dropout_pass(int64_t num_steps, int64_t slice) const {
  const auto threshold = static_cast<uint32_t>(std::lround(settings_.dropout * 65536));
  // A key of its own for every pass; below it the counters are places.
  const auto words = random_words(~settings_.seed, static_cast<uint64_t>(num_steps), static_cast<uint64_t>(slice));
  return {(uint64_t{words[1]} << 32) | words[0], std::min(threshold, 65535U)};
}

const LoraProjection& Adapter::weights(int64_t layer, Projection projection) const {
  return weights_[static_cast<size_t>(layer)][static_cast<size_t>(projection)];
}

DropoutMasks Adapter::masks(int64_t layer, Projection projection, const DropoutPass& pass) const {
  DropoutMasks masks;
  for (const LoraModule& module : weights(layer, projection).modules) {
    masks.at[masks.count++] = {pass.key, static_cast<uint32_t>(layer) * kNumModules + module.number, pass.threshold};
  }
  return masks;
}

void Adapter::reduce(int64_t layer, Projection projection, const DropoutPass& pass, const Tensor& x_TK,
                     Workspace& workspace, Tensor& low_TL) const {
  const LoraProjection& weight = weights(layer, projection);
  if (weight.modules.empty()) return;
  Tensor low_TS = low_TL.narrow(1, weight.modules.front().low, weight.a_SK.size(0));
  if (pass.drops()) {
    dropout_linear(x_TK, weight.a_SK, masks(layer, projection, pass), workspace, low_TS);
  } else {
    linear(x_TK, weight.a_SK, {}, workspace, low_TS);
  }
  low_TS.mul_(factor(pass));
}

void Adapter::expand(int64_t layer, Projection projection, const Tensor& low_TL, Workspace& workspace,
                     Tensor& out_TN) const {
  for (const LoraModule& module : weights(layer, projection).modules) {
    Tensor out = out_TN.narrow(1, module.column, module.columns);
    gemm(low_TL.narrow(1, module.low, settings_.rank), module.b_Nr.t(), out, workspace, out);
  }
}

void Adapter::backward(int64_t layer, Projection projection, const DropoutPass& pass, const Tensor& grad_TN,
                       const Tensor& x_TK, const Tensor& low_TL, Workspace& workspace, Tensor& grad_x_TK,
                       LoraParameters& gradients) const {
  const LoraProjection& weight = weights(layer, projection);
  if (weight.modules.empty()) return;
  LoraProjection& gradient = gradients[static_cast<size_t>(layer)][static_cast<size_t>(projection)];
  const WorkspaceScope scope(workspace);
  const int64_t num_rows = x_TK.size(0);
  const int64_t rank = settings_.rank;
  Tensor no_bias;
  Tensor grad_low_TS = workspace.allocate({num_rows, weight.a_SK.size(0)}, x_TK.scalar_type());
  for (size_t m = 0; m < weight.modules.size(); ++m) {
    const LoraModule& module = weight.modules[m];
    const Tensor grad = grad_TN.narrow(1, module.column, module.columns);
    linear_backward_weight(grad, low_TL.narrow(1, module.low, rank), workspace, gradient.modules[m].b_Nr, no_bias);
    Tensor grad_low = grad_low_TS.narrow(1, static_cast<int64_t>(m) * rank, rank);
    linear_backward_input(grad, module.b_Nr, workspace, grad_low);
  }
  grad_low_TS.mul_(factor(pass));
  if (pass.drops()) {
    dropout_linear_backward(grad_low_TS, x_TK, weight.a_SK, masks(layer, projection, pass), workspace, grad_x_TK,
                            gradient.a_SK);
  } else {
    linear_backward_weight(grad_low_TS, x_TK, workspace, gradient.a_SK, no_bias);
    gemm(grad_low_TS, weight.a_SK, grad_x_TK, workspace, grad_x_TK);
  }
}

}  // namespace mmpo
