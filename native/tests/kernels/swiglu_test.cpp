#include "kernels/backend.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class Swiglu : public KernelTest {};

constexpr int64_t kSizes[] = {1, 3, 31, 47, 64, 123, 2056};

Tensor reference(const Tensor& gate_up) {
  const auto halves = gate_up.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

TEST_P(Swiglu, EqualsAtenInDouble) {
  at::manual_seed(1);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t intermediate : kSizes) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << intermediate);
      const Tensor gate_up = random_view(47, 2 * intermediate, type, layout).mul_(3);
      Tensor out = random_view(47, intermediate, type, layout);
      backend().swiglu(gate_up, out);
      expect_close(out, reference(gate_up.to(at::kDouble)), tolerance(type), "out");
    }
  }
}

TEST_P(Swiglu, BackwardEqualsAutogradInDouble) {
  at::manual_seed(2);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t intermediate : kSizes) {
      SCOPED_TRACE(::testing::Message() << type << ' ' << layout << ' ' << intermediate);
      const Tensor gate_up = random_view(47, 2 * intermediate, type, layout);
      const Tensor grad_out = random_view(47, intermediate, type, layout);
      const Tensor gate_up64 = oracle(gate_up);
      reference(gate_up64).backward(grad_out.to(at::kDouble));
      Tensor grad = random_view(47, 2 * intermediate, type, layout);
      backend().swiglu_backward(grad_out, gate_up, grad);
      expect_close(grad, gate_up64.grad(), tolerance(type), "grad_gate_up");
    }
  }
}

TEST_P(Swiglu, BackwardInPlaceHasTheSameBits) {
  at::manual_seed(3);
  for (const auto [type, layout] : kKinds) {
    for (const int64_t intermediate : {64, 123}) {
      Tensor gate_up = random_view(47, 2 * intermediate, type, layout);
      const Tensor grad_out = random_view(47, intermediate, type, layout);
      Tensor apart = at::empty({47, 2 * intermediate}, type);
      backend().swiglu_backward(grad_out, gate_up, apart);
      backend().swiglu_backward(grad_out, gate_up, gate_up);
      expect_same_bits(gate_up, apart, "grad_gate_up");
    }
  }
}

TEST_P(Swiglu, StaysFiniteFarFromZero) {
  const Tensor gate_up = at::tensor({-1e4f, -100.0f, 100.0f, 1e4f, 2.0f, 2.0f, 2.0f, 2.0f}).view({1, 8});
  Tensor out = at::empty({1, 4});
  backend().swiglu(gate_up, out);
  expect_same_bits(out.abs(), at::tensor({0.0f, 0.0f, 200.0f, 2e4f}).view({1, 4}), "out");
  Tensor grad = at::empty({1, 8});
  backend().swiglu_backward(at::ones({1, 4}), gate_up, grad);
  // The slope of silu is 0 on the far left and 1 on the far right, times up = 2; then silu itself.
  expect_same_bits(grad.abs(), at::tensor({0.0f, 0.0f, 2.0f, 2.0f, 0.0f, 0.0f, 100.0f, 1e4f}).view({1, 8}), "grad");
}

TEST_P(Swiglu, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(4);
  const Tensor gate_up = random({300, 2 * 1536}, at::kFloat);
  const Tensor grad_out = random({300, 1536}, at::kFloat);
  Tensor out[2], grad[2];
  for (const int threads : {1, 2}) {
    const auto scope = backend().variant(threads);
    out[threads - 1] = at::empty({300, 1536});
    grad[threads - 1] = at::empty({300, 2 * 1536});
    backend().swiglu(gate_up, out[threads - 1]);
    backend().swiglu_backward(grad_out, gate_up, grad[threads - 1]);
  }
  expect_same_bits(out[0], out[1], "out");
  expect_same_bits(grad[0], grad[1], "grad");
}

MMPO_ON_EVERY_BACKEND(Swiglu);

}  // namespace
}  // namespace mmpo
