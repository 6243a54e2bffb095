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

ParameterLayout::ParameterLayout(const ModelConfig& config) {
  const int64_t hidden = config->hidden_size;
  const int64_t intermediate = config->intermediate_size;
  begin_unit(kEmbeddingUnit);
  add("model.embed_tokens.weight", config->vocab_size, hidden);
  for (int64_t layer = 0; layer < config->num_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    align();
    begin_unit(layer);
    add(prefix + "input_layernorm.weight", hidden, 0);
    align();
    add(prefix + "self_attn.q_proj.weight", config.query_size(), hidden);
    add(prefix + "self_attn.k_proj.weight", config.key_size(), hidden);
    add(prefix + "self_attn.v_proj.weight", config.key_size(), hidden);
    if (config->qkv_bias != 0) {
      align();
      add(prefix + "self_attn.q_proj.bias", config.query_size(), 0);
      add(prefix + "self_attn.k_proj.bias", config.key_size(), 0);
      add(prefix + "self_attn.v_proj.bias", config.key_size(), 0);
    }
    if (config->qk_norm != 0) {
      align();
      add(prefix + "self_attn.q_norm.weight", config->head_dim, 0);
      align();
      add(prefix + "self_attn.k_norm.weight", config->head_dim, 0);
    }
    align();
    add(prefix + "self_attn.o_proj.weight", hidden, config.query_size());
    if (config->output_bias != 0) {
      align();
      add(prefix + "self_attn.o_proj.bias", hidden, 0);
    }
    align();
    add(prefix + "post_attention_layernorm.weight", hidden, 0);
    align();
    add(prefix + "mlp.gate_proj.weight", intermediate, hidden);
    add(prefix + "mlp.up_proj.weight", intermediate, hidden);
    align();
    add(prefix + "mlp.down_proj.weight", hidden, intermediate);
  }
  align();
  begin_unit(head_unit(config->num_layers));
  add("model.norm.weight", hidden, 0);
  if (config->tie_embeddings == 0) {
    align();
    add("lm_head.weight", config->vocab_size, hidden);
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
  DecoderParameters parameters;
  parameters.embedding_VH = viewer.next();
  for (int64_t i = 0; i < config->num_layers; ++i) {
    LayerParameters layer;
    layer.input_norm_H = viewer.next();
    layer.qkv_QH = viewer.next(3);
    if (config->qkv_bias != 0) layer.qkv_bias_Q = viewer.next(3);
    if (config->qk_norm != 0) {
      layer.query_norm_D = viewer.next();
      layer.key_norm_D = viewer.next();
    }
    layer.output_HA = viewer.next();
    if (config->output_bias != 0) layer.output_bias_H = viewer.next();
    layer.post_norm_H = viewer.next();
    layer.gate_up_2IH = viewer.next(2);
    layer.down_HI = viewer.next();
    parameters.layers.push_back(std::move(layer));
  }
  parameters.norm_H = viewer.next();
  parameters.head_VH = config->tie_embeddings != 0 ? parameters.embedding_VH : viewer.next();
  return parameters;
}

}  // namespace mmpo
