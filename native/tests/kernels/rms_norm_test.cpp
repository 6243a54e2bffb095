#include "kernels/backend.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class RmsNorm : public KernelTest {};

constexpr double kEps = 1e-5;

Tensor reference(const Tensor& x, const Tensor& weight) {
  return x * at::rsqrt(x.square().mean({-1}, true) + kEps) * weight;
}

Tensor rstd_of(const Tensor& x) { return at::rsqrt(x.to(at::kDouble).square().mean(-1) + kEps); }

TEST_P(RmsNorm, EqualsAtenInDouble) {
  at::manual_seed(1);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t tokens : {1, 3, 47}) {
      for (const int64_t hidden : {1, 3, 31, 47, 64, 123, 576}) {
        SCOPED_TRACE(::testing::Message() << type << ' ' << layout << " [" << tokens << ", " << hidden << ']');
        const Tensor x = random_view(tokens, hidden, type, layout);
        const Tensor weight = random({hidden}, type);
        Tensor out = random_view(tokens, hidden, type, layout);
        Tensor rstd = at::empty({tokens});
        backend().rms_norm(x, weight, kEps, out, rstd);
        expect_close(out, reference(x.to(at::kDouble), weight.to(at::kDouble)), tolerance(type), "out");
        expect_close(rstd, rstd_of(x), {1e-6, 0}, "rstd");
      }
    }
  }
}

// Where a GPU's thread holds one, two or four packs of the row.
TEST_P(RmsNorm, OfLongRows) {
  at::manual_seed(7);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t hidden : {1029, 2053, 4101, 16384}) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << hidden);
      const Tensor x = random_view(2, hidden, type, layout);
      const Tensor weight = random({hidden}, type);
      const Tensor grad_out = random_view(2, hidden, type, layout);
      const Tensor x64 = oracle(x);
      const Tensor weight64 = oracle(weight);
      const Tensor wanted = reference(x64, weight64);
      wanted.backward(grad_out.to(at::kDouble));
      Tensor out = random_view(2, hidden, type, layout);
      Tensor rstd = at::empty({2});
      Tensor grad_x = at::zeros({2, hidden}, type);
      Tensor grad_weight = at::zeros({hidden});
      backend().rms_norm(x, weight, kEps, out, rstd);
      backend().rms_norm_backward(grad_out, x, weight, rstd, grad_x, grad_weight);
      expect_close(out, wanted, tolerance(type), "out");
      expect_close(grad_x, x64.grad(), tolerance(type), "grad_x");
      expect_close(grad_weight, weight64.grad(), {1e-5, 2e-5}, "grad_weight");
    }
  }
}

TEST_P(RmsNorm, OfAHandComputedRow) {
  // mean(x^2) = (9 + 16) / 2 = 12.5; with eps 0 the row is x / sqrt(12.5) * weight.
  const Tensor x = at::tensor({3.0f, 4.0f}).view({1, 2});
  Tensor out = at::empty({1, 2});
  Tensor rstd = at::empty({1});
  backend().rms_norm(x, at::tensor({1.0f, 2.0f}), 0, out, rstd);
  EXPECT_FLOAT_EQ(rstd[0].item<float>(), 0.28284271f);
  EXPECT_FLOAT_EQ(out[0][0].item<float>(), 0.84852814f);
  EXPECT_FLOAT_EQ(out[0][1].item<float>(), 2.2627417f);
}

TEST_P(RmsNorm, RecomputesTheSameBits) {
  at::manual_seed(3);
  for (const auto [type, layout] : kKinds) {
    const Tensor x = random_view(47, 123, type, layout);
    const Tensor weight = random({123}, type);
    Tensor out = at::empty({47, 123}, type);
    Tensor rstd = at::empty({47});
    backend().rms_norm(x, weight, kEps, out, rstd);
    Tensor again = at::zeros_like(out);
    backend().rms_norm_recompute(x, weight, rstd, again);
    expect_same_bits(again, out, "out");
  }
}

TEST_P(RmsNorm, BackwardAddsWhatAutogradFinds) {
  at::manual_seed(4);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t tokens : {1, 31, 32, 33, 123}) {
      for (const int64_t hidden : {1, 3, 31, 47, 64, 123}) {
        SCOPED_TRACE(::testing::Message() << type << ' ' << layout << " [" << tokens << ", " << hidden << ']');
        const Tensor x = random_view(tokens, hidden, type, layout);
        const Tensor weight = random({hidden}, type);
        const Tensor grad_out = random_view(tokens, hidden, type, layout);
        const Tensor x64 = oracle(x);
        const Tensor weight64 = oracle(weight);
        reference(x64, weight64).backward(grad_out.to(at::kDouble));

        Tensor grad_x = random_view(tokens, hidden, type, layout);
        Tensor grad_weight = random({hidden}, at::kFloat);
        const Tensor wanted_x = grad_x.to(at::kDouble) + x64.grad();
        const Tensor wanted_weight = grad_weight.to(at::kDouble) + weight64.grad();
        backend().rms_norm_backward(grad_out, x, weight, rstd_of(x).to(at::kFloat), grad_x, grad_weight);
        // A row of one element has a gradient that is a small difference of large numbers: rstd reaches 1 / sqrt(eps).
        const double scale = std::max(1.0, rstd_of(x).max().item<double>());
        expect_close(grad_x, wanted_x, {tolerance(type).relative, 1e-5 * scale}, "grad_x");
        expect_close(grad_weight, wanted_weight, {1e-5, 2e-5}, "grad_weight");
      }
    }
  }
}

