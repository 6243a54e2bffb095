#include "kernels/gemm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace mmpo {
namespace {

struct Shape {
  int64_t rows, depth, columns;
};

enum class Addend { kNone, kResult, kOther };

Tensor operand(int64_t rows, int64_t columns, bool transposed, at::ScalarType dtype) {
  return transposed ? at::randn({columns, rows}).to(dtype).t() : at::randn({rows, columns}).to(dtype);
}

double relative_error(const Tensor& found, const Tensor& expected) {
  return ((found.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

// A copy between two pages that nobody may touch: right behind the first, or right before the second.
class Fenced {
 public:
  Fenced(const Tensor& x, bool at_end) {
    const auto page = static_cast<size_t>(getpagesize());
    const size_t bytes = x.nbytes();
    size_ = (bytes + page - 1) / page * page + 2 * page;
    memory_ = static_cast<char*>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory_, page, PROT_NONE);
    mprotect(memory_ + size_ - page, page, PROT_NONE);
    char* const data = at_end ? memory_ + size_ - page - bytes : memory_ + page;
    std::memcpy(data, x.const_data_ptr(), bytes);
    tensor_ = at::from_blob(data, x.sizes(), x.options());
  }
  ~Fenced() { munmap(memory_, size_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  Tensor& tensor() { return tensor_; }

 private:
  char* memory_ = nullptr;
  size_t size_ = 0;
  Tensor tensor_;
};

class GemmTest : public ::testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { at::manual_seed(5); }
};

TEST_P(GemmTest, EqualsTheProductInDouble) {
  const auto [rows, depth, columns] = GetParam();
  Workspace workspace;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto out_dtype : {at::kFloat, at::kBFloat16}) {
      if (dtype == at::kFloat && out_dtype == at::kBFloat16) continue;
      for (const bool a_transposed : {false, true}) {
        for (const bool b_transposed : {false, true}) {
          for (const Addend addend : {Addend::kNone, Addend::kResult, Addend::kOther}) {
            const Tensor a = operand(rows, depth, a_transposed, dtype);
            const Tensor b = operand(depth, columns, b_transposed, dtype);
            // A view into a wider buffer: rows are contiguous, not the matrix.
            const auto part = [&] { return at::randn({rows, columns + 3}).to(out_dtype).narrow(1, 1, columns); };
            Tensor c = part();
            const Tensor sum = addend == Addend::kNone ? Tensor() : addend == Addend::kResult ? c : part();
            Tensor expected = a.to(at::kDouble).mm(b.to(at::kDouble));
            if (sum.defined()) expected += sum.to(at::kDouble);
            gemm(a, b, sum, workspace, c);
            EXPECT_LT(relative_error(c, expected), out_dtype == at::kFloat ? 1e-6 : 3e-3)
                << dtype << " " << out_dtype << " a^T " << a_transposed << " b^T " << b_transposed;
          }
        }
      }
    }
  }
}

TEST_P(GemmTest, SameBitsForAnyNumberOfThreads) {
  const auto [rows, depth, columns] = GetParam();
  Workspace workspace;
  const int threads = at::get_num_threads();
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const bool a_transposed : {false, true}) {
      const Tensor a = operand(rows, depth, a_transposed, dtype);
      const Tensor b = operand(depth, columns, !a_transposed, dtype);
      Tensor many = at::empty({rows, columns}, dtype);
      Tensor one = at::empty({rows, columns}, dtype);
      at::set_num_threads(3);
      gemm(a, b, {}, workspace, many);
      at::set_num_threads(1);
      gemm(a, b, {}, workspace, one);
      at::set_num_threads(threads);
      EXPECT_TRUE(at::equal(one, many)) << dtype << " a^T " << a_transposed;
    }
  }
}

