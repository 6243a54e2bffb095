// Each CUDA kernel of libmmpo against the memory's ceiling: the bytes that it must read and write, over what the same GPU
// moves in a copy from device memory to device memory, in the same run.
//
// usage: cuda_kernels [ROUNDS]      prints a Markdown table; wants a GPU
// Medians of GPU time between two events. Before each call 256 MB are written elsewhere, so that nothing of a kernel's operands
// is in the second-level cache; the call is queued meanwhile. Bytes count every operand once for each time that it must be
// read or written. Shapes: T = 8192 tokens of Llama-3-8B (H 4096, I 14336, 32 + 8 heads of 128, V 128256) and of SmolLM2-135M
// (H 576, I 1536, 9 + 3 heads of 64, V 49152); R = 256 head rows; LoRA's rank 64; 64M parameters for the optimizers.

#include "kernels/cuda_kernels.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "optim/adam8bit.h"
#include "optim/code_book.h"

namespace {

using mmpo::CudaKernels;
using mmpo::CudaOptimizer;
using mmpo::CudaRows;
using mmpo::Into;
using mmpo::Rows;

constexpr int64_t kTokens = 8192, kHeadRows = 256, kParameters = int64_t{64} << 20;
constexpr size_t kFlushedBytes = size_t{256} << 20, kCopiedBytes = size_t{1} << 30;

void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

// Device memory for as long as the program runs a group of cases.
class Memory {
 public:
  ~Memory() {
    for (void* block : blocks_) cudaFree(block);
  }
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  template <typename T>
  T* allocate(int64_t count) {
    void* block = nullptr;
    check(cudaMalloc(&block, static_cast<size_t>(count) * sizeof(T)));
    blocks_.push_back(block);
    return static_cast<T*>(block);
  }
  // A million values of fill(i), again and again.
  template <typename T, typename Fill>
  T* filled(int64_t count, const Fill& fill) {
    T* data = allocate<T>(count);
    std::vector<T> values(static_cast<size_t>(std::min<int64_t>(count, 1 << 20)));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(fill(i));
    for (int64_t i = 0; i < count; i += static_cast<int64_t>(values.size())) {
      const auto part = std::min(static_cast<size_t>(count - i), values.size());
      check(cudaMemcpy(data + i, values.data(), part * sizeof(T), cudaMemcpyHostToDevice));
    }
    return data;
  }
  template <typename T>
  T* normal(int64_t count) {
    return filled<T>(count, [&](size_t) { return distribution_(generator_); });
  }
  template <typename T>
  Rows<T> matrix(int64_t num_rows, int64_t columns) {
    return {normal<T>(num_rows * columns), num_rows, columns, columns};
  }

 private:
  std::vector<void*> blocks_;
  std::mt19937 generator_{0};
  std::normal_distribution<float> distribution_;
};

template <typename T>
Rows<const T> reading(const Rows<T>& rows) {
  return {rows.data, rows.count, rows.columns, rows.stride};
}

template <typename T>
int64_t bytes(const Rows<T>& rows) {
  return rows.count * rows.columns * static_cast<int64_t>(sizeof(T));
}

class Clock {
 public:
  explicit Clock(int rounds) : rounds_(rounds), flushed_(memory_.allocate<char>(kFlushedBytes)) {
    check(cudaEventCreate(&start_));
    check(cudaEventCreate(&stop_));
    char* from = memory_.allocate<char>(kCopiedBytes);
    char* to = memory_.allocate<char>(kCopiedBytes);
    ceiling_ = 2.0 * kCopiedBytes /
               seconds([&] { check(cudaMemcpyAsync(to, from, kCopiedBytes, cudaMemcpyDeviceToDevice, nullptr)); });
  }

  double ceiling() const { return ceiling_; }

  double seconds(const std::function<void()>& body) {
    std::vector<float> milliseconds;
    body();
    for (int round = 0; round < rounds_; ++round) {
      check(cudaMemsetAsync(flushed_, round, kFlushedBytes, nullptr));
      check(cudaEventRecord(start_, nullptr));
      body();
      check(cudaEventRecord(stop_, nullptr));
      check(cudaEventSynchronize(stop_));
      check(cudaEventElapsedTime(&milliseconds.emplace_back(), start_, stop_));
    }
    std::ranges::sort(milliseconds);
    return static_cast<double>(milliseconds[milliseconds.size() / 2]) * 1e-3;
  }

