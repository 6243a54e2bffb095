// Times training steps of a shape with random weights, on pairs of given lengths: the core's side of bench/gpu/run.
//
//   training_step LENGTHS key=value ...      keys: see settings below; prints one JSON object
//
// LENGTHS: a file of lines "prompt chosen rejected". Reference log-probabilities are given, as they are in training. Before anything
// is timed, the first batch's log-probabilities without dropout and its gradient's norm are taken, to be compared with those of
// bench/gpu/torch_step.py, which has the same weights and tokens; then all timed pairs are gone through once.
#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "common/cuda_runtime.h"
#include "common/device.h"
#include "random_weights.h"
#include "timed_steps.h"
#include "train/trainer.h"

namespace {

struct Lengths {
  int32_t prompt, chosen, rejected;
};

std::vector<Lengths> read_lengths(const std::string& path) {
  std::ifstream file(path);
  std::vector<Lengths> pairs;
  for (std::string line; std::getline(file, line);) {
    Lengths pair{};
    if (!line.starts_with('#') && std::istringstream(line) >> pair.prompt >> pair.chosen >> pair.rejected) {
      pairs.push_back(pair);
    }
  }
  if (pairs.empty()) throw std::runtime_error(path + " holds no lengths of pairs");
  return pairs;
}

// Every key with its default; an unknown one is an error.
std::map<std::string, std::string> settings(int argc, char** argv) {
  std::map<std::string, std::string> values{{"device", "cpu"},       {"dtype", "bf16"},
                                            {"vocab", "512"},        {"hidden", "128"},
                                            {"intermediate", "320"}, {"layers", "2"},
                                            {"heads", "4"},          {"kv_heads", "2"},
                                            {"head_dim", "32"},      {"tied", "1"},
                                            {"lora_r", "0"},         {"lora_targets", "127"},
                                            {"optimizer", "adamw"},  {"recompute", "selective"},
                                            {"loss", "dpo"},         {"batch", "2"},
                                            {"steps", "4"},          {"slice_tokens", "0"}};
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || !values.contains(argument.substr(0, equals))) {
      throw std::runtime_error("unknown setting " + argument);
    }
    values[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  return values;
}

class Settings {
 public:
  Settings(int argc, char** argv) : values_(settings(argc, argv)) {}
  const std::string& text(const std::string& key) const { return values_.at(key); }
  int64_t number(const std::string& key) const { return std::stoll(values_.at(key)); }

 private:
  std::map<std::string, std::string> values_;
};

mmpo_model_config model_config(const Settings& s) {
  mmpo_model_config config{};
  config.vocab_size = s.number("vocab");
  config.hidden_size = s.number("hidden");
  config.intermediate_size = s.number("intermediate");
  config.num_layers = s.number("layers");
  config.num_heads = s.number("heads");
  config.num_kv_heads = s.number("kv_heads");
  config.head_dim = s.number("head_dim");
  config.max_positions = 8192;
  config.rms_norm_eps = 1e-5;
  config.rope_theta = 500000;
  config.tie_embeddings = s.number("tied") != 0 ? 1 : 0;
  return config;
}

std::unique_ptr<mmpo::Model> random_model(const Settings& s, at::Device device) {
  const mmpo::ModelConfig config(model_config(s));
  const mmpo::ParameterLayout layout(config);
  const auto dtype = s.text("dtype") == "bf16" ? at::kBFloat16 : at::kFloat;
  auto model = std::make_unique<mmpo::Model>(config, RandomWeights(layout).tensors(), dtype, device);
  if (s.number("lora_r") > 0) {
    std::vector<mmpo_lora_module> modules;
    for (int64_t layer = 0; layer < config->num_layers; ++layer) {
      for (int32_t module = MMPO_MODULE_Q; module <= MMPO_MODULE_DOWN; ++module) {
        if ((s.number("lora_targets") >> module & 1) != 0) modules.push_back({layer, s.number("lora_r"), 2.0, module});
      }
    }
    const mmpo_lora_config lora{modules.data(), static_cast<int64_t>(modules.size()), 0.05, 7, 0};
    // The names and shapes of its parameters; none is drawn, so that B is not zero.
    const mmpo::Adapter drawn(config, lora, dtype, at::kCPU);
    model->set_adapter(lora, RandomWeights(drawn.layout()).tensors());
  }
  return model;
}

struct Batch {
  std::vector<int32_t> tokens, prompt_lengths, group_sizes, completion_lengths;
  std::vector<double> ref_logps;

