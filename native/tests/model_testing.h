// Models and batches for tests: the golden tiny Llamas from disk, and random ones of any shape.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "model/model.h"
#include "shared.h"
#include "test_device.h"

namespace mmpo::testing {

// A safetensors file read whole, as mmpo_model_create wants it.
class WeightFile {
 public:
  explicit WeightFile(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    uint64_t header_size = 0;
    std::memcpy(&header_size, bytes_.data(), sizeof(header_size));
    header_ = nlohmann::json::parse(bytes_.begin() + 8, bytes_.begin() + 8 + static_cast<int64_t>(header_size));
    for (auto& [name, entry] : header_.items()) {
      if (name == "__metadata__") continue;
      const auto shape = entry["shape"].get<std::vector<int64_t>>();
      mmpo_tensor tensor{};
      names_.push_back(std::make_unique<std::string>(name));
      tensor.name = names_.back()->c_str();
      tensor.data = bytes_.data() + 8 + header_size + entry["data_offsets"][0].get<uint64_t>();
      tensor.num_dims = static_cast<int32_t>(shape.size());
      for (size_t i = 0; i < shape.size(); ++i) tensor.shape[i] = shape[i];
      tensor.dtype = entry["dtype"] == "F32" ? MMPO_FLOAT32 : MMPO_BFLOAT16;
      tensors_.push_back(tensor);
    }
  }

  const std::vector<mmpo_tensor>& tensors() const { return tensors_; }

 private:
  std::vector<char> bytes_;
  nlohmann::json header_;
  std::vector<std::unique_ptr<std::string>> names_;
  std::vector<mmpo_tensor> tensors_;
};

// config.json of transformers 5 with the parts that the tiny models use.
inline mmpo_model_config read_config(const nlohmann::json& json) {
  mmpo_model_config config{};
  config.vocab_size = json["vocab_size"];
  config.hidden_size = json["hidden_size"];
  config.intermediate_size = json["intermediate_size"];
  config.num_layers = json["num_hidden_layers"];
  config.num_heads = json["num_attention_heads"];
  config.num_kv_heads = json["num_key_value_heads"];
  config.head_dim = json.value("head_dim", config.hidden_size / config.num_heads);
  config.max_positions = json["max_position_embeddings"];
  config.rms_norm_eps = json["rms_norm_eps"];
  config.tie_embeddings = json["tie_word_embeddings"].get<bool>() ? 1 : 0;
  const auto& rope = json["rope_parameters"];
  config.rope_theta = rope["rope_theta"];
  if (rope["rope_type"] == "llama3") {
    config.rope_type = MMPO_ROPE_LLAMA3;
    config.rope_factor = rope["factor"];
    config.rope_low_freq_factor = rope["low_freq_factor"];
    config.rope_high_freq_factor = rope["high_freq_factor"];
    config.rope_original_max_positions = rope["original_max_position_embeddings"];
  } else if (rope["rope_type"] == "linear") {
    config.rope_type = MMPO_ROPE_LINEAR;
    config.rope_factor = rope["factor"];
  } else if (rope["rope_type"] == "yarn") {
    config.rope_type = MMPO_ROPE_YARN;
    config.rope_factor = rope["factor"];
    config.rope_original_max_positions = rope["original_max_position_embeddings"];
    config.rope_attention_factor = 0.1 * std::log(config.rope_factor) + 1;
    config.rope_beta_fast = rope["beta_fast"];
    config.rope_beta_slow = rope["beta_slow"];
    config.rope_truncate = 1;
  }
  config.qk_norm = json["model_type"] == "qwen3" ? 1 : 0;
  if (json["model_type"] == "mistral") config.sliding_window = json["sliding_window"];
  return config;
}

// mmpo_model_config.layers of the same file.
inline std::vector<int32_t> read_layers(const nlohmann::json& json) {
  std::vector<int32_t> layers(json["num_hidden_layers"].get<size_t>(),
                              json["model_type"] == "mistral" ? MMPO_LAYER_SLIDING : 0);
  if (!json.contains("no_rope_layers")) return layers;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (json["no_rope_layers"][i] == 0) layers[i] |= MMPO_LAYER_UNROTATED;
  }
  return layers;
}

