#include "model/lora.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/error.h"
#include "common/philox.h"
#include "kernels/dropout_linear.h"
#include "kernels/gemm.h"
#include "kernels/linear.h"

namespace mmpo {
namespace {

constexpr uint32_t kNumModules = 7;
constexpr std::string_view kEmbedding = "base_model.model.model.embed_tokens.weight";
constexpr std::string_view kHead = "base_model.model.lm_head.weight";

struct ModuleKind {
  const char* name;  // within a layer
  Projection projection;
  int64_t inputs, outputs;
};

// In the order of mmpo_module, modules of a projection side by side in the order of its output columns.
std::array<ModuleKind, kNumModules> module_kinds(const ModelConfig& config) {
  const int64_t hidden = config->hidden_size;
  const int64_t intermediate = config->intermediate_size;
  return {{{"self_attn.q_proj", Projection::kQkv, hidden, config.query_size()},
           {"self_attn.k_proj", Projection::kQkv, hidden, config.key_size()},
           {"self_attn.v_proj", Projection::kQkv, hidden, config.key_size()},
           {"self_attn.o_proj", Projection::kOutput, config.query_size(), hidden},
           {"mlp.gate_proj", Projection::kGateUp, hidden, intermediate},
           {"mlp.up_proj", Projection::kGateUp, hidden, intermediate},
           {"mlp.down_proj", Projection::kDown, intermediate, hidden}}};
}

void check(const ModelConfig& config, const mmpo_lora_config& settings) {
  require(settings.dropout >= 0 && settings.dropout < 1, "lora_dropout must be in [0, 1), got ", settings.dropout);
  require(settings.num_modules >= 1 && settings.modules != nullptr, "an adapter needs at least one module, got ",
          settings.num_modules);
  require((settings.whole >= 0 && settings.whole <= (MMPO_WHOLE_EMBEDDING | MMPO_WHOLE_HEAD)) ||
              settings.whole == MMPO_WHOLE_TIED,
          "whole must be a set of mmpo_whole, got ", settings.whole);
  std::set<std::pair<int64_t, int32_t>> places;
  for (int64_t i = 0; i < settings.num_modules; ++i) {
    const mmpo_lora_module& module = settings.modules[i];
    require(module.layer >= 0 && module.layer < config->num_layers, "an adapter's layer must be in [0, ",
            config->num_layers, "), got ", module.layer);
    require(module.module >= 0 && module.module < static_cast<int32_t>(kNumModules),
            "an adapter's module must be an mmpo_module, got ", module.module);
    require(module.rank >= 1 && module.rank <= 65536, "the rank r of an adapter must be in [1, 65536], got ",
            module.rank);
    require(module.scaling > 0 && std::isfinite(module.scaling), "an adapter's scaling must be > 0, got ",
            module.scaling);
    require(places.insert({module.layer, module.module}).second, "an adapter has module ", module.module, " of layer ",
            module.layer, " twice");
  }
}

}  // namespace

void merge(const Tensor& weight_NK, const Tensor& a_rK, const Tensor& b_Nr, double scaling, Tensor& out_NK) {
  Workspace workspace;
  out_NK.copy_(weight_NK);
  gemm(b_Nr.to(at::kFloat) * scaling, a_rK.to(at::kFloat), out_NK, workspace, out_NK);
}

Adapter::Adapter(const ModelConfig& config, const mmpo_lora_config& settings, at::ScalarType dtype, at::Device device)
    : dropout_(settings.dropout), seed_(settings.seed) {
  check(config, settings);
  const std::span<const mmpo_lora_module> modules(settings.modules, static_cast<size_t>(settings.num_modules));
  for (int64_t layer = 0; layer < config->num_layers; ++layer) add_layer(config, layer, modules);
  first_trained_layer_ = std::ranges::min(modules, {}, &mmpo_lora_module::layer).layer;
  layout_.align();
  add_whole(config, settings.whole);
  flat_ = at::zeros({layout_.size()}, at::TensorOptions().dtype(at::kFloat).device(device));
  compute_flat_ = dtype == at::kFloat ? flat_ : at::zeros({layout_.size()}, flat_.options().dtype(dtype));
  weights_ = view(memory_of(compute_flat_));
  whole_ = whole(memory_of(compute_flat_));
  draw_a();
}

// Places of the layer's A and B, projection by projection: every A of a projection, then every B.
void Adapter::add_layer(const ModelConfig& config, int64_t layer, std::span<const mmpo_lora_module> modules) {
  const auto kinds = module_kinds(config);
  auto& projections = places_.emplace_back();
  const std::string prefix = "base_model.model.model.layers." + std::to_string(layer) + ".";
  layout_.begin_unit(layer);
  int64_t low = 0;
  for (size_t p = 0; p < projections.size(); ++p) {
    LoraProjection& projection = projections[p];
    int64_t column = 0;
    layout_.align();
    for (uint32_t number = 0; number < kNumModules; ++number) {
      const ModuleKind& kind = kinds[number];
      if (kind.projection != static_cast<Projection>(p)) continue;
      const auto found = std::ranges::find_if(modules, [&](const mmpo_lora_module& module) {
        return module.layer == layer && module.module == static_cast<int32_t>(number);
      });
      if (found != modules.end()) {
        layout_.add(prefix + kind.name + ".lora_A.weight", found->rank, kind.inputs);
        projection.modules.push_back({number, column, kind.outputs, found->rank, found->scaling, low, {}});
        low += found->rank;
      }
      column += kind.outputs;
    }
    for (const LoraModule& module : projection.modules) {
      layout_.align();
      layout_.add(prefix + kinds[module.number].name + ".lora_B.weight", module.columns, module.rank);
    }
  }
  low_columns_ = std::max(low_columns_, low);
}

void Adapter::add_whole(const ModelConfig& config, int32_t whole) {
  const auto add = [&](std::string_view name, int64_t unit) {
    const auto index = static_cast<int64_t>(layout_.parameters().size());
    layout_.begin_unit(unit);
    layout_.add(std::string(name), config->vocab_size, config->hidden_size);
    layout_.align();
    return index;
  };
  if (whole == MMPO_WHOLE_TIED || (whole & MMPO_WHOLE_EMBEDDING) != 0) {
    embedding_ = add(kEmbedding, kEmbeddingUnit);
    first_trained_layer_ = 0;
  }
  if (whole == MMPO_WHOLE_TIED) head_ = embedding_;
  if ((whole & MMPO_WHOLE_HEAD) != 0) head_ = add(kHead, head_unit(config->num_layers));
}

// PEFT's: kaiming_uniform(a = sqrt(5)) of A, whose bound is 1 / sqrt(K); B stays zero.
void Adapter::draw_a() {
  Tensor initial = at::zeros({layout_.size()}, at::kFloat);
  float* values = initial.mutable_data_ptr<float>();
  for (size_t i = 0; i < layout_.parameters().size(); ++i) {
    const Parameter& parameter = layout_.parameters()[i];
    if (!parameter.name.ends_with("lora_A.weight")) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(parameter.columns));
    for (int64_t element = 0; element < parameter.size(); ++element) {
      const uint32_t word = random_words(seed_, i, static_cast<uint64_t>(element))[0];
      // Uniform over the middles of 2^32 equal parts.
      const double uniform = (static_cast<double>(word) + 0.5) / 4294967296.0;
      values[parameter.offset + element] = static_cast<float>((2 * uniform - 1) * bound);
    }
  }
  flat_.copy_(initial);
  refresh();
}

