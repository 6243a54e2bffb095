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

// Rows of a view into a buffer with wider ones: they begin anywhere, or on boundaries of 64 bytes. A row may end anywhere.
enum class Layout { kAnywhere, kAligned };

inline std::ostream& operator<<(std::ostream& out, Layout layout) {
  return out << (layout == Layout::kAligned ? "aligned" : "anywhere");
}

struct Kind {
  at::ScalarType type;
  Layout layout;
};
inline constexpr Kind kKinds[] = {{at::kFloat, Layout::kAnywhere},
                                  {at::kFloat, Layout::kAligned},
                                  {at::kBFloat16, Layout::kAnywhere},
                                  {at::kBFloat16, Layout::kAligned}};

// [rows, columns], strided.
inline Tensor random_view(int64_t num_rows, int64_t columns, at::ScalarType type, Layout layout = Layout::kAnywhere) {
  if (layout == Layout::kAnywhere) return random({num_rows, columns + 5}, type).narrow(1, 3, columns);
  return random({num_rows, columns / 32 * 32 + 32}, type).narrow(1, 0, columns);
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