// A model of shared/golden, by its directory there.
inline std::unique_ptr<Model> load_golden(const std::string& name, at::ScalarType dtype = at::kFloat) {
  const auto directory = shared_directory() / "golden" / name;
  std::ifstream file(directory / "config.json");
  const auto json = nlohmann::json::parse(file);
  mmpo_model_config config = read_config(json);
  const std::vector<int32_t> layers = read_layers(json);
  config.layers = layers.data();
  const WeightFile weights(directory / "model.safetensors");
  return std::make_unique<Model>(ModelConfig(config), weights.tensors(), dtype, test_device());
}

inline std::unique_ptr<Model> load_tiny_llama(const std::string& variant, at::ScalarType dtype = at::kFloat) {
  return load_golden("tiny_llama/" + variant, dtype);
}

// A set of modules, by mmpo_module.
inline constexpr int32_t module_set(std::initializer_list<int32_t> modules) {
  int32_t set = 0;
  for (const int32_t module : modules) set |= 1 << module;
  return set;
}
inline constexpr int32_t kAllLinear = 127;

// An adapter of one rank and scaling on the same modules of every layer.
struct UniformLora {
  int64_t rank;
  double scaling;
  double dropout;
  uint64_t seed;
  int32_t targets = kAllLinear;  // module_set
  int32_t whole = 0;
};

inline std::vector<mmpo_lora_module> modules_of(const UniformLora& lora, int64_t num_layers) {
  std::vector<mmpo_lora_module> modules;
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    for (int32_t module = MMPO_MODULE_Q; module <= MMPO_MODULE_DOWN; ++module) {
      if ((lora.targets & 1 << module) != 0) modules.push_back({layer, lora.rank, lora.scaling, module});
    }
  }
  return modules;
}

inline void set_adapter(Model& model, const UniformLora& lora, std::span<const mmpo_tensor> weights = {}) {
  const std::vector<mmpo_lora_module> modules = modules_of(lora, model.decoder().config()->num_layers);
  model.set_adapter({modules.data(), static_cast<int64_t>(modules.size()), lora.dropout, lora.seed, lora.whole},
                    weights);
}

// Gives the model that load_tiny_llama(variant) loads the golden adapter: r 4, alpha 8, all linear modules.
inline void add_golden_adapter(Model& model, const std::string& variant) {
  const WeightFile weights(shared_directory() / "golden" / "tiny_llama" / (variant + "_lora") /
                           "adapter_model.safetensors");
  set_adapter(model, {4, 2.0, 0, 0}, weights.tensors());
}

// A small model with random weights, biases included: what the golden ones do not have.
inline mmpo_model_config random_config() {
  mmpo_model_config config{};
  config.vocab_size = 131;
  config.hidden_size = 40;
  config.intermediate_size = 52;
  config.num_layers = 2;
  config.num_heads = 6;
  config.num_kv_heads = 2;
  config.head_dim = 10;
  config.max_positions = 1024;
  config.rms_norm_eps = 1e-6;
  config.rope_theta = 10000;
  config.qkv_bias = 1;
  config.output_bias = 1;
  return config;
}

// What Llama does not have: heads that are normalised, a window, a layer without rotation.
inline mmpo_model_config unlike_llama() {
  static constexpr int32_t layers[] = {MMPO_LAYER_SLIDING, MMPO_LAYER_SLIDING | MMPO_LAYER_UNROTATED, 0};
  mmpo_model_config config = random_config();
  config.num_layers = 3;
  config.layers = layers;
  config.sliding_window = 11;
  config.qk_norm = 1;
  return config;
}

// Wide enough that every kernel shares its rows out and that every matrix has 8-bit moments.
inline mmpo_model_config wide_config() {
  mmpo_model_config wide = random_config();
  wide.vocab_size = 1000;
  wide.hidden_size = 192;
  wide.intermediate_size = 320;
  return wide;
}

// Of sizes that GPUs multiply in fp8.
inline mmpo_model_config even_config() {
  mmpo_model_config even = wide_config();
  even.head_dim = 16;
  return even;
}

