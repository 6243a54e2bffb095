// The masks themselves, on the CPU; dropout_linear_test.cpp holds those of a GPU against them.
#include "kernels/dropout_linear.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;

constexpr DropoutStream kStream{.key = 0x0123456789ABCDEF, .stream = 3, .threshold = 19661};  // 0.3

Tensor mask(int64_t num_rows, int64_t columns, const DropoutStream& stream) {
  Tensor kept = at::empty({num_rows, columns});
  dropout(at::ones({num_rows, columns}), stream, kept);
  return kept;
}

double average(const Tensor& x) { return x.to(at::kDouble).mean().item<double>(); }

// Four standard deviations of a mean of so many independent draws.
double band(const Tensor& x) {
  const double rate = kStream.threshold / 65536.0;
  return 4 * std::sqrt(rate * (1 - rate) / static_cast<double>(x.numel()));
}

TEST(Dropout, KeepsTheWantedShareInEveryRowAndColumn) {
  const double kept = 1 - kStream.threshold / 65536.0;
  const Tensor whole = mask(2000, 1000, kStream);
  EXPECT_NEAR(average(whole), kept, band(whole));
  EXPECT_LT((whole.mean(0) - kept).abs().max().item<double>(), 1.5 * band(whole.select(1, 0)));
  EXPECT_LT((whole.mean(1) - kept).abs().max().item<double>(), 1.5 * band(whole.select(0, 0)));
}

// Two independent masks agree with chance k^2 + (1 - k)^2.
TEST(Dropout, NeighboursStreamsAndKeysAreIndependent) {
  const double kept = 1 - kStream.threshold / 65536.0;
  const double chance = kept * kept + (1 - kept) * (1 - kept);
  const Tensor whole = mask(1000, 999, kStream);
  const auto expect_independent = [&](const Tensor& a, const Tensor& b) {
    EXPECT_NEAR(average(a == b), chance, 1.2 * band(a));
  };
  for (const int64_t distance : {1, 16, 32, 128}) {
    expect_independent(whole.narrow(1, distance, 999 - distance), whole.narrow(1, 0, 999 - distance));
  }
  expect_independent(whole.narrow(0, 1, 999), whole.narrow(0, 0, 999));
  for (const uint64_t key : {kStream.key + 1, kStream.key + (uint64_t{1} << 32)}) {
    DropoutStream other = kStream;
    other.key = key;
    expect_independent(mask(1000, 999, other), whole);
  }
  DropoutStream other = kStream;
  other.stream += 1;
  expect_independent(mask(1000, 999, other), whole);
}

TEST(Dropout, TheMaskIsAFunctionOfThePlace) {
  const Tensor whole = mask(47, 123, kStream);
  // Of a part of the rows, of fewer columns, of another type, in strided memory.
  DropoutStream later = kStream;
  later.first_row = 11;
  expect_same_bits(mask(20, 123, later), whole.narrow(0, 11, 20), "rows");
  expect_same_bits(mask(47, 31, kStream), whole.narrow(1, 0, 31), "columns");
  for (const auto [type, layout] : kKinds) {
    const Tensor x = random_view(47, 123, type, layout);
    Tensor out = random_view(47, 123, type, layout);
    dropout(x, kStream, out);
    expect_same_bits(out, x * whole.to(type), "values");
  }
}

TEST(Dropout, HasTheSameBitsForAnyNumberOfThreads) {
  Tensor masks[2];
  for (const int count : {1, 2}) {
    const Threads threads(count);
    masks[count - 1] = mask(300, 1536, kStream);
  }
  expect_same_bits(masks[0], masks[1], "mask");
}

}  // namespace
}  // namespace mmpo
