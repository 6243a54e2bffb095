// Rows rounded to e4m3, against torch's own conversion, and products with them, against the products of the same numbers in double.
// Bounds are what float32 sums and the results' rounding to bfloat16 may be wrong by; against the exact product, what e4m3 may be.
#include "kernels/quantized.h"

#include <cmath>
#include <limits>

#include "cuda/emulator.h"
#include "cuda/gpu_way.h"
#include "kernels/backend.h"
#include "kernels/cuda_kernels.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Quantized : public KernelTest {
 protected:
  struct Rounded {
    Tensor q_TK, scales_T;

    Tensor values() const { return q_TK.to(at::kDouble) * scales_T.to(at::kDouble).unsqueeze(1); }
    Tensor bytes() const { return q_TK.view(at::kByte); }
  };

  static Rounded round(const Tensor& x_TK, const Tensor& factors_K = {}) {
    Rounded r{at::zeros(x_TK.sizes(), at::kFloat8_e4m3fn), at::zeros({x_TK.size(0)}, at::kFloat)};
    backend().quantize_rows(x_TK, factors_K, r.q_TK, r.scales_T);
    return r;
  }

  // One row whose scale is 1, since 448 is in it.
  static Rounded round_row(std::vector<float> values) {
    values.push_back(448);
    return round(at::tensor(values).to(at::kBFloat16).unsqueeze(0));
  }

  // Torch's conversion of what is in place.
  static Rounded expected(const Tensor& x_TK, const Tensor& factors_K) {
    Tensor x = x_TK.to(at::kFloat);
    if (factors_K.defined()) x = x * factors_K;
    const Tensor scales = (x.abs().amax(1) / 448.0f).clamp_min(std::numeric_limits<float>::min());
    return {(x * (1.0f / scales).unsqueeze(1)).to(at::kFloat8_e4m3fn), scales};
  }
};

// All finite numbers of e4m3.
Tensor e4m3_numbers() {
  const Tensor bytes = at::arange(256, at::kInt).to(at::kByte);
  const Tensor numbers = bytes.view(at::kFloat8_e4m3fn).to(at::kFloat);
  return numbers.masked_select(at::isfinite(numbers));
}

TEST_P(Quantized, HasTheBitsOfTorchsConversion) {
  at::manual_seed(1);
  for (const Layout layout : {Layout::kAnywhere, Layout::kAligned}) {
    for (const int64_t columns : {1, 3, 8, 31, 123, 256, 2056, 5000}) {
      for (const bool has_factors : {false, true}) {
        SCOPED_TRACE(::testing::Message() << layout << ' ' << columns << ' ' << has_factors);
        const Tensor x =
            random_view(13, columns, at::kBFloat16, layout).mul_(at::randn({13, 1}).exp().to(at::kBFloat16));
        const Tensor factors = has_factors ? at::rand({columns}) + 0.01 : Tensor();
        const Rounded found = round(x, factors), wanted = expected(x, factors);
        expect_same_bits(found.bytes(), wanted.bytes(), "q");
        expect_same_bits(found.scales_T, wanted.scales_T, "scales");
      }
    }
  }
}

TEST_P(Quantized, KeepsEveryNumberOfE4m3) {
  const Tensor numbers = e4m3_numbers();
  ASSERT_EQ(numbers.numel(), 254);
  for (const double factor : {1.0, 0.25, 1024.0}) {
    const Rounded r = round((numbers * factor).to(at::kBFloat16).unsqueeze(0));
    EXPECT_EQ(r.scales_T.item<double>(), factor);
    expect_same_bits(r.values()[0], numbers.to(at::kDouble) * factor, "values");
  }
}

// The spacing of e4m3 is 2^-9 below 2^-6, and an eighth of the power of two below a number above.
TEST_P(Quantized, RoundsToTheNearestTiesToEven) {
  const Rounded ties = round_row({std::ldexp(0.5f, -9), std::ldexp(1.5f, -9), std::ldexp(2.5f, -9), 1.0625f, 1.1875f,
                                  -1.0625f, 15.5f, 432.0f, std::ldexp(0.4980f, -9)});
  const Tensor wanted = at::tensor(
      {0.0, std::ldexp(2.0, -9), std::ldexp(2.0, -9), 1.0, 1.25, -1.0, 16.0, 416.0 + 32.0, 0.0, 448.0}, at::kDouble);
  expect_same_bits(ties.values()[0], wanted, "ties");
  // Between all neighbours: bfloat16 holds the middles of e4m3.
  const Tensor numbers = std::get<0>(e4m3_numbers().to(at::kDouble).sort());
  const Tensor upper = numbers.slice(0, 1), lower = numbers.slice(0, 0, -1);
  const Tensor middles = (upper + lower) / 2;
  const Tensor rows = at::cat({middles, at::full({1}, 448.0, at::kDouble)}).to(at::kBFloat16).unsqueeze(0);
  const Rounded r = round(rows);
  const Tensor found = r.values()[0].slice(0, 0, -1);
  EXPECT_TRUE(((found == upper).logical_or(found == lower)).all().item<bool>());
  EXPECT_TRUE((r.bytes()[0].bitwise_and(1) == 0).all().item<bool>()) << "the last bit of a tie's nearest is 0";
}