bool Adapter::is_whole(std::string_view name) { return name == kEmbedding || name == kHead; }

void Adapter::start_from(const DecoderParameters& weights) {
  WholeMatrices own = whole(memory_of(flat_));
  if (own.embedding_VH.defined()) own.embedding_VH.copy_(weights.embedding_VH);
  if (own.head_VH.defined()) own.head_VH.copy_(weights.head_VH);
  refresh();
}

void Adapter::refresh() {
  if (!compute_flat_.is_same(flat_)) compute_flat_.copy_(flat_);
}

LoraParameters Adapter::view(const FlatMemory& memory) const {
  LoraParameters views = places_;
  size_t index = 0;
  const auto matrix = [&](int64_t offset, int64_t rows, int64_t columns) {
    return memory(offset, rows * columns).view({rows, columns});
  };
  for (auto& projections : views) {
    for (LoraProjection& projection : projections) {
      if (projection.modules.empty()) continue;
      const Parameter& first = layout_.parameters()[index];
      int64_t rows = 0;
      for (const LoraModule& module : projection.modules) rows += module.rank;
      projection.a_SK = matrix(first.offset, rows, first.columns);
      index += projection.modules.size();
      for (LoraModule& module : projection.modules) {
        const Parameter& b = layout_.parameters()[index++];
        module.b_Nr = matrix(b.offset, b.rows, b.columns);
      }
    }
  }
  return views;
}

WholeMatrices Adapter::whole(const FlatMemory& memory) const {
  const auto matrix = [&](int64_t index) {
    if (index < 0) return Tensor();
    const Parameter& parameter = layout_.parameters()[static_cast<size_t>(index)];
    return memory(parameter.offset, parameter.size()).view({parameter.rows, parameter.columns});
  };
  return {matrix(embedding_), matrix(head_)};
}

