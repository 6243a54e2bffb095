// Fused or not, against ATen in double with the masks of the CPU's dropout (dropout_test.cpp says what those are).
#include "kernels/dropout_linear.h"

#include "kernels/backend.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class DropoutLinear : public KernelTest {};

struct Shape {
  int64_t tokens, columns, rank, products;
};
// Of one element; smaller than a tile, and of odd sizes; several tiles of ranks; whole tiles; sums cut into parts over tokens, and
// over columns.
constexpr Shape kShapes[] = {{1, 1, 1, 1},     {3, 31, 3, 2},     {47, 123, 5, 3},   {70, 130, 64, 1},
                             {31, 300, 70, 2}, {128, 256, 32, 3}, {600, 136, 24, 1}, {40, 1304, 16, 3}};

DropoutMasks masks_of(int64_t products) {
  DropoutMasks masks;
  masks.count = products;
  // 0.3
  for (int64_t p = 0; p < products; ++p) {
    masks.at[p] = {
        .key = 0x0123456789ABCDEF, .stream = static_cast<uint32_t>(3 + 2 * p), .threshold = 19661, .first_row = 11};
  }
  return masks;
}

// Of forward's results: exact, before a sum is rounded and after it.
constexpr double kScale = 0.5;

// Ones where x is kept.
Tensor kept_where(int64_t tokens, int64_t columns, const DropoutStream& stream) {
  Tensor kept = at::empty({tokens, columns});
  dropout(at::ones({tokens, columns}), stream, kept);
  return kept;
}

struct Operands {
  Shape shape;
  DropoutMasks masks;
  Tensor x, weight, grad, out, grad_x, grad_weight;

  Operands(const Shape& s, Kind kind)
      : shape(s), masks(masks_of(s.products)), x(random_view(s.tokens, s.columns, kind.type, kind.layout)),
        weight(random_view(s.products * s.rank, s.columns, kind.type, kind.layout)),
        grad(random_view(s.tokens, s.products * s.rank, kind.type, kind.layout)),
        out(random_view(s.tokens, s.products * s.rank, kind.type, kind.layout)),
        grad_x(random_view(s.tokens, s.columns, kind.type, kind.layout)),
        grad_weight(random_view(s.products * s.rank, s.columns, at::kFloat, kind.layout)) {}

  Tensor kept(int64_t p) const { return kept_where(shape.tokens, shape.columns, masks.at[p]).to(at::kDouble); }
  // Of product p: rows of weights, columns of activations.
  Tensor weight_of(int64_t p) const { return weight.narrow(0, p * shape.rank, shape.rank).to(at::kDouble); }
  Tensor grad_of(int64_t p) const { return grad.narrow(1, p * shape.rank, shape.rank).to(at::kDouble); }
};

double rounding_of(at::ScalarType type) { return type == at::kFloat ? 1e-6 : 1.0 / 256; }

// A float32 sum of so many products of standard normal numbers, then the result's own rounding.
Tolerance tolerance_of(int64_t terms, at::ScalarType type) {
  return {rounding_of(type), 2e-6 * std::sqrt(static_cast<double>(terms)) + 2e-6};
}

template <typename Body>
void for_each_case(const Body& body) {
  at::manual_seed(7);
  for (const auto kind : kKinds) {
    for (const Shape& shape : kShapes) {
      SCOPED_TRACE(::testing::Message() << kind.type << ' ' << kind.layout << " T " << shape.tokens << " K "
                                        << shape.columns << " r " << shape.rank << " P " << shape.products);
      body(Operands(shape, kind), kind.type);
    }
  }
}

TEST_P(DropoutLinear, ForwardEqualsTheProductOfWhatIsKept) {
  for_each_case([](Operands o, at::ScalarType type) {
    backend().dropout_linear(o.x, o.weight, o.masks, kScale, o.out);
    for (int64_t p = 0; p < o.shape.products; ++p) {
      const Tensor expected = kScale * (o.x.to(at::kDouble) * o.kept(p)).mm(o.weight_of(p).t());
      expect_close(o.out.narrow(1, p * o.shape.rank, o.shape.rank), expected, tolerance_of(o.shape.columns, type),
                   "out");
    }
  });
}

TEST_P(DropoutLinear, BackwardAddsTheGradientsOfInputAndWeight) {
  for_each_case([](Operands o, at::ScalarType type) {
    Tensor grad_x = o.grad_x.to(at::kDouble);
    Tensor grad_weight = o.grad_weight.to(at::kDouble);
    // grad_x is rounded after every product.
    Tensor rounding = at::zeros_like(grad_x);
    for (int64_t p = 0; p < o.shape.products; ++p) {
      grad_x += o.kept(p) * o.grad_of(p).mm(o.weight_of(p));
      rounding += grad_x.abs() * rounding_of(type);
      grad_weight.narrow(0, p * o.shape.rank, o.shape.rank) += o.grad_of(p).t().mm(o.x.to(at::kDouble) * o.kept(p));
    }
    backend().dropout_linear_backward(o.grad, o.x, o.weight, o.masks, o.grad_x, o.grad_weight);
    const Tensor excess = (o.grad_x.to(at::kDouble) - grad_x).abs() - rounding;
    EXPECT_TRUE(excess.max().item<double>() <= tolerance_of(o.shape.rank, type).absolute)
        << "grad_x: beyond its rounding by " << excess.max().item<double>();
    expect_close(o.grad_weight, grad_weight, tolerance_of(o.shape.tokens, at::kFloat), "grad_weight");
  });
}

