// Seconds that matrix products alone take, by this library's own gemm and by LibTorch: the limit that a training step is
// held to.
//
// usage: matrix_products float32|bfloat16 [THREADS] < shapes > seconds.json
// shapes: one `layout batch m k n` a line, the product of [batch, m, k] and [batch, k, n]; the layout says of each operand
// whether its rows (n) or its columns (t) are contiguous, as in x w^T (nt), grad w (nn) and grad^T x (tn).
// Printed: the best time of each, in order. A batch of more than one is LibTorch's alone.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>

#include "common/workspace.h"
#include "kernels/gemm.h"

namespace {

using at::Tensor;

constexpr double kMinimumSeconds = 0.1;

struct Shape {
  std::string layout;
  int64_t batch, m, k, n;
};

template <typename Body>
double best_seconds(const Body& body) {
  body();  // warm-up: pages, oneDNN's kernels
  double best = std::numeric_limits<double>::infinity();
  for (double spent = 0; spent < kMinimumSeconds;) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count());
    spent += elapsed.count();
  }
  return best;
}

Tensor operand(int64_t batch, int64_t rows, int64_t columns, char layout, at::ScalarType dtype) {
  if (layout == 't') {
    return at::randn({batch, columns, rows}).to(dtype).transpose(1, 2);
  }
  return at::randn({batch, rows, columns}).to(dtype);
}

double seconds_of(const Shape& shape, at::ScalarType dtype, mmpo::Workspace& workspace) {
  const Tensor left = operand(shape.batch, shape.m, shape.k, shape.layout[0], dtype);
  const Tensor right = operand(shape.batch, shape.k, shape.n, shape.layout[1], dtype);
  Tensor out = at::empty({shape.batch, shape.m, shape.n}, left.options());
  if (shape.batch > 1) {
    return best_seconds([&] { at::bmm_out(out, left, right); });
  }
  const Tensor left_MK = left[0], right_KN = right[0];
  Tensor out_MN = out[0];
  // A gradient of weights is float32, whatever the operands.
  Tensor result_MN = shape.layout == "tn" ? at::empty(out_MN.sizes(), at::kFloat) : out_MN;
  const double own = best_seconds([&] { mmpo::gemm(left_MK, right_KN, {}, workspace, result_MN); });
  return std::min(own, best_seconds([&] { at::mm_out(out_MN, left_MK, right_KN); }));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string dtype = argc > 1 ? argv[1] : "";
  if (dtype != "float32" && dtype != "bfloat16") {
    std::cerr << "usage: matrix_products float32|bfloat16 [THREADS] < shapes; got '" << dtype << "'\n";
    return 2;
  }
  if (argc > 2) {
    at::set_num_threads(std::stoi(argv[2]));
  }
  at::manual_seed(0);
  mmpo::Workspace workspace;
  const char* separator = "[";
  for (Shape shape; std::cin >> shape.layout >> shape.batch >> shape.m >> shape.k >> shape.n; separator = ", ") {
    std::cout << separator << seconds_of(shape, dtype == "float32" ? at::kFloat : at::kBFloat16, workspace);
  }
  std::cout << "]\n";
}
