#include "kernels/backend.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

class AddRows : public KernelTest {};

struct Types {
  at::ScalarType from, sum;
};
// Head rows, an embedding's gradient.
constexpr Types kPairs[] = {{at::kFloat, at::kFloat}, {at::kBFloat16, at::kFloat}, {at::kBFloat16, at::kBFloat16}};

// One row after the other, each sum rounded.
Tensor sequential(const Tensor& from, const Tensor& places, const Tensor& before) {
  Tensor sum = before.contiguous().clone();
  for (int64_t r = 0; r < from.size(0); ++r) {
    Tensor row = sum.select(0, places[r].item<int64_t>());
    row.copy_(row.to(at::kFloat) + from.select(0, r).to(at::kFloat));
  }
  return sum;
}

TEST_P(AddRows, HasTheBitsOfTheSequentialSum) {
  at::manual_seed(1);
  for (const auto& [from_type, sum_type] : kPairs) {
    for (const auto layout : {Layout::kAnywhere, Layout::kAligned}) {
      for (const int64_t columns : {1, 3, 31, 123, 2100}) {
        SCOPED_TRACE(::testing::Message() << from_type << " to " << sum_type << ' ' << layout << ' ' << columns);
        const Tensor from = random_view(70, columns, from_type, layout);
        // Some places get many rows, some none.
        const Tensor places = at::randint(9, {70}).square() % 23;
        Tensor sum = random_view(23, columns, sum_type, layout);
        const Tensor wanted = sequential(from, places, sum);
        backend().add_rows(from, places, sum);
        expect_same_bits(sum, wanted, "sum");
      }
    }
  }
}

// More rows than a block of threads looks at in one turn, with places that are far apart and side by side.
TEST_P(AddRows, OfManyRows) {
  at::manual_seed(2);
  const Tensor from = random({600, 40}, at::kBFloat16);
  for (const Tensor& places :
       {at::zeros({600}, at::kLong), at::arange(600, at::kLong), at::arange(600, at::kLong).flip(0) / 2 % 299}) {
    const Tensor whole = places.to(at::kLong);
    Tensor sum = random({600, 40}, at::kFloat);
    const Tensor wanted = sequential(from, whole, sum);
    backend().add_rows(from, whole, sum);
    expect_same_bits(sum, wanted, "sum");
  }
}

TEST_P(AddRows, HasTheSameBitsForOneAndTwoThreads) {
  at::manual_seed(3);
  const Tensor from = random({600, 2100}, at::kBFloat16);
  const Tensor places = at::randint(7, {600});
  Tensor sums[2];
  for (const int number : {1, 2}) {
    const auto scope = backend().variant(number);
    sums[number - 1] = at::zeros({7, 2100});
    backend().add_rows(from, places, sums[number - 1]);
  }
  expect_same_bits(sums[0], sums[1], "sum");
}

TEST_P(AddRows, OfNoRowsChangesNothing) {
  Tensor sum = at::ones({3, 5});
  backend().add_rows(at::empty({0, 5}), at::empty({0}, at::kLong), sum);
  expect_same_bits(sum, at::ones({3, 5}), "sum");
}

TEST(AddRowsArguments, AreRefusedWhereTheyDoNotFit) {
  Tensor sum = at::zeros({3, 5});
  Tensor bf16_sum = at::zeros({3, 5}, at::kBFloat16);
  EXPECT_THROW(add_rows(at::zeros({2, 4}), at::zeros({2}, at::kLong), sum), c10::Error);
  EXPECT_THROW(add_rows(at::zeros({2, 5}), at::zeros({3}, at::kLong), sum), c10::Error);
  EXPECT_THROW(add_rows(at::zeros({2, 5}), at::zeros({2}, at::kInt), sum), c10::Error);
  EXPECT_THROW(add_rows(at::zeros({2, 5}), at::zeros({2}, at::kLong), bf16_sum), c10::Error);
}

MMPO_ON_EVERY_BACKEND(AddRows);

}  // namespace
}  // namespace mmpo
