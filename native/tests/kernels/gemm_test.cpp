#include "kernels/gemm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

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