  void report(const std::string& name, const std::string& shape, int64_t moved, const std::function<void()>& body) {
    const double time = seconds(body);
    const double rate = static_cast<double>(moved) / time;
    std::cout << "| " << name << " | " << shape << std::fixed << std::setprecision(1) << " | " << time * 1e6 << " | "
              << rate * 1e-9 << " | " << std::setprecision(0) << 100 * rate / ceiling_ << "% |" << std::endl;
  }

 private:
  int rounds_;
  Memory memory_;
  char* flushed_;
  cudaEvent_t start_{}, stop_{};
  double ceiling_ = 0;
};

struct Shapes {
  std::string name;
  int64_t hidden, intermediate, heads, head_dim, vocabulary;
};

template <typename T>
void report_norms(Clock& clock, const std::string& name, const Shapes& shapes) {
  using Kernels = CudaKernels<T>;
  Memory memory;
  const auto x = memory.matrix<T>(kTokens, shapes.hidden);
  const auto out = memory.matrix<T>(kTokens, shapes.hidden), grad = memory.matrix<T>(kTokens, shapes.hidden);
  const T* weight = memory.normal<T>(shapes.hidden);
  float* grad_weight = memory.normal<float>(shapes.hidden);
  float* rstd = memory.filled<float>(kTokens, [](size_t) { return 1.0f; });
  float* partials = memory.allocate<float>(kTokens / mmpo::kWeightGradientBlock * shapes.hidden);
  const int64_t one = bytes(x);
  clock.report("rms_norm", name, 2 * one, [&] { Kernels::rms_norm(reading(x), weight, 1e-5f, out, rstd, nullptr); });
  clock.report("rms_norm_recompute", name, 2 * one,
               [&] { Kernels::rms_norm_recompute(reading(x), weight, rstd, out, nullptr); });
  clock.report("rms_norm_backward, frozen", name, 4 * one, [&] {
    Kernels::rms_norm_backward(reading(grad), reading(x), weight, rstd, out, nullptr, nullptr, Into::kSum, nullptr);
  });
  clock.report("rms_norm_backward", name, 4 * one, [&] {
    Kernels::rms_norm_backward(reading(grad), reading(x), weight, rstd, out, grad_weight, partials, Into::kSum,
                               nullptr);
  });
}

template <typename T>
void report_attention_and_mlp(Clock& clock, const std::string& name, const Shapes& shapes) {
  using Kernels = CudaKernels<T>;
  Memory memory;
  const int64_t width = shapes.heads * shapes.head_dim;
  const auto qk = memory.matrix<T>(kTokens, width);
  const int64_t half = shapes.head_dim / 2;
  const float* cosines = memory.filled<float>(kTokens * half, [](size_t) { return 0.6f; });
  const float* sines = memory.filled<float>(kTokens * half, [](size_t) { return 0.8f; });
  const auto* positions = memory.filled<int32_t>(kTokens, [](size_t i) { return i; });
  const mmpo::Heads<T> heads{qk.data, kTokens, shapes.heads, shapes.head_dim, width, shapes.head_dim};
  clock.report("rope", name, 2 * bytes(qk),
               [&] { Kernels::rope(heads, cosines, sines, {positions, nullptr}, false, nullptr); });
  const auto gate_up = memory.matrix<T>(kTokens, 2 * shapes.intermediate);
  const auto grad_gate_up = memory.matrix<T>(kTokens, 2 * shapes.intermediate);
  const auto out = memory.matrix<T>(kTokens, shapes.intermediate);
  clock.report("swiglu", name, bytes(gate_up) + bytes(out), [&] { Kernels::swiglu(reading(gate_up), out, nullptr); });
  clock.report("swiglu_backward", name, 2 * bytes(gate_up) + bytes(out),
               [&] { Kernels::swiglu_backward(reading(out), reading(gate_up), grad_gate_up, nullptr); });
}

template <typename T>
void report_head(Clock& clock, const std::string& name, const Shapes& shapes) {
  using Kernels = CudaKernels<T>;
  Memory memory;
  const auto logits = memory.matrix<T>(kHeadRows, shapes.vocabulary);
  const auto* targets = memory.filled<int64_t>(kHeadRows, [](size_t i) { return i * 97; });
  float* lse = memory.allocate<float>(kHeadRows);
  float* logp = memory.allocate<float>(kHeadRows);
  const float* weights = memory.normal<float>(kHeadRows);
  clock.report("log_softmax_gather", name, bytes(logits),
               [&] { Kernels::log_softmax_gather(reading(logits), targets, lse, logp, {}, nullptr); });
  clock.report("softmax_gradient", name, 2 * bytes(logits),
               [&] { Kernels::softmax_gradient(logits, targets, lse, weights, {}, nullptr); });
  clock.report("log_softmax_gradient", name, 2 * bytes(logits),
               [&] { Kernels::log_softmax_gradient(logits, targets, weights, logp, nullptr); });
}

template <typename T>
void report_embedding(Clock& clock, const std::string& name, const Shapes& shapes) {
  Memory memory;
  const auto x = memory.matrix<T>(kTokens, shapes.hidden);
  // Every token twice.
  const auto* tokens = memory.filled<int64_t>(kTokens, [](size_t i) { return i * 61 % (kTokens / 2); });
  const auto embedding = memory.matrix<float>(kTokens, shapes.hidden);
  clock.report("add_rows", name, bytes(x) + bytes(embedding),
               [&] { CudaRows<T, float>::add(reading(x), tokens, embedding, nullptr); });
}

// q, k and v of an adapter. Partial sums are not counted.
template <typename T>
void report_lora(Clock& clock, const std::string& name, const Shapes& shapes) {
  using Kernels = mmpo::CudaDropoutLinear<T>;
  Memory memory;
  constexpr int64_t rank = 64, products = mmpo::kMostMasks;
  mmpo::DropoutMasks masks{.count = products};
  for (uint32_t p = 0; p < products; ++p) masks.at[p] = {.key = 1, .stream = p, .threshold = 3277};
  const auto x = memory.matrix<T>(kTokens, shapes.hidden), grad_x = memory.matrix<T>(kTokens, shapes.hidden);
  const auto weight = memory.matrix<T>(products * rank, shapes.hidden);
  const auto low = memory.matrix<T>(kTokens, products * rank);
  const auto grad_weight = memory.matrix<float>(products * rank, shapes.hidden);
  float* scratch = memory.allocate<float>(Kernels::scratch_size(kTokens, shapes.hidden, rank, products));
  const int64_t operands = bytes(x) + bytes(weight) + bytes(low);
  clock.report("dropout_linear", name, operands,
               [&] { Kernels::forward(reading(x), reading(weight), masks, 2.0F, scratch, low, nullptr); });
  clock.report(
      "dropout_linear_backward", name, operands + bytes(low) + 2 * bytes(grad_x) + 2 * bytes(grad_weight), [&] {
        Kernels::backward(reading(low), reading(x), reading(weight), masks, scratch, grad_x, grad_weight, nullptr);
      });
}

// Of a frozen base in e4m3: a token's input of the second MLP product, the gradient of the first one's output, and the first one's matrix.
void report_quantized(Clock& clock, const Shapes& shapes) {
  Memory memory;
  const auto bytes_of = [&](int64_t num_rows, int64_t columns) {
    return Rows<uint8_t>{memory.filled<uint8_t>(num_rows * columns, [](size_t i) { return i % 120; }), num_rows,
                         columns, columns};
  };
  float* scales = memory.allocate<float>(kTokens);
  const float* factors = memory.filled<float>(2 * shapes.intermediate, [](size_t) { return 0.5f; });
  const auto x = memory.matrix<c10::BFloat16>(kTokens, shapes.intermediate);
  const auto q = bytes_of(kTokens, shapes.intermediate);
  clock.report("quantize", shapes.name, bytes(x) + bytes(q),
               [&] { mmpo::CudaQuantized<>::quantize(reading(x), nullptr, q, scales, nullptr); });
  const auto grad = memory.matrix<c10::BFloat16>(kTokens, 2 * shapes.intermediate);
  const auto q_grad = bytes_of(kTokens, 2 * shapes.intermediate);
  clock.report("quantize, scaled columns", shapes.name, bytes(grad) + bytes(q_grad),
               [&] { mmpo::CudaQuantized<>::quantize(reading(grad), factors, q_grad, scales, nullptr); });
  const auto weight = bytes_of(2 * shapes.intermediate, shapes.hidden);
  const auto turned = bytes_of(shapes.hidden, 2 * shapes.intermediate);
  clock.report("transpose of bytes", shapes.name, 2 * bytes(weight),
               [&] { mmpo::CudaQuantized<>::transpose(reading(weight), turned, nullptr); });
}

void report_optimizers(Clock& clock) {
  Memory memory;
  float* param = memory.normal<float>(kParameters);
  float* grad = memory.normal<float>(kParameters);
  float* exp_avg = memory.filled<float>(kParameters, [](size_t) { return 0.0f; });
  float* exp_avg_sq = memory.filled<float>(kParameters, [](size_t) { return 1.0f; });
  auto* copy = memory.allocate<c10::BFloat16>(kParameters);
  const mmpo::AdamWSettings settings{.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};
  const auto scalars = mmpo::adamw_scalars<float>(settings, 1e-3, 3, 0.5);
  const int64_t one = kParameters * 4;
  clock.report("adamw with bfloat16 copy", "64M", 8 * one + one / 2, [&] {
    CudaOptimizer<float>::adamw(param, grad, exp_avg, exp_avg_sq, copy, kParameters, scalars, nullptr);
  });
  const int64_t num_partials = kParameters / mmpo::kNormBlock;
  auto* partials = memory.allocate<double>(num_partials);
  auto* total = memory.allocate<double>(1);
  clock.report("sums_of_squares and sum", "64M", one, [&] {
    CudaOptimizer<float>::sums_of_squares(param, kParameters, partials, nullptr);
    mmpo::CudaSum<>::sum(partials, num_partials, total, nullptr);
  });
  const int64_t num_blocks = kParameters / mmpo::kAdam8bitBlock;
  const mmpo::Adam8bitArrays arrays{param,
                                    grad,
                                    memory.filled<uint8_t>(kParameters, [](size_t) { return 127; }),
                                    memory.filled<uint8_t>(kParameters, [](size_t) { return 0; }),
                                    memory.filled<float>(num_blocks, [](size_t) { return 0.0f; }),
                                    memory.filled<float>(num_blocks, [](size_t) { return 0.0f; }),
                                    copy,
                                    kParameters};
  mmpo::CodeBook* books = memory.allocate<mmpo::CodeBook>(2);
  check(cudaMemcpy(books, &mmpo::signed_code_book(), sizeof(mmpo::CodeBook), cudaMemcpyHostToDevice));
  check(cudaMemcpy(books + 1, &mmpo::unsigned_code_book(), sizeof(mmpo::CodeBook), cudaMemcpyHostToDevice));
  const auto scalars8 = mmpo::adam8bit_scalars(settings, 1e-3, 3, 0.5);
  clock.report("8-bit adamw with bfloat16 copy", "64M", 4 * one + one / 2 + one,
               [&] { mmpo::CudaAdam8bit<>::step(arrays, scalars8, books, books + 1, nullptr); });
}

template <typename T>
void report_model(Clock& clock, const std::string& type, const Shapes& shapes) {
  const std::string name = shapes.name + ", " + type;
  report_norms<T>(clock, name, shapes);
  report_attention_and_mlp<T>(clock, name, shapes);
  report_head<T>(clock, name, shapes);
  report_embedding<T>(clock, name, shapes);
  report_lora<T>(clock, name, shapes);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, 0));
    const int rounds = argc > 1 ? std::stoi(argv[1]) : 21;
    Clock clock(rounds);
    std::cout << properties.name << ", medians of " << rounds << " rounds; a copy in device memory moves " << std::fixed
              << std::setprecision(0) << clock.ceiling() * 1e-9
              << " GB/s (read and write)\n\n| kernel | shape | µs | GB/s | of the copy |\n|---|---|---|---|---|\n";
    const Shapes large{"Llama-3-8B", 4096, 14336, 40, 128, 128256};
    const Shapes small{"SmolLM2-135M", 576, 1536, 12, 64, 49152};
    report_model<c10::BFloat16>(clock, "bf16", large);
    report_model<c10::BFloat16>(clock, "bf16", small);
    report_model<float>(clock, "fp32", small);
    report_quantized(clock, large);
    report_quantized(clock, small);
    report_optimizers(clock);
  } catch (const std::exception& problem) {
    std::cerr << "cuda_kernels: " << problem.what() << '\n';
    return EXIT_FAILURE;
  }
}