DropoutPass DropoutPass::of_rows(const Tensor& rows_R) const {
  return {key, threshold, numbers_T.defined() ? at::index_select(numbers_T, 0, rows_R) : numbers_T};
}

DropoutPass Adapter::dropout_pass(int64_t num_steps, Tensor numbers_T) const {
  const auto threshold = static_cast<uint32_t>(std::lround(dropout_ * 65536));
  // A key of its own for every update; below it the counters are rows and places.
  const auto words = random_words(~seed_, static_cast<uint64_t>(num_steps));
  return {(uint64_t{words[1]} << 32) | words[0], std::min(threshold, 65535U), std::move(numbers_T)};
}

const LoraProjection& Adapter::weights(int64_t layer, Projection projection) const {
  return weights_[static_cast<size_t>(layer)][static_cast<size_t>(projection)];
}

std::vector<Adapter::RunOfRows> Adapter::runs_of_rows(int64_t layer, const LoraProjection& projection,
                                                      const DropoutPass& pass) {
  std::vector<RunOfRows> runs;
  const LoraModule* before = nullptr;
  int64_t begin = 0;
  for (const LoraModule& module : projection.modules) {
    const bool goes_on =
        before != nullptr && before->scaling == module.scaling && (!pass.drops() || before->rank == module.rank);
    if (!goes_on) runs.push_back({begin, 0, module.scaling * pass.scale(), {}});
    before = &module;
    begin += module.rank;
    runs.back().count += module.rank;
    if (!pass.drops()) continue;
    DropoutMasks& masks = runs.back().masks;
    masks.at[masks.count++] = {pass.key, static_cast<uint32_t>(layer) * kNumModules + module.number, pass.threshold, 0,
                               pass.numbers_T.const_data_ptr<int64_t>()};
  }
  return runs;
}

void Adapter::reduce(int64_t layer, Projection projection, const DropoutPass& pass, const Tensor& x_TK,
                     Workspace& workspace, Tensor& low_TL) const {
  const LoraProjection& weight = weights(layer, projection);
  if (weight.modules.empty()) return;
  Tensor low_TS = low_TL.narrow(1, weight.modules.front().low, weight.a_SK.size(0));
  for (const RunOfRows& run : runs_of_rows(layer, weight, pass)) {
    const Tensor a_rK = weight.a_SK.narrow(0, run.begin, run.count);
    Tensor low_Tr = low_TS.narrow(1, run.begin, run.count);
    if (pass.drops()) {
      dropout_linear(x_TK, a_rK, run.masks, run.scaling, workspace, low_Tr);
    } else {
      scaled_gemm(x_TK, a_rK.t(), run.scaling, workspace, low_Tr);
    }
  }
}

void Adapter::expand(int64_t layer, Projection projection, const Tensor& low_TL, Workspace& workspace,
                     Tensor& out_TN) const {
  for (const LoraModule& module : weights(layer, projection).modules) {
    Tensor out = out_TN.narrow(1, module.column, module.columns);
    gemm(low_TL.narrow(1, module.low, module.rank), module.b_Nr.t(), out, workspace, out);
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
  Tensor no_bias;
  Tensor grad_low_TS = workspace.allocate({num_rows, weight.a_SK.size(0)}, x_TK.scalar_type());
  for (size_t m = 0; m < weight.modules.size(); ++m) {
    const LoraModule& module = weight.modules[m];
    const Tensor grad = grad_TN.narrow(1, module.column, module.columns);
    linear_backward_weight(grad, low_TL.narrow(1, module.low, module.rank), workspace, gradient.modules[m].b_Nr,
                           no_bias);
    Tensor grad_low = grad_low_TS.narrow(1, module.low - weight.modules.front().low, module.rank);
    scaled_gemm(grad, module.b_Nr, module.scaling * pass.scale(), workspace, grad_low);
  }
  if (pass.drops()) {
    for (const RunOfRows& run : runs_of_rows(layer, weight, pass)) {
      Tensor grad_a = gradient.a_SK.narrow(0, run.begin, run.count);
      dropout_linear_backward(grad_low_TS.narrow(1, run.begin, run.count), x_TK,
                              weight.a_SK.narrow(0, run.begin, run.count), run.masks, workspace, grad_x_TK, grad_a);
    }
  } else {
    linear_backward_weight(grad_low_TS, x_TK, workspace, gradient.a_SK, no_bias);
    gemm(grad_low_TS, weight.a_SK, grad_x_TK, workspace, grad_x_TK);
  }
}

}  // namespace mmpo
