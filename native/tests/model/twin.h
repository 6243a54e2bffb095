// The decoder's twin: the same model written with ATen's plain operations in double, one sequence at a time, and
// differentiated by autograd. It shares nothing with the engine but the weights. And groups of random tokens for both.
#pragma once

#include <functional>
#include <map>

#include "kernels/kernel_testing.h"
#include "model_testing.h"

namespace mmpo::testing {

class Twin {
 public:
  using Tokens = BatchBuilder::Tokens;
  // What a module adds to weight and bias: [T, N] from its name ("model.layers.0.mlp.up_proj") and its input [T, K].
  using Addition = std::function<Tensor(const std::string& module, const Tensor& x)>;

  explicit Twin(const Model& model) : layers_(model.decoder().config()), config_(*layers_) {
    add(model.decoder().layout(), model.decoder().flat().cpu());
    if (config_.tie_embeddings != 0) head_ = embedding_;
    const Adapter* adapter = model.decoder().adapter();
    if (adapter == nullptr) return;
    add(adapter->layout(), adapter->flat().cpu());
    const WholeMatrices& whole = adapter->whole();
    if (whole.head_VH.defined()) head_ = "base_model.model.lm_head.weight";
    if (whole.embedding_VH.defined()) embedding_ = "base_model.model.model.embed_tokens.weight";
    if (whole.head_VH.defined() && !has_parameter(head_)) head_ = embedding_;  // one matrix is both
  }

  void set_addition(Addition addition) { addition_ = std::move(addition); }
  bool has_parameter(const std::string& name) const { return parameters_.contains(name); }

  const Tensor& parameter(const std::string& name) const { return parameters_.at(name); }

  // Log-probability of each token of a completion after its prompt.
  Tensor token_logps(const Tokens& prompt, const Tokens& completion) const {
    Tokens sequence = prompt;
    sequence.insert(sequence.end(), completion.begin(), completion.end());
    const Tensor tokens = at::tensor(sequence, at::kLong);
    const auto length = static_cast<int64_t>(completion.size());
    const Tensor predicting = hidden(tokens).slice(0, static_cast<int64_t>(prompt.size()) - 1, -1);
    const Tensor& head = parameter(head_);
    const Tensor targets = tokens.slice(0, static_cast<int64_t>(prompt.size())).unsqueeze(1);
    return predicting.mm(head.t()).log_softmax(-1).gather(1, targets).view({length});
  }

 private:
  void add(const ParameterLayout& layout, const Tensor& flat) {
    for (const Parameter& parameter : layout.parameters()) {
      Tensor values = flat.narrow(0, parameter.offset, parameter.size());
      if (parameter.columns != 0) values = values.view({parameter.rows, parameter.columns});
      parameters_[parameter.name] = oracle(values);
    }
  }

  Tensor hidden(const Tensor& tokens) const {
    Tensor x = parameter(embedding_).index({tokens});
    for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
      const std::string prefix = "model.layers." + std::to_string(layer) + ".";
      x = x + attention(layer, norm(x, prefix + "input_layernorm"), prefix + "self_attn.");
      const Tensor y = norm(x, prefix + "post_attention_layernorm");
      x = x + linear(at::silu(linear(y, prefix + "mlp.gate_proj")) * linear(y, prefix + "mlp.up_proj"),
                     prefix + "mlp.down_proj");
    }
    return norm(x, "model.norm");
  }

  Tensor attention(int64_t layer, const Tensor& x, const std::string& prefix) const {
    const int64_t length = x.size(0);
    const int64_t repeats = config_.num_heads / config_.num_kv_heads;
    const auto heads = [&](const std::string& name, int64_t count) {
      return linear(x, prefix + name).view({length, count, config_.head_dim}).transpose(0, 1);
    };
    const auto prepared = [&](Tensor heads_NTD, const std::string& name) {
      if (config_.qk_norm != 0) heads_NTD = norm(heads_NTD, prefix + name);
      return layers_.rotates(layer) ? rotate(heads_NTD) : heads_NTD;
    };
    const Tensor q = prepared(heads("q_proj", config_.num_heads), "q_norm");
    const Tensor k = prepared(heads("k_proj", config_.num_kv_heads), "k_norm").repeat_interleave(repeats, 0);
    const Tensor v = heads("v_proj", config_.num_kv_heads).repeat_interleave(repeats, 0);
    const Tensor all = at::ones({length, length}, at::kBool);
    const int64_t window = layers_.window(layer);
    const Tensor unseen = window == 0 ? all.triu(1) : all.triu(1).logical_or(all.tril(-window));
    const Tensor scores = q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(config_.head_dim));
    const Tensor out = scores.masked_fill(unseen, -INFINITY).softmax(-1).matmul(v);
    return linear(out.transpose(0, 1).flatten(1), prefix + "o_proj");
  }

  // Frequencies and angles are float32, as transformers has them; the rest is double. x: [N, T, D].
  Tensor rotate(const Tensor& x) const {
    const Tensor exponents = at::arange(0, config_.head_dim, 2, at::kFloat) / config_.head_dim;
    const Tensor frequencies = at::pow(at::scalar_tensor(config_.rope_theta, at::kFloat), exponents).reciprocal();
    const Tensor angles = at::outer(at::arange(x.size(1), at::kFloat), frequencies).to(at::kDouble);
    const Tensor cos = at::cat({angles, angles}, 1).cos();
    const Tensor sin = at::cat({angles, angles}, 1).sin();
    const auto halves = x.chunk(2, -1);
    return x * cos + at::cat({-halves[1], halves[0]}, -1) * sin;
  }

  Tensor norm(const Tensor& x, const std::string& name) const {
    return x * at::rsqrt(x.square().mean(-1, true) + config_.rms_norm_eps) * parameter(name + ".weight");
  }

  Tensor linear(const Tensor& x, const std::string& name) const {
    Tensor product = x.mm(parameter(name + ".weight").t());
    const auto bias = parameters_.find(name + ".bias");
    if (bias != parameters_.end()) product = product + bias->second;
    return addition_ ? product + addition_(name, x) : product;
  }

  ModelConfig layers_;
  mmpo_model_config config_;
  std::string embedding_ = "model.embed_tokens.weight";
  std::string head_ = "lm_head.weight";
  std::map<std::string, Tensor> parameters_;
  Addition addition_;
};

struct Group {
  using Tokens = BatchBuilder::Tokens;
  Tokens prompt;
  std::vector<Tokens> completions;
};

// Prompts of 1 and more tokens; 1, 2 and 5 completions a prompt, some of one token.
inline std::vector<Group> random_groups(int64_t vocab_size) {
  const std::vector<std::pair<size_t, std::vector<size_t>>> lengths = {
      {7, {5}}, {1, {3, 1}}, {66, {1, 9, 70, 2, 1}}, {20, {1}}, {5, {65, 4}}};
  std::vector<Group> groups;
  for (const auto& [prompt, completions] : lengths) {
    Group group{random_tokens(prompt, vocab_size), {}};
    for (const size_t length : completions) group.completions.push_back(random_tokens(length, vocab_size));
    groups.push_back(group);
  }
  return groups;
}

inline BatchBuilder packed(const std::vector<Group>& groups) {
  BatchBuilder builder;
  for (const Group& group : groups) builder.add(group.prompt, group.completions);
  return builder;
}

inline double relative_difference(const Tensor& found, const Tensor& expected) {
  const Tensor reference = expected.to(at::kDouble).flatten();
  return ((found.to(at::kDouble).flatten() - reference).norm() / reference.norm()).item<double>();
}

}  // namespace mmpo::testing