TEST_P(Quantized, TakesTheSmallestAndTheLargestRows) {
  const float tiny = std::ldexp(1.0f, -133);  // bfloat16's smallest
  const float huge = at::tensor({3.3e38f}).to(at::kBFloat16).item<float>();
  const Tensor x = at::tensor({0.0f, -0.0f, 0.0f, tiny, -tiny, 0.0f, huge, -huge, 1.0f}).to(at::kBFloat16).view({3, 3});
  const Rounded r = round(x);
  const double least = std::numeric_limits<float>::min();
  EXPECT_EQ(r.scales_T[0].item<double>(), least);
  EXPECT_EQ(r.scales_T[1].item<double>(), least) << "finer scales are no normal numbers";
  EXPECT_TRUE((r.values()[0] == 0).all().item<bool>());
  // 2^-133 / 2^-126 is 2^-7, a number of e4m3.
  EXPECT_EQ(r.values()[1][0].item<double>(), std::ldexp(1.0, -133));
  EXPECT_NEAR(r.values()[2][0].item<double>() / double{huge}, 1, 1e-6);
  EXPECT_NEAR(r.values()[2][1].item<double>() / double{huge}, -1, 1e-6);
  EXPECT_EQ(r.values()[2][2].item<double>(), 0);
  EXPECT_EQ(round(at::empty({0, 16}, at::kBFloat16)).q_TK.size(0), 0);
}

// NaN is passed on where it is; beside an infinity, which has no finite scale, what is finite is 0 and the infinity NaN.
TEST_P(Quantized, PassesOnWhatIsNotFinite) {
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  const Tensor x = at::tensor({1.0f, nan, 2.0f, nan, nan, nan, 1.0f, infinity, 2.0f, -infinity, 3.0f, 1.0f})
                       .to(at::kBFloat16)
                       .view({4, 3});
  const Tensor found = round(x).q_TK.to(at::kDouble);
  expect_same_bits(at::isnan(found), at::isfinite(x).logical_not(), "where NaN is");
  EXPECT_EQ(found[0][2].item<double>(), 448);
  EXPECT_EQ(found[2][0].item<double>(), 0);
}

TEST_P(Quantized, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(4);
  const Tensor x = random({301, 1536}, at::kBFloat16);
  const Tensor factors = at::rand({1536});
  Rounded r[2];
  for (const int threads : {1, 2}) {
    const auto scope = backend().variant(threads);
    r[threads - 1] = round(x, factors);
  }
  expect_same_bits(r[0].bytes(), r[1].bytes(), "q");
  expect_same_bits(r[0].scales_T, r[1].scales_T, "scales");
}

MMPO_ON_EVERY_BACKEND(Quantized);

TEST(TurnedMatrix, IsTheTranspose) {
  at::manual_seed(5);
  for (const auto& [num_rows, columns] :
       std::vector<std::pair<int64_t, int64_t>>{{16, 16}, {64, 64}, {80, 208}, {3, 5}, {130, 1}}) {
    const Tensor x = at::randint(0, 256, {num_rows, columns}, at::kByte);
    for (const int order : {1, 2}) {
      const emulator::Device device(2 * order - 1, order == 2);
      Tensor turned = at::zeros({columns, num_rows}, at::kByte);
      CudaQuantized<EmulatedGpu>::transpose({x.const_data_ptr<uint8_t>(), num_rows, columns, columns},
                                            {turned.mutable_data_ptr<uint8_t>(), columns, num_rows, num_rows}, nullptr);
      expect_same_bits(turned, x.t(), "turned");
    }
  }
}

