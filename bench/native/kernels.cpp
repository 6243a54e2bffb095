// Each kernel of libmmpo against the same mathematics in plain ATen operations, as transformers and torch.optim compute it.
//
// usage: kernels [THREADS [ROUNDS]]      prints a Markdown table
// The two are run in turns and medians compared. GB/s counts every operand once for each time that it must be read or
// written, the same bytes for both sides. Shapes are SmolLM2-135M's: T = 2048 tokens, H = 576, I = 1536, 9 + 3 heads of 64,
// V = 49152 with R = 128 rows, 16M parameters.

#include "kernels/kernels.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "optim/adamw.h"
#include "optim/grad_clip.h"

namespace {

using at::Tensor;

constexpr int64_t kTokens = 2048, kHidden = 576, kIntermediate = 1536, kHeads = 12, kHeadDim = 64;
constexpr int64_t kRows = 128, kVocabulary = 49152;
constexpr int64_t kParameters = 16 << 20;
constexpr double kEps = 1e-5;

struct Case {
  std::string name;
  at::ScalarType type;
  int64_t bytes;
  std::function<void()> ours, aten;
};

double seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void report(const Case& test, int rounds) {
  std::vector<double> ours, aten;
  test.ours();
  test.aten();
  for (int round = 0; round < rounds; ++round) {
    ours.push_back(seconds(test.ours));
    aten.push_back(seconds(test.aten));
  }
  const double mine = median(ours), theirs = median(aten), gigabytes = static_cast<double>(test.bytes) * 1e-9;
  std::cout << "| " << test.name << " | " << test.type << std::fixed << std::setprecision(1) << " | " << mine * 1e6
            << " | " << gigabytes / mine << " | " << theirs * 1e6 << " | " << gigabytes / theirs << std::setprecision(2)
            << " | " << theirs / mine << " |" << std::endl;
}

Tensor random(at::IntArrayRef sizes, at::ScalarType type) { return at::randn(sizes).to(type); }

int64_t bytes(const Tensor& x) { return x.numel() * x.element_size(); }

// transformers' LlamaRMSNorm: float32 inside, the input's type outside.
Tensor aten_rms_norm(const Tensor& x, const Tensor& weight) {
  const Tensor wide = x.to(at::kFloat);
  return weight * (wide * at::rsqrt(wide.square().mean({-1}, true) + kEps)).to(x.scalar_type());
}

void aten_rms_norm_backward(const Tensor& grad, const Tensor& x, const Tensor& weight, const Tensor& rstd,
                            const Tensor& grad_x, const Tensor& grad_weight) {
  const Tensor xhat = x.to(at::kFloat) * rstd.unsqueeze(-1);
  const Tensor scaled = grad * weight;
  const Tensor along = (scaled * xhat).mean({-1}, true);
  grad_x.add_((rstd.unsqueeze(-1) * (scaled - xhat * along)).to(grad_x.scalar_type()));
  grad_weight.add_((grad * xhat).sum(0));
}

void add_norm_cases(std::vector<Case>& cases, at::ScalarType type) {
  Tensor x = random({kTokens, kHidden}, type);
  Tensor weight = random({kHidden}, type), grad = random({kTokens, kHidden}, type);
  Tensor rstd = at::rsqrt(x.to(at::kFloat).square().mean(-1) + kEps);
  Tensor out = at::empty_like(x), out_rstd = at::empty({kTokens});
  Tensor grad_x = at::zeros_like(x), grad_weight = at::zeros({kHidden});
  cases.push_back({"rms_norm", type, 2 * bytes(x), [=]() mutable { mmpo::rms_norm(x, weight, kEps, out, out_rstd); },
                   [=] { aten_rms_norm(x, weight); }});
  cases.push_back({"rms_norm_backward", type, 4 * bytes(x),
                   [=]() mutable { mmpo::rms_norm_backward(grad, x, weight, rstd, grad_x, grad_weight); },
                   [=] { aten_rms_norm_backward(grad, x, weight, rstd, grad_x, grad_weight); }});
}

void add_rope_cases(std::vector<Case>& cases, at::ScalarType type) {
  Tensor x = random({kTokens, kHeads, kHeadDim}, type);
  Tensor angle = at::rand({kTokens, kHeadDim / 2});
  Tensor cosines = angle.cos(), sines = angle.sin(), positions = at::arange(kTokens, at::kInt);
  Tensor wide_cosines = at::cat({cosines, cosines}, -1).to(type).unsqueeze(1);
  Tensor wide_sines = at::cat({sines, sines}, -1).to(type).unsqueeze(1);
  cases.push_back({"rope_", type, 2 * bytes(x), [=]() mutable { mmpo::rope_(x, cosines, sines, positions, false); },
                   [=] {
                     const auto halves = x.chunk(2, -1);
                     const Tensor out = x * wide_cosines + at::cat({-halves[1], halves[0]}, -1) * wide_sines;
                   }});
}

void add_swiglu_cases(std::vector<Case>& cases, at::ScalarType type) {
  Tensor gate_up = random({kTokens, 2 * kIntermediate}, type), grad = random({kTokens, kIntermediate}, type);
  Tensor gate = gate_up.narrow(1, 0, kIntermediate), up = gate_up.narrow(1, kIntermediate, kIntermediate);
  Tensor out = at::empty_like(grad), grad_gate_up = at::empty_like(gate_up);
  cases.push_back({"swiglu", type, bytes(gate_up) + bytes(out), [=]() mutable { mmpo::swiglu(gate_up, out); },
                   [=] { at::silu(gate) * up; }});
  cases.push_back({"swiglu_backward", type, 2 * bytes(gate_up) + bytes(grad),
                   [=]() mutable { mmpo::swiglu_backward(grad, gate_up, grad_gate_up); },
                   [=] { at::cat({at::silu_backward(grad * up, gate), grad * at::silu(gate)}, -1); }});
}

void add_softmax_cases(std::vector<Case>& cases, at::ScalarType type) {
  Tensor logits = random({kRows, kVocabulary}, type), targets = at::randint(kVocabulary, {kRows});
  Tensor lse = at::empty({kRows}), logp = at::empty({kRows}), weights = at::randn({kRows});
  Tensor gradient = logits.clone();
  mmpo::log_softmax_gather(logits, targets, lse, logp);
  cases.push_back({"log_softmax_gather", type, bytes(logits),
                   [=]() mutable { mmpo::log_softmax_gather(logits, targets, lse, logp); },
                   [=] { at::log_softmax(logits, -1, at::kFloat).gather(-1, targets.unsqueeze(-1)); }});
  cases.push_back({"softmax_gradient_", type, 2 * bytes(logits),
                   [=]() mutable { mmpo::softmax_gradient_(gradient, targets, lse, weights); },
                   [=] {
                     Tensor softmax = at::softmax(logits, -1, at::kFloat).mul_(-weights.unsqueeze(-1));
                     softmax.scatter_add_(-1, targets.unsqueeze(-1), weights.unsqueeze(-1));
                     softmax.to(logits.scalar_type());
                   }});
}

// torch.optim.AdamW's single-tensor step; its fused one is a case of its own.
void aten_adamw(const Tensor& param, const Tensor& grad, const Tensor& exp_avg, const Tensor& exp_avg_sq) {
  param.mul_(1 - 1e-5);
  exp_avg.lerp_(grad, 0.1);
  exp_avg_sq.mul_(0.999).addcmul_(grad, grad, 0.001);
  param.addcdiv_(exp_avg, exp_avg_sq.sqrt().div_(0.5).add_(1e-8), -1e-4);
}

void add_optimizer_cases(std::vector<Case>& cases) {
  const auto type = at::kFloat;
  Tensor param = at::randn({kParameters}), grad = at::randn({kParameters}), exp_avg = at::zeros({kParameters});
  Tensor exp_avg_sq = at::ones({kParameters}), copy = at::empty({kParameters}, at::kBFloat16),
         step = at::full({}, 3.0f);
  const auto ours = [=](bool with_copy) {
    return [=] {
      const mmpo::AdamWShard<float> shard{param.data_ptr<float>(),
                                          grad.data_ptr<float>(),
                                          exp_avg.data_ptr<float>(),
                                          exp_avg_sq.data_ptr<float>(),
                                          with_copy ? copy.data_ptr<at::BFloat16>() : nullptr,
                                          kParameters};
      mmpo::adamw_step(shard, {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01}, 1e-3, 3, 0.5);
    };
  };
  const int64_t one = bytes(param);
  cases.push_back({"adamw with clip and clear, against single-tensor", type, 8 * one, ours(false), [=] {
                     grad.mul_(0.5);
                     aten_adamw(param, grad, exp_avg, exp_avg_sq);
                     grad.zero_();
                   }});
  cases.push_back({"adamw with clip and clear, against fused", type, 8 * one, ours(false), [=] {
                     grad.mul_(0.5);
                     at::_fused_adamw_({param}, {grad}, {exp_avg}, {exp_avg_sq}, {}, {step}, 1e-3, 0.9, 0.999, 0.01,
                                       1e-8, false, false);
                     grad.zero_();
                   }});
  cases.push_back({"adamw with bfloat16 copy, against single-tensor", type, 8 * one + one / 2, ours(true), [=] {
                     grad.mul_(0.5);
                     aten_adamw(param, grad, exp_avg, exp_avg_sq);
                     copy.copy_(param);
                     grad.zero_();
                   }});
  cases.push_back({"l2_norm", type, one, [=] { mmpo::l2_norm(param.data_ptr<float>(), kParameters); },
                   [=] { param.norm().item<float>(); }});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) at::set_num_threads(std::stoi(argv[1]));
  const int rounds = argc > 2 ? std::stoi(argv[2]) : 21;
  at::manual_seed(0);
  std::cout << "Medians of " << rounds << " rounds, " << at::get_num_threads() << " threads, "
            << at::get_cpu_capability()
            << "\n\n| kernel | type | µs | GB/s | ATen µs | ATen GB/s | ratio |\n|---|---|---|---|---|---|---|\n";
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    std::vector<Case> cases;
    add_norm_cases(cases, type);
    add_rope_cases(cases, type);
    add_swiglu_cases(cases, type);
    add_softmax_cases(cases, type);
    for (const Case& test : cases) report(test, rounds);
  }
  std::vector<Case> cases;
  add_optimizer_cases(cases);
  for (const Case& test : cases) report(test, rounds);
}
