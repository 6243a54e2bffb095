// Seconds of generation, beside what the machine allows: a model of SmolLM2-135M's shape with random weights. The core's side of
// bench/eval/generate.
//
//   generation float32|bfloat16 PROMPTS TOKENS BATCH_SIZE...
//
// PROMPTS: a file of prompts, a line of token ids each. Every answer has so many TOKENS, drawn greedily. Printed is one JSON object: bytes a
// second that all threads read of an array larger than caches; operations (a product is two, with its sum) a second of a large matrix
// product; and of each batch size the seconds of all prompts, of a decoding step of that many sequences (from the best of three rounds), and of what limits the step: the larger
// of the weights' bytes at the one rate and the products with them at the other.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "generate/generator.h"
#include "kernels/gemm.h"
#include "random_weights.h"

namespace {

using Clock = std::chrono::steady_clock;

// Of one batch: the first has its memory made by the system, and every one is disturbed by what else runs.
constexpr int kRounds = 3;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The best of some rounds.
template <typename Body>
double best_seconds(int rounds, const Body& body) {
  double best = 1e9;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    body();
    best = std::min(best, seconds_since(start));
  }
  return best;
}

// Sums of 512 MB of integers, more than caches hold.
double read_bytes_per_second() {
  const at::Tensor array = at::ones({int64_t{1} << 26}, at::kLong);
  const int64_t* values = array.const_data_ptr<int64_t>();
  std::atomic<int64_t> total{0};
  const double seconds = best_seconds(5, [&] {
    at::parallel_for(0, array.numel(), 1 << 20, [&](int64_t begin, int64_t end) {
      int64_t sums[32] = {};
      for (int64_t i = begin; i + 32 <= end; i += 32) {
        for (int64_t j = 0; j < 32; ++j) sums[j] += values[i + j];
      }
      for (const int64_t sum : sums) total += sum;
    });
  });
  if (total != 5 * array.numel()) throw std::runtime_error("the sums are wrong");
  return static_cast<double>(array.nbytes()) / seconds;
}

double operations_per_second(at::ScalarType dtype) {
  constexpr int64_t kSide = 2048;
  const at::Tensor a = at::randn({kSide, kSide}).to(dtype);
  const at::Tensor b = at::randn({kSide, kSide}).to(dtype);
  at::Tensor c = at::empty({kSide, kSide}, a.options());
  mmpo::Workspace workspace;
  const double seconds = best_seconds(6, [&] { mmpo::gemm(a, b.t(), {}, workspace, c); });
  return 2.0 * kSide * kSide * kSide / seconds;
}

mmpo_model_config smollm2() {
  mmpo_model_config config{};
  config.vocab_size = 49152;
  config.hidden_size = 576;
  config.intermediate_size = 1536;
  config.num_layers = 30;
  config.num_heads = 9;
  config.num_kv_heads = 3;
  config.head_dim = 64;
  config.max_positions = 8192;
  config.rms_norm_eps = 1e-5;
  config.rope_theta = 100000;
  config.tie_embeddings = 1;
  return config;
}

using Prompts = std::vector<std::vector<int32_t>>;

Prompts read_prompts(const std::string& path) {
  std::ifstream file(path);
  Prompts prompts;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::vector<int32_t>& prompt = prompts.emplace_back();
    for (int32_t token = 0; words >> token;) prompt.push_back(token);
  }
  if (prompts.empty()) throw std::runtime_error(path + " holds no prompts");
  return prompts;
}

void answer(mmpo::Model& model, std::span<const std::vector<int32_t>> prompts, int64_t batch_size, int64_t num_tokens) {
  std::vector<int32_t> tokens, lengths;
  for (const std::vector<int32_t>& prompt : prompts) {
    tokens.insert(tokens.end(), prompt.begin(), prompt.end());
    lengths.push_back(static_cast<int32_t>(prompt.size()));
  }
  const mmpo_sampling greedy{.temperature = 0, .top_p = 1, .top_k = 0, .seed = 0, .max_new_tokens = num_tokens};
  mmpo::generate(model, {tokens.data(), lengths, {}, batch_size}, {}, greedy);
}

void run(int argc, char** argv) {
  if (argc < 5) throw std::runtime_error("a type, a file of prompts, a number of tokens and batch sizes are wanted");
  const auto dtype = std::string(argv[1]) == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const Prompts prompts = read_prompts(argv[2]);
  const int64_t num_tokens = std::stoll(argv[3]);
  const mmpo::ModelConfig config(smollm2());
  const mmpo::ParameterLayout layout(config);
  mmpo::Model model(config, RandomWeights(layout).tensors(), dtype);
  const double bandwidth = read_bytes_per_second();
  const double rate = operations_per_second(dtype);
  std::printf("{\"read_bytes_per_second\": %.4g, \"operations_per_second\": %.4g, \"batches\": [", bandwidth, rate);
  const auto parameters = static_cast<double>(layout.size());
  const double byte_seconds = parameters * (dtype == at::kFloat ? 4 : 2) / bandwidth;
  answer(model, prompts, 8, 2);  // warm-up
  for (int i = 4; i < argc; ++i) {
    const int64_t batch_size = std::min<int64_t>(std::stoll(argv[i]), static_cast<int64_t>(prompts.size()));
    const std::span<const std::vector<int32_t>> one_batch(prompts.data(), static_cast<size_t>(batch_size));
    const auto best_of = [&](std::span<const std::vector<int32_t>> asked, int64_t length) {
      return best_seconds(kRounds, [&] { answer(model, asked, batch_size, length); });
    };
    const double step = (best_of(one_batch, num_tokens) - best_of(one_batch, 2)) / static_cast<double>(num_tokens - 2);
    const double all = best_seconds(1, [&] { answer(model, prompts, batch_size, num_tokens); });
    const double limit = std::max(byte_seconds, 2 * parameters * static_cast<double>(batch_size) / rate);
    std::printf("%s\n  {\"batch_size\": %ld, \"seconds\": %.3f, \"step_seconds\": %.5f, \"limit_seconds\": %.5f}",
                i > 4 ? "," : "", static_cast<long>(batch_size), all, step, limit);
    std::fflush(stdout);
  }
  std::printf("\n]}\n");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "generation: " << error.what() << '\n';
    return 1;
  }
}
