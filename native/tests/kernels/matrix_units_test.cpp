// The products on matrix units, with emulated ones. Compiled as for a processor that has them (CMakeLists.txt); gemm_test.cpp and
// attention_test.cpp use the real ones where there are any.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/emulated_tiles.h"

namespace mmpo {
namespace {

class MatrixUnitsTest : public ::testing::TestWithParam<ProductShape> {};

TEST_P(MatrixUnitsTest, MultipliesWholeTilesAndTouchesNothingElse) {
  const ProductShape shape = GetParam();
  constexpr int64_t kMargin = 5;
  const int64_t a_stride = shape.depths + kMargin, c_stride = shape.columns + kMargin;
  const auto wave = [](int64_t i) { return c10::BFloat16(static_cast<float>(std::sin(0.7 * static_cast<double>(i)))); };
  // What lies past a row of A is no number: it would show in every sum that it reached.
  std::vector<c10::BFloat16> a(static_cast<size_t>(shape.rows * a_stride), std::numeric_limits<float>::quiet_NaN());
  std::vector<c10::BFloat16> panel(static_cast<size_t>(shape.depths * shape.columns));
  const auto a_at = [&](int64_t i, int64_t k) -> c10::BFloat16& { return a[static_cast<size_t>(i * a_stride + k)]; };
  const auto panel_at = [&](int64_t k, int64_t j) -> c10::BFloat16& {
    return panel[static_cast<size_t>((k / 2 * shape.columns + j) * 2 + k % 2)];
  };
  for (int64_t k = 0; k < shape.depths; ++k) {
    for (int64_t i = 0; i < shape.rows; ++i) a_at(i, k) = wave(i * shape.depths + k);
    for (int64_t j = 0; j < shape.columns; ++j) panel_at(k, j) = wave(31 + k * shape.columns + j);
  }
  for (const bool add : {false, true}) {
    std::vector<float> c(static_cast<size_t>(shape.rows * c_stride), 0.5F);
    {
      const MatrixUnits units;
      multiply_whole_tiles(shape, a.data(), a_stride, add, panel.data(), c.data(), c_stride);
    }
    EXPECT_FALSE(emulated_tiles::registers.configured) << "the thread still holds the tiles";
    for (int64_t i = 0; i < shape.rows; ++i) {
      for (int64_t j = 0; j < c_stride; ++j) {
        double expected = add || j >= shape.columns ? 0.5 : 0.0;
        for (int64_t k = 0; k < shape.depths && j < shape.columns; ++k) {
          expected += static_cast<double>(a_at(i, k)) * static_cast<double>(panel_at(k, j));
        }
        ASSERT_NEAR(c[static_cast<size_t>(i * c_stride + j)], expected, 1e-4) << i << ", " << j << ", add " << add;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, MatrixUnitsTest,
                         ::testing::Values(ProductShape{16, 16, 32}, ProductShape{32, 64, 64}, ProductShape{48, 32, 96},
                                           ProductShape{16, 48, 32}, ProductShape{64, 80, 256}));

}  // namespace
}  // namespace mmpo
