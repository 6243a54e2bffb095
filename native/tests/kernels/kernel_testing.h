// What the kernel tests share: random inputs as views into wider buffers, comparison with a reference in double, threads.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace mmpo::testing {

using at::Tensor;

inline constexpr at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16};
inline constexpr int64_t kOddSizes[] = {1, 3, 31, 47, 123};

// The reference's own rounding of a result to the type, plus what float32 arithmetic adds.
struct Tolerance {
  double relative, absolute;
};
inline Tolerance tolerance(at::ScalarType type) {
  return type == at::kFloat ? Tolerance{2e-6, 2e-6} : Tolerance{1.0 / 256, 1e-5};
}

inline Tensor random(at::IntArrayRef sizes, at::ScalarType type) { return at::randn(sizes).to(type); }

// [rows, columns] inside a buffer with wider rows that begins elsewhere: nothing is aligned and rows are strided.
inline Tensor random_view(int64_t num_rows, int64_t columns, at::ScalarType type) {
  return random({num_rows, columns + 5}, type).narrow(1, 3, columns);
}

inline Tensor oracle(const Tensor& x) { return x.to(at::kDouble).requires_grad_(); }

inline void expect_close(const Tensor& actual, const Tensor& expected, Tolerance limit, const char* what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  const Tensor reference = expected.detach().to(at::kDouble);
  const Tensor excess = (actual.to(at::kDouble) - reference).abs() - limit.relative * reference.abs();
  // Written so that NaN fails.
  EXPECT_TRUE(excess.max().item<double>() <= limit.absolute)
      << what << ": beyond " << limit.relative << " relative by " << excess.max().item<double>();
}

inline void expect_same_bits(const Tensor& a, const Tensor& b, const char* what) {
  EXPECT_TRUE(at::equal(a, b)) << what;
}

// The global number of threads for a scope.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace mmpo::testing