TEST_P(RmsNorm, BackwardLeavesAFrozenWeightOut) {
  at::manual_seed(5);
  const Tensor x = random({47, 123}, at::kFloat);
  const Tensor weight = random({123}, at::kFloat);
  const Tensor grad_out = random({47, 123}, at::kFloat);
  const Tensor rstd = rstd_of(x).to(at::kFloat);
  Tensor with = at::zeros({47, 123});
  Tensor without = at::zeros({47, 123});
  Tensor grad_weight = at::zeros({123});
  Tensor frozen;
  backend().rms_norm_backward(grad_out, x, weight, rstd, with, grad_weight);
  backend().rms_norm_backward(grad_out, x, weight, rstd, without, frozen);
  expect_same_bits(with, without, "grad_x");
}

// Heads [T, N, D] of wider rows, each a row for itself; backward writes over the gradient that it reads.
TEST_P(RmsNorm, OfHeadsIsThatOfTheirRows) {
  at::manual_seed(8);
  for (const auto [type, layout] : kKinds) {
    for (const auto& [heads, head_dim] : std::vector<std::pair<int64_t, int64_t>>{{3, 10}, {2, 64}, {5, 128}}) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << heads << " of " << head_dim);
      const int64_t columns = heads * head_dim;
      const auto view = [&] { return random_view(47, columns, type, layout).unflatten(1, {heads, head_dim}); };
      const Tensor x = view();
      const Tensor weight = random({head_dim}, type);
      Tensor out = view();
      Tensor rstd = at::empty({47 * heads});
      backend().rms_norm(x, weight, kEps, out, rstd);
      const Tensor x64 = oracle(x);
      const Tensor weight64 = oracle(weight);
      const Tensor wanted = reference(x64, weight64);
      expect_close(out, wanted, tolerance(type), "out");
      expect_close(rstd, rstd_of(x).flatten(), {1e-6, 0}, "rstd");
      Tensor again = view();
      backend().rms_norm_recompute(x, weight, rstd, again);
      expect_same_bits(again, out, "recomputed");

      Tensor grad = view();
      wanted.backward(grad.to(at::kDouble));
      Tensor grad_weight = random({head_dim}, at::kFloat);
      const Tensor wanted_weight = grad_weight.to(at::kDouble) + weight64.grad();
      backend().rms_norm_backward(grad, x, weight, rstd, grad, grad_weight, Into::kNothing);
      expect_close(grad, x64.grad(), tolerance(type), "grad_x");
      expect_close(grad_weight, wanted_weight, {1e-5, 4e-5}, "grad_weight");
    }
  }
}

TEST_P(RmsNorm, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(6);
  for (const auto type : kTypes) {
    const Tensor x = random({200, 576}, type);
    const Tensor weight = random({576}, type);
    const Tensor grad_out = random({200, 576}, type);
    Tensor out[2], rstd[2], grad_x[2], grad_weight[2];
    for (const int threads : {1, 2}) {
      const auto scope = backend().variant(threads);
      const int k = threads - 1;
      out[k] = at::empty_like(x);
      rstd[k] = at::empty({200});
      grad_x[k] = at::zeros_like(x);
      grad_weight[k] = at::zeros({576});
      backend().rms_norm(x, weight, kEps, out[k], rstd[k]);
      backend().rms_norm_backward(grad_out, x, weight, rstd[k], grad_x[k], grad_weight[k]);
    }
    expect_same_bits(out[0], out[1], "out");
    expect_same_bits(rstd[0], rstd[1], "rstd");
    expect_same_bits(grad_x[0], grad_x[1], "grad_x");
    expect_same_bits(grad_weight[0], grad_weight[1], "grad_weight");
  }
}

TEST(RmsNormArguments, AreRefusedWhereTheyDoNotFit) {
  const Tensor x = random({3, 8}, at::kFloat);
  Tensor out = at::empty({3, 8});
  Tensor rstd = at::empty({3});
  Tensor short_rstd = at::empty({2});
  Tensor bf16_out = at::empty({3, 8}, at::kBFloat16);
  EXPECT_THROW(rms_norm(x, random({7}, at::kFloat), kEps, out, rstd), c10::Error);
  EXPECT_THROW(rms_norm(x, random({8}, at::kFloat), kEps, out, short_rstd), c10::Error);
  EXPECT_THROW(rms_norm(x, random({8}, at::kFloat), kEps, bf16_out, rstd), c10::Error);
  EXPECT_THROW(rms_norm(x.t(), random({3}, at::kFloat), kEps, out, rstd), c10::Error);
}

MMPO_ON_EVERY_BACKEND(RmsNorm);

}  // namespace
}  // namespace mmpo
