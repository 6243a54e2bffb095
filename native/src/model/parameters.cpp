#include "model/parameters.h"

#include <ATen/ceil_div.h>

#include <algorithm>
#include <cassert>

namespace mmpo {
namespace {

constexpr int64_t kAlignment = 64;

// Hands out consecutive parameters of the layout as one matrix or vector.
class Viewer {
 public:
  Viewer(const ParameterLayout& layout, const FlatMemory& memory) : layout_(layout), memory_(memory) {}

  Tensor next(int64_t num_fused = 1) {
    const Parameter& first = layout_.parameters()[index_];
    int64_t rows = 0;
    for (int64_t i = 0; i < num_fused; ++i) {
      const Parameter& part = layout_.parameters()[index_ + static_cast<size_t>(i)];
      assert(part.offset == first.offset + rows * std::max<int64_t>(first.columns, 1));
      rows += part.rows;
    }
    index_ += static_cast<size_t>(num_fused);
    const Tensor block = memory_(first.offset, rows * std::max<int64_t>(first.columns, 1));
    return first.columns == 0 ? block : block.view({rows, first.columns});
  }

 private:
  const ParameterLayout& layout_;
  const FlatMemory& memory_;
  size_t index_ = 0;
};

}  // namespace

Tensor& LayerParameters::matrix(Projection projection) {
  switch (projection) {
    case Projection::kQkv:
      return qkv_QH;
    case Projection::kOutput:
      return output_HA;
    case Projection::kGateUp:
      return gate_up_2IH;
    default:
      return down_HI;
  }
}

Tensor& LayerParameters::bias(Projection projection) {
  switch (projection) {
    case Projection::kQkv:
      return qkv_bias_Q;
    case Projection::kOutput:
      return output_bias_H;
    default:
      return no_bias_;
  }
}

ParameterLayout::ParameterLayout(const ModelConfig& config, ModelPart part) : part_(part) {
  const int64_t hidden = config->hidden_size;
  const int64_t intermediate = config->intermediate_size;
  const auto projection = [&](const std::string& name, int64_t rows, int64_t columns) {
    if (part != ModelPart::kOthers) add(name, rows, columns);
  };
  const auto other = [&](const std::string& name, int64_t rows, int64_t columns) {
    if (part != ModelPart::kProjections) add(name, rows, columns);
  };
  begin_unit(kEmbeddingUnit);
  other("model.embed_tokens.weight", config->vocab_size, hidden);
  for (int64_t layer = 0; layer < config->num_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    align();
    begin_unit(layer);
    other(prefix + "input_layernorm.weight", hidden, 0);
    align();
    projection(prefix + "self_attn.q_proj.weight", config.query_size(), hidden);
    projection(prefix + "self_attn.k_proj.weight", config.key_size(), hidden);
    projection(prefix + "self_attn.v_proj.weight", config.key_size(), hidden);
    if (config->qkv_bias != 0) {
      align();
      other(prefix + "self_attn.q_proj.bias", config.query_size(), 0);
      other(prefix + "self_attn.k_proj.bias", config.key_size(), 0);
      other(prefix + "self_attn.v_proj.bias", config.key_size(), 0);
    }
    if (config->qk_norm != 0) {
      align();
      other(prefix + "self_attn.q_norm.weight", config->head_dim, 0);
      align();
      other(prefix + "self_attn.k_norm.weight", config->head_dim, 0);
    }
    align();
    projection(prefix + "self_attn.o_proj.weight", hidden, config.query_size());
    if (config->output_bias != 0) {
      align();
      other(prefix + "self_attn.o_proj.bias", hidden, 0);
    }
    align();
    other(prefix + "post_attention_layernorm.weight", hidden, 0);
    align();
    projection(prefix + "mlp.gate_proj.weight", intermediate, hidden);
    projection(prefix + "mlp.up_proj.weight", intermediate, hidden);
    align();
    projection(prefix + "mlp.down_proj.weight", hidden, intermediate);
  }
  align();
  begin_unit(head_unit(config->num_layers));
  other("model.norm.weight", hidden, 0);
  if (config->tie_embeddings == 0) {
    align();
    other("lm_head.weight", config->vocab_size, hidden);
  }
  align();
}

int64_t ParameterLayout::find(const std::string& name) const {
  const auto found =
      std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& p) { return p.name == name; });
  return found == parameters_.end() ? -1 : found - parameters_.begin();
}

void ParameterLayout::add(std::string name, int64_t rows, int64_t columns) {
  parameters_.push_back({std::move(name), rows, columns, size_, unit_});
  size_ += parameters_.back().size();
}

void ParameterLayout::align() { size_ = at::round_up(size_, kAlignment); }

FlatMemory memory_of(const Tensor& flat) {
  return [flat](int64_t offset, int64_t count) { return flat.narrow(0, offset, count); };
}

DecoderParameters view_parameters(const ModelConfig& config, const ParameterLayout& layout, const FlatMemory& memory) {
  Viewer viewer(layout, memory);
  const auto projection = [&](int64_t num_fused) {
    return layout.part() == ModelPart::kOthers ? Tensor() : viewer.next(num_fused);
  };
  const auto other = [&](int64_t num_fused = 1) {
    return layout.part() == ModelPart::kProjections ? Tensor() : viewer.next(num_fused);
  };
  DecoderParameters parameters;
  parameters.embedding_VH = other();
  for (int64_t i = 0; i < config->num_layers; ++i) {
    LayerParameters layer;
    layer.input_norm_H = other();
    layer.qkv_QH = projection(3);
    if (config->qkv_bias != 0) layer.qkv_bias_Q = other(3);
    if (config->qk_norm != 0) {
      layer.query_norm_D = other();
      layer.key_norm_D = other();
    }
    layer.output_HA = projection(1);
    if (config->output_bias != 0) layer.output_bias_H = other();
    layer.post_norm_H = other();
    layer.gate_up_2IH = projection(2);
    layer.down_HI = projection(1);
    parameters.layers.push_back(std::move(layer));
  }
  parameters.norm_H = other();
  parameters.head_VH = config->tie_embeddings != 0 ? parameters.embedding_VH : other();
  return parameters;
}

}  // namespace mmpo