// Every parameter of a config as mmpo_model_create wants it, with the memory behind it.
class RandomWeights {
 public:
  RandomWeights(const mmpo_model_config& settings, uint64_t seed, at::ScalarType dtype = at::kFloat)
      : layout_(ModelConfig(settings)) {
    at::manual_seed(seed);
    for (const Parameter& parameter : layout_.parameters()) {
      memory_.push_back(at::randn({parameter.size()}) * 0.2);
      if (parameter.name.ends_with("norm.weight")) memory_.back() += 1;
      memory_.back() = memory_.back().to(dtype);
      tensors_.push_back({parameter.name.c_str(),
                          memory_.back().const_data_ptr(),
                          {parameter.rows, parameter.columns},
                          parameter.columns == 0 ? 1 : 2,
                          dtype == at::kBFloat16 ? MMPO_BFLOAT16 : MMPO_FLOAT32});
    }
  }

  // Both may be changed.
  std::vector<mmpo_tensor>& tensors() { return tensors_; }
  Tensor& values(size_t index) { return memory_[index]; }

 private:
  ParameterLayout layout_;
  std::vector<Tensor> memory_;
  std::vector<mmpo_tensor> tensors_;
};

inline std::unique_ptr<Model> random_model(const mmpo_model_config& settings, uint64_t seed,
                                           at::ScalarType dtype = at::kFloat, WeightForm form = WeightForm::kPlain) {
  RandomWeights weights(settings, seed);
  return std::make_unique<Model>(ModelConfig(settings), weights.tensors(), dtype, test_device(), nullptr, form);
}

// Groups of a prompt and completions, with the memory of an mmpo_batch.
class BatchBuilder {
 public:
  using Tokens = std::vector<int32_t>;

  void add(const Tokens& prompt, const std::vector<Tokens>& completions) {
    tokens_.insert(tokens_.end(), prompt.begin(), prompt.end());
    prompt_lengths_.push_back(static_cast<int32_t>(prompt.size()));
    group_sizes_.push_back(static_cast<int32_t>(completions.size()));
    for (const Tokens& completion : completions) {
      tokens_.insert(tokens_.end(), completion.begin(), completion.end());
      completion_lengths_.push_back(static_cast<int32_t>(completion.size()));
    }
  }

  void set_preamble(const Tokens& preamble) { preamble_ = preamble; }

  void add_pair(const nlohmann::json& pair) {
    add(pair["prompt_ids"].get<Tokens>(), {pair["chosen_ids"].get<Tokens>(), pair["rejected_ids"].get<Tokens>()});
  }

  mmpo_batch batch() const {
    return {tokens_.data(),
            prompt_lengths_.data(),
            group_sizes_.data(),
            completion_lengths_.data(),
            static_cast<int64_t>(tokens_.size()),
            static_cast<int64_t>(prompt_lengths_.size()),
            static_cast<int64_t>(completion_lengths_.size()),
            preamble_.data(),
            static_cast<int64_t>(preamble_.size())};
  }

 private:
  Tokens preamble_, tokens_, prompt_lengths_, group_sizes_, completion_lengths_;
};

inline BatchBuilder::Tokens random_tokens(size_t count, int64_t vocab_size) {
  const Tensor tokens = at::randint(0, vocab_size, {static_cast<int64_t>(count)}, at::kInt);
  return {tokens.const_data_ptr<int32_t>(), tokens.const_data_ptr<int32_t>() + count};
}

// Log-probabilities of every completion token, [completion][token].
inline std::vector<std::vector<float>> token_logps(Model& model, const mmpo_batch& batch) {
  const std::vector<float> all = model.score(batch).token_logps;
  std::vector<std::vector<float>> values;
  for (auto first = all.begin(); first != all.end(); first = values.back().size() + first) {
    values.emplace_back(first, first + batch.completion_lengths[values.size()]);
  }
  return values;
}

inline mmpo_objective objective(int32_t loss, double beta) {
  mmpo_objective settings{};
  settings.ld_alpha = 1;
  settings.losses[0] = loss;
  settings.loss_weights[0] = 1;
  settings.num_losses = 1;
  settings.label_smoothing = loss == MMPO_LOSS_EXO_PAIR ? 0.1 : 0;
  settings.discopop_tau = 0.05;
  settings.beta = beta;
  settings.scale = 1;
  settings.reward_epsilon = 0.9;
  settings.aux_weight = 1;
  settings.normalize = 1;
  settings.score_rejected = 1;
  settings.gamma = 1;
  return settings;
}

}  // namespace mmpo::testing
