#include "kernels/backend.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class Rope : public KernelTest {};

constexpr int64_t kPositions = 64;

struct Angles {
  Tensor cosines, sines;  // float32 [P, D/2]
};

Angles angles(int64_t head_dim) {
  const Tensor inv_freq = at::pow(10000.0, -at::arange(0, head_dim, 2, at::kDouble) / static_cast<double>(head_dim));
  const Tensor angle = at::arange(kPositions, at::kDouble).unsqueeze(1) * inv_freq;
  return {angle.cos().to(at::kFloat), angle.sin().to(at::kFloat)};
}

// Hugging Face: x * cos + rotate_half(x) * sin, with cos and sin repeated for both halves.
Tensor reference(const Tensor& x_TND, const Angles& table, const Tensor& positions_T) {
  const auto rows = [&](const Tensor& half) {
    return at::cat({half, half}, -1).to(at::kDouble).index_select(0, positions_T.to(at::kLong)).unsqueeze(1);
  };
  const auto halves = x_TND.chunk(2, -1);
  return x_TND * rows(table.cosines) + at::cat({-halves[1], halves[0]}, -1) * rows(table.sines);
}

TEST_P(Rope, EqualsHuggingFaceInDouble) {
  at::manual_seed(1);
  for (const auto type : kTypes) {
    for (const int64_t head_dim : {2, 8, 16, 30, 64, 128}) {
      for (const auto position_type : {at::kInt, at::kLong}) {
        SCOPED_TRACE(::testing::Message() << type << " head " << head_dim);
        const Angles table = angles(head_dim);
        const Tensor positions = at::randint(kPositions, {47}).to(position_type);
        Tensor x = random({47, 3, head_dim}, type);
        const Tensor wanted = reference(x.to(at::kDouble), table, positions);
        backend().rope_(x, table.cosines, table.sines, positions, false);
        expect_close(x, wanted, tolerance(type), "x");
      }
    }
  }
}

TEST_P(Rope, OfAHandComputedQuarterTurn) {
  Tensor x = at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).view({1, 1, 4});
  const Tensor cosines = at::zeros({1, 2});
  const Tensor sines = at::ones({1, 2});
  backend().rope_(x, cosines, sines, at::zeros({1}, at::kLong), false);
  // (x1, x3) -> (-x3, x1) and (x2, x4) -> (-x4, x2).
  expect_same_bits(x.view({4}), at::tensor({-3.0f, -4.0f, 1.0f, 2.0f}), "quarter turn");
}

TEST_P(Rope, InverseIsAutogradsBackward) {
  at::manual_seed(2);
  for (const auto type : kTypes) {
    const Angles table = angles(16);
    const Tensor positions = at::randint(kPositions, {31}).to(at::kInt);
    const Tensor x64 = oracle(random({31, 3, 16}, type));
    Tensor grad = random({31, 3, 16}, type);
    reference(x64, table, positions).backward(grad.to(at::kDouble));
    backend().rope_(grad, table.cosines, table.sines, positions, true);
    expect_close(grad, x64.grad(), tolerance(type), "grad");
  }
}

TEST_P(Rope, TouchesItsHeadsOfAFusedBufferOnly) {
  at::manual_seed(3);
  for (const auto type : kTypes) {
    // Two query heads, one key head, one value head of 8: rotate the first three where they lie.
    const Angles table = angles(8);
    const Tensor positions = at::arange(23, at::kInt);
    const Tensor before = random({23, 4 * 8}, type);
    Tensor qkv = before.clone();
    Tensor query_and_key = qkv.narrow(1, 0, 3 * 8).view({23, 3, 8});
    backend().rope_(query_and_key, table.cosines, table.sines, positions, false);
    const Tensor wanted = reference(before.narrow(1, 0, 24).view({23, 3, 8}).to(at::kDouble), table, positions);
    expect_close(query_and_key, wanted, tolerance(type), "query and key");
    expect_same_bits(qkv.narrow(1, 24, 8), before.narrow(1, 24, 8), "value");
  }
}

TEST_P(Rope, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(4);
  const Angles table = angles(64);
  const Tensor positions = at::randint(kPositions, {500}).to(at::kInt);
  const Tensor before = random({500, 12, 64}, at::kBFloat16);
  Tensor one = before.clone();
  Tensor two = before.clone();
  {
    const auto scope = backend().variant(1);
    backend().rope_(one, table.cosines, table.sines, positions, false);
  }
  const auto scope = backend().variant(2);
  backend().rope_(two, table.cosines, table.sines, positions, false);
  expect_same_bits(one, two, "x");
}

MMPO_ON_EVERY_BACKEND(Rope);

}  // namespace
}  // namespace mmpo