  // The pairs from first on, beginning anew after the last.
  Batch(const std::vector<Lengths>& pairs, int64_t first, int64_t count, int64_t vocab) {
    for (int64_t i = 0; i < count; ++i) add(pairs[static_cast<size_t>(first + i) % pairs.size()], vocab);
  }

  void add(const Lengths& pair, int64_t vocab) {
    prompt_lengths.push_back(pair.prompt);
    group_sizes.push_back(2);
    completion_lengths.insert(completion_lengths.end(), {pair.chosen, pair.rejected});
    for (int32_t i = 0; i < pair.prompt + pair.chosen + pair.rejected; ++i) {
      tokens.push_back(static_cast<int32_t>((int64_t{48271} * static_cast<int64_t>(tokens.size() + 1)) % vocab));
    }
    // About what a model that knows nothing gives.
    ref_logps.insert(ref_logps.end(), {-11.0 * pair.chosen, -11.0 * pair.rejected});
  }

  mmpo_batch view() const {
    return {tokens.data(),
            prompt_lengths.data(),
            group_sizes.data(),
            completion_lengths.data(),
            static_cast<int64_t>(tokens.size()),
            static_cast<int64_t>(prompt_lengths.size()),
            static_cast<int64_t>(completion_lengths.size()),
            nullptr,
            0};
  }
};

std::string joined(const std::vector<double>& values) {
  std::ostringstream text;
  text.precision(9);
  for (size_t i = 0; i < values.size(); ++i) text << (i > 0 ? ", " : "") << values[i];
  return text.str();
}

int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

void run(int argc, char** argv) {
  if (argc < 2) throw std::runtime_error("a file of lengths is wanted");
  const std::vector<Lengths> pairs = read_lengths(argv[1]);
  const Settings s(argc, argv);
  const at::Device device = mmpo::device_of(s.text("device") == "cuda" ? MMPO_CUDA : MMPO_CPU);
  const std::unique_ptr<mmpo::Model> model = random_model(s, device);
  const std::map<std::string, int32_t> recompute{
      {"none", MMPO_RECOMPUTE_NONE}, {"selective", MMPO_RECOMPUTE_SELECTIVE}, {"full", MMPO_RECOMPUTE_FULL}};
  mmpo_optimizer_config optimizer{0.9, 0.999, 1e-8, 0, recompute.at(s.text("recompute")), MMPO_ADAMW, 0};
  if (s.text("optimizer") == "adamw_8bit") optimizer.optimizer = MMPO_ADAMW_8BIT;
  // 0: what the device has by default.
  const int64_t slice_tokens = s.number("slice_tokens");
  if (slice_tokens > 0) model->set_slice_tokens(slice_tokens);
  mmpo::Trainer trainer(*model, optimizer);
  mmpo_objective objective{};
  objective.ld_alpha = 1;
  objective.losses[0] = s.text("loss") == "mmpo" ? MMPO_LOSS_MMPO : MMPO_LOSS_DPO;
  objective.loss_weights[0] = 1;
  objective.num_losses = 1;
  objective.beta = 0.1;
  objective.reward_epsilon = 0.9;
  objective.aux_weight = 1;
  objective.normalize = 1;
  objective.scale = 1.0 / static_cast<double>(s.number("batch"));
  const int64_t num_steps = s.number("steps");
  const int64_t batch_size = s.number("batch");
  // Returns the gradient's norm.
  const auto step = [&](int64_t number, double learning_rate) {
    const Batch batch(pairs, number * batch_size, batch_size, s.number("vocab"));
    const mmpo_batch view = batch.view();
    trainer.accumulate(view, {objective, view, batch.ref_logps, std::nullopt});
    return trainer.step(learning_rate, 1.0);
  };
  const std::string logps = joined(model->score(Batch(pairs, 0, batch_size, s.number("vocab")).view()).logps);
  const double grad_norm = step(0, 0);
  // An update that changes nothing waits for the device.
  const double seconds =
      seconds_of(num_steps, [&](int64_t number) { step(number, 1e-6); }, [&] { trainer.step(0, 0); });
  const int64_t peak = device.is_cpu() ? peak_resident_bytes() : mmpo::peak_bytes(device);
  std::printf(
      "{\"seconds\": %.6f, \"pairs\": %ld, \"peak_bytes\": %ld, \"grad_norm\": %.9g, \"logps\": [%s], "
      "\"attention\": \"%s\"}\n",
      seconds, static_cast<long>(num_steps * batch_size), static_cast<long>(peak), grad_norm, logps.c_str(),
      mmpo::describe_attention(device, model->decoder().dtype(), model->decoder().attention_shape(0)));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "training_step: " << error.what() << '\n';
    return 1;
  }
}