// Of one rank, with weights and gradients of 1, the gradient of the input is the mask.
TEST_P(DropoutLinear, DrawsTheMasksOfTheCpu) {
  for (const auto type : kTypes) {
    for (const int64_t columns : {1, 17, 129, 255, 2305}) {
      for (const int64_t first_row : {int64_t{0}, int64_t{1} << 20}) {
        DropoutMasks masks = masks_of(1);
        masks.at[0].first_row = first_row;
        Tensor found = at::zeros({67, columns}, type), grad_weight = at::zeros({1, columns});
        backend().dropout_linear_backward(at::ones({67, 1}, type), at::ones({67, columns}, type),
                                          at::ones({1, columns}, type), masks, found, grad_weight);
        const Tensor wanted = kept_where(67, columns, masks.at[0]);
        expect_same_bits(found, wanted.to(type), "mask of the input's gradient");
        // Counts up to 67 are exact.
        expect_same_bits(grad_weight, wanted.sum(0, true), "mask of the weight's gradient");
      }
    }
  }
}

TEST_P(DropoutLinear, WhatIsDroppedNeverCounts) {
  for (const auto type : kTypes) {
    Operands o({70, 200, 9, 1}, {type, Layout::kAnywhere});
    Tensor out = o.out.clone(), grad_weight = o.grad_weight.clone(), grad_x = o.grad_x.clone();
    backend().dropout_linear(o.x, o.weight, o.masks, kScale, out);
    backend().dropout_linear_backward(o.grad, o.x, o.weight, o.masks, grad_x, grad_weight);
    o.x.masked_fill_(o.kept(0) == 0, std::numeric_limits<double>::quiet_NaN());
    backend().dropout_linear(o.x, o.weight, o.masks, kScale, o.out);
    backend().dropout_linear_backward(o.grad, o.x, o.weight, o.masks, o.grad_x, o.grad_weight);
    expect_same_bits(o.out, out, "out");
    expect_same_bits(o.grad_x, grad_x, "grad_x");
    expect_same_bits(o.grad_weight, grad_weight, "grad_weight");
  }
}

// Of sums that are cut into parts.
TEST_P(DropoutLinear, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(3);
  for (const auto type : kTypes) {
    for (const Shape& shape : {Shape{600, 136, 24, 1}, Shape{40, 1304, 16, 2}}) {
      const Operands o(shape, {type, Layout::kAligned});
      Tensor outs[2], grads_x[2], grad_weights[2];
      for (const int i : {0, 1}) {
        const auto scope = backend().variant(i + 1);
        outs[i] = o.out.clone(), grads_x[i] = o.grad_x.clone(), grad_weights[i] = o.grad_weight.clone();
        backend().dropout_linear(o.x, o.weight, o.masks, kScale, outs[i]);
        backend().dropout_linear_backward(o.grad, o.x, o.weight, o.masks, grads_x[i], grad_weights[i]);
      }
      expect_same_bits(outs[0], outs[1], "out");
      expect_same_bits(grads_x[0], grads_x[1], "grad_x");
      expect_same_bits(grad_weights[0], grad_weights[1], "grad_weight");
    }
  }
}

TEST_P(DropoutLinear, OfNoRowsChangesNothing) {
  Operands o({0, 40, 3, 2}, {at::kBFloat16, Layout::kAligned});
  const Tensor before = o.grad_weight.clone();
  backend().dropout_linear(o.x, o.weight, o.masks, kScale, o.out);
  backend().dropout_linear_backward(o.grad, o.x, o.weight, o.masks, o.grad_x, o.grad_weight);
  expect_same_bits(o.grad_weight, before, "grad_weight");
}

TEST(DropoutLinearArguments, AreRefusedWhereTheyDoNotFit) {
  Workspace workspace;
  Tensor out = at::zeros({4, 6}), grad_x = at::zeros({4, 5}), grad_weight = at::zeros({6, 5});
  const Tensor x = at::zeros({4, 5}), weight = at::zeros({6, 5});
  EXPECT_THROW(dropout_linear(x, weight, masks_of(0), kScale, workspace, out), c10::Error);
  EXPECT_THROW(dropout_linear(x, at::zeros({6, 4}), masks_of(2), kScale, workspace, out), c10::Error);
  EXPECT_THROW(dropout_linear(x, at::zeros({5, 5}), masks_of(2), kScale, workspace, out), c10::Error);
  EXPECT_THROW(dropout_linear(x, weight.to(at::kBFloat16), masks_of(2), kScale, workspace, out), c10::Error);
  EXPECT_THROW(dropout_linear(x.to(at::kDouble), weight.to(at::kDouble), masks_of(2), kScale, workspace, out),
               c10::Error);
  Tensor narrow = grad_weight.to(at::kBFloat16);
  EXPECT_THROW(dropout_linear_backward(out, x, weight, masks_of(2), workspace, grad_x, narrow), c10::Error);
  EXPECT_THROW(dropout_linear_backward(out, x, weight, masks_of(2), workspace, out, grad_weight), c10::Error);
}

MMPO_ON_EVERY_BACKEND(DropoutLinear);

}  // namespace
}  // namespace mmpo