// What the products must be, in double.
class QuantizedProduct : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && cuda_is_built()) GTEST_SKIP() << "the GPU's way is emulated in the other program";
    way_.emplace(GetParam());
    at::manual_seed(7);
    const Tensor w_NK =
        random({kOutputs, kInputs}, at::kBFloat16).mul_(at::rand({kOutputs, 1}).add_(0.2).to(at::kBFloat16));
    weight_ = {at::empty({kOutputs, kInputs}, at::kFloat8_e4m3fn), at::empty({kOutputs}, at::kFloat)};
    quantize_rows(w_NK, {}, weight_.values_NK, weight_.scales_N);
    exact_NK_ = w_NK.to(at::kDouble);
    w_NK_ = values(weight_.values_NK, weight_.scales_N);
  }

  static Tensor values(const Tensor& q, const Tensor& scales) {
    return q.to(at::kDouble) * scales.to(at::kDouble).unsqueeze(1);
  }
  // As the product has them, in double.
  static Tensor rounded(const Tensor& x_TK, const Tensor& factors_K = {}) {
    Tensor q = at::empty(x_TK.sizes(), at::kFloat8_e4m3fn), scales = at::empty({x_TK.size(0)}, at::kFloat);
    quantize_rows(x_TK, factors_K, q, scales);
    return values(q, scales);
  }
  // Half of what is between two numbers of bfloat16, which has eight bits.
  static Tensor half_ulp(const Tensor& x) { return x.abs() * std::ldexp(1.0, -8) * (1 + std::ldexp(1.0, -7)); }
  // Of float32 sums over a row of products, and of two scalings.
  static Tensor of_sums(const Tensor& a_MK, const Tensor& b_KN) {
    return at::mm(a_MK.abs(), b_KN.abs()) * (static_cast<double>(a_MK.size(1)) + 4) * std::ldexp(1.0, -24);
  }
  // How far a row's numbers may be from e4m3's: half of what is between two of them.
  static Tensor of_rounding(const Tensor& x_TK) {
    const Tensor x = x_TK.to(at::kDouble);
    const Tensor least = x.abs().amax(1, true) / 448 * std::ldexp(1.0, -10);
    return at::maximum(x.abs() * std::ldexp(1.0, -4), least) * (1 + 1e-6);
  }
  static void expect_within(const Tensor& found, const Tensor& wanted, const Tensor& bound, const char* what) {
    const Tensor excess = (found.to(at::kDouble) - wanted).abs() - bound;
    EXPECT_TRUE(excess.max().item<double>() <= 0) << what << ": beyond the bound by " << excess.max().item<double>();
    EXPECT_TRUE((bound < wanted.abs().mean()).any().item<bool>()) << what << ": a bound that nothing could exceed";
  }

  static constexpr int64_t kRows = 37, kInputs = 208, kOutputs = 80;
  std::optional<GpuWay> way_;
  QuantizedMatrix weight_;
  Tensor w_NK_, exact_NK_;
  Workspace workspace_;
};

INSTANTIATE_TEST_SUITE_P(On, QuantizedProduct, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "EmulatedGpu" : "Cpu"; });

TEST_P(QuantizedProduct, ForwardIsThatOfTheRoundedNumbers) {
  const Tensor x = random({kRows, kInputs}, at::kBFloat16);
  const Tensor residual = random({kRows, kOutputs}, at::kBFloat16);
  const Tensor bias = random({kOutputs}, at::kBFloat16);
  const Tensor product = at::mm(rounded(x), w_NK_.t());
  const Tensor bound = half_ulp(product) + of_sums(rounded(x), w_NK_.t());
  Tensor out = at::empty({kRows, kOutputs}, at::kBFloat16);
  quantized_linear({}, x, weight_, {}, workspace_, out);
  expect_within(out, product, bound, "the product");
  quantized_linear(residual, x, weight_, {}, workspace_, out);
  const Tensor sum = product + residual.to(at::kDouble);
  const Tensor of_sum = bound * 1.01 + half_ulp(sum) * 1.01;
  expect_within(out, sum, of_sum, "with a residual");
  const Tensor kept = out.clone();
  quantized_linear(residual, x, weight_, bias, workspace_, out);
  const Tensor biased = sum + bias.to(at::kDouble);
  expect_within(out, biased, of_sum * 1.01 + half_ulp(biased) * 1.01, "with a bias");
  Tensor stream = residual.clone();
  quantized_linear(stream, x, weight_, {}, workspace_, stream);
  expect_same_bits(stream, kept, "into the residual itself");
}