// A row of a product does not depend on how many others there are: not in the rows that decoding has, nor beyond them.
TEST_P(GemmTest, SameBitsOfARowForAnyNumberOfRows) {
  const auto [most_rows, depth, columns] = GetParam();
  Workspace workspace;
  constexpr int64_t kRows = 300;
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    for (const auto out_dtype : {at::kFloat, at::kBFloat16}) {
      if (dtype == at::kFloat && out_dtype == at::kBFloat16) continue;
      const Tensor a = operand(kRows, depth, false, dtype);
      const Tensor b = operand(depth, columns, true, dtype);
      const Tensor start = at::randn({kRows, columns}).to(out_dtype);
      for (const Addend addend : {Addend::kNone, Addend::kResult, Addend::kOther}) {
        const auto product = [&](int64_t first, int64_t rows) {
          const Tensor other = start.narrow(0, first, rows);
          Tensor c = addend == Addend::kResult ? other.clone() : at::empty({rows, columns}, out_dtype);
          gemm(a.narrow(0, first, rows), b,
               addend == Addend::kNone     ? Tensor()
               : addend == Addend::kResult ? c
                                           : other,
               workspace, c);
          return c;
        };
        const Tensor all = product(0, kRows);
        for (const int64_t rows : {1, 2, 7, 8, 9, 12, 16, 31, 32, 33, 47, 64, 65, 100}) {
          // In another place of the tile, too.
          for (const int64_t first : {int64_t{0}, int64_t{17}, kRows - rows}) {
            EXPECT_TRUE(at::equal(product(first, rows), all.narrow(0, first, rows)))
                << dtype << " into " << out_dtype << ", rows " << first << " to " << first + rows << ", addend "
                << static_cast<int>(addend);
          }
        }
      }
    }
  }
}

TEST_P(GemmTest, SameBitsOfABfloat16OperandAsOfItsNumbersInFloat32) {
  const auto [rows, depth, columns] = GetParam();
  Workspace workspace;
  for (const bool a_transposed : {false, true}) {
    for (const bool b_transposed : {false, true}) {
      for (const bool adds : {false, true}) {
        const Tensor a = operand(rows, depth, a_transposed, at::kFloat);
        const Tensor b = operand(depth, columns, b_transposed, at::kBFloat16);
        const Tensor start = at::randn({rows, columns});
        Tensor narrow = start.clone();
        Tensor wide = start.clone();
        gemm(a, b, adds ? narrow : Tensor(), workspace, narrow);
        gemm(a, b.to(at::kFloat), adds ? wide : Tensor(), workspace, wide);
        EXPECT_TRUE(at::equal(narrow, wide)) << "a^T " << a_transposed << " b^T " << b_transposed << " adds " << adds;
      }
    }
  }
}

TEST_P(GemmTest, TouchesNothingBesideItsMatrices) {
  const auto [rows, depth, columns] = GetParam();
  Workspace workspace;
  for (const auto& [a_type, b_type] : {std::pair(at::kFloat, at::kFloat), std::pair(at::kFloat, at::kBFloat16),
                                       std::pair(at::kBFloat16, at::kBFloat16)}) {
    for (const int transposed : {0, 1, 2, 3}) {
      for (const bool at_end : {false, true}) {
        const bool of_a = (transposed & 1) != 0, of_b = (transposed & 2) != 0;
        Fenced a(at::randn(of_a ? at::IntArrayRef{depth, rows} : at::IntArrayRef{rows, depth}).to(a_type), at_end);
        Fenced b(at::randn(of_b ? at::IntArrayRef{columns, depth} : at::IntArrayRef{depth, columns}).to(b_type),
                 at_end);
        Fenced c(at::empty({rows, columns}), at_end);
        const Tensor a_MK = of_a ? a.tensor().t() : a.tensor();
        const Tensor b_KN = of_b ? b.tensor().t() : b.tensor();
        gemm(a_MK, b_KN, {}, workspace, c.tensor());
        gemm(a_MK, b_KN, c.tensor(), workspace, c.tensor());
        // The terms of two products in one running sum.
        EXPECT_LT(relative_error(c.tensor(), 2 * a_MK.to(at::kDouble).mm(b_KN.to(at::kDouble))), 2e-6);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GemmTest,
                         ::testing::Values(Shape{1, 64, 130}, Shape{3, 47, 31}, Shape{31, 123, 65}, Shape{64, 64, 64},
                                           Shape{130, 700, 200}, Shape{70, 1500, 1100}, Shape{200, 5000, 96},
                                           Shape{520, 96, 1100}),
                         [](const auto& test) {
                           return std::to_string(test.param.rows) + "x" + std::to_string(test.param.depth) + "x" +
                                  std::to_string(test.param.columns);
                         });

}  // namespace
}  // namespace mmpo