TEST_P(QuantizedProduct, ForwardIsAsFarFromTheExactProductAsE4m3Allows) {
  const Tensor x = random({kRows, kInputs}, at::kBFloat16);
  const Tensor exact_x = x.to(at::kDouble);
  const Tensor exact = at::mm(exact_x, exact_NK_.t());
  const Tensor of_x = of_rounding(exact_x), of_w = of_rounding(exact_NK_);
  const Tensor bound =
      at::mm(exact_x.abs() + of_x, (exact_NK_.abs() + of_w).t()) - at::mm(exact_x.abs(), exact_NK_.abs().t());
  Tensor out = at::empty({kRows, kOutputs}, at::kBFloat16);
  quantized_linear({}, x, weight_, {}, workspace_, out);
  const Tensor excess =
      (out.to(at::kDouble) - exact).abs() - bound - half_ulp(exact.abs() + bound) - of_sums(rounded(x), w_NK_.t());
  EXPECT_LE(excess.max().item<double>(), 0);
  // And it is fp8: bfloat16 would be within a sixteenth of this.
  EXPECT_GT(((out.to(at::kDouble) - exact).norm() / exact.norm()).item<double>(), 0.01);
}

TEST_P(QuantizedProduct, BackwardIsThatOfTheRoundedNumbers) {
  const Tensor grad = random({kRows, kOutputs}, at::kBFloat16) * 1e-3;
  const Tensor scaled = rounded(grad, weight_.scales_N);
  const Tensor q_NK = weight_.values_NK.to(at::kDouble);
  const Tensor wanted = at::mm(scaled, q_NK);
  Tensor found = at::empty({kRows, kInputs}, at::kBFloat16);
  quantized_linear_backward_input(grad, weight_, at::ones({kInputs + 16}), workspace_, found);
  expect_within(found, wanted, half_ulp(wanted) + of_sums(scaled, q_NK), "the gradient");
  // From the exact one of the same weight by what rounding the scaled gradient allows.
  const Tensor exact_scaled = grad.to(at::kDouble) * weight_.scales_N.to(at::kDouble);
  const Tensor exact = at::mm(exact_scaled, q_NK);
  const Tensor bound = at::mm(of_rounding(exact_scaled), q_NK.abs());
  const Tensor excess =
      (found.to(at::kDouble) - exact).abs() - bound - half_ulp(exact.abs() + bound) - of_sums(scaled, q_NK);
  EXPECT_LE(excess.max().item<double>(), 0);
}

TEST_P(QuantizedProduct, ARowThatIsNotFiniteSpoilsItselfAlone) {
  Tensor x = random({kRows, kInputs}, at::kBFloat16);
  Tensor clean = at::empty({kRows, kOutputs}, at::kBFloat16), out = at::empty({kRows, kOutputs}, at::kBFloat16);
  quantized_linear({}, x, weight_, {}, workspace_, clean);
  x[3][5] = kInfinity;
  x[9][0] = std::nan("");
  quantized_linear({}, x, weight_, {}, workspace_, out);
  for (int64_t row = 0; row < kRows; ++row) {
    if (row == 3 || row == 9) {
      EXPECT_TRUE(at::isnan(out[row]).all().item<bool>()) << row;
    } else {
      EXPECT_TRUE(at::equal(out[row], clean[row])) << row;
    }
  }
}

TEST_P(QuantizedProduct, NoRowsAreNothingToDo) {
  Tensor out = at::empty({0, kOutputs}, at::kBFloat16), grad_x = at::empty({0, kInputs}, at::kBFloat16);
  quantized_linear({}, at::empty({0, kInputs}, at::kBFloat16), weight_, {}, workspace_, out);
  quantized_linear_backward_input(out, weight_, at::ones({kInputs}), workspace_, grad_x);
  EXPECT_EQ(workspace_.mark(), 0);
}

TEST(QuantizedGpu, IsOneOfComputeCapability89OrMore) {
  const auto missing = [](int32_t major, int32_t minor) {
    return quantized_is_missing(GpuProperties{"NVIDIA A100", 0, major, minor, 0, 0, 0});
  };
  EXPECT_EQ(missing(8, 9), "");
  EXPECT_EQ(missing(9, 0), "");
  EXPECT_EQ(missing(12, 0), "");
  EXPECT_EQ(
      missing(8, 0),
      "products in fp8 need a GPU of compute capability 8.9 or more (Ada, Hopper and later), and NVIDIA A100 has 8.0");
  EXPECT_NE(missing(8, 6), "");
  EXPECT_NE(missing(7, 5), "");
  EXPECT_EQ(quantized_is_missing(at::Device(at::kCPU)), "");
}

}  // namespace
}  // namespace mmpo
