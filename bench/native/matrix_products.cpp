// Seconds that LibTorch, as libmmpo links it, takes for matrix products alone: the limit that a training step is held to.
//
// usage: matrix_products float32|bfloat16 [THREADS] < shapes > seconds.json
// shapes: one `batch m k n` a line, the product of [batch, m, k] and [batch, k, n]. Printed: the best time of each, in order.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>

namespace {

constexpr double kMinimumSeconds = 0.1;

struct Shape {
  int64_t batch, m, k, n;
};

double seconds_of(const Shape& shape, at::ScalarType dtype) {
  const auto options = at::TensorOptions().dtype(at::kFloat);
  const auto left = at::randn({shape.batch, shape.m, shape.k}, options).to(dtype);
  const auto right = at::randn({shape.batch, shape.k, shape.n}, options).to(dtype);
  auto out = at::empty({shape.batch, shape.m, shape.n}, left.options());
  const auto left_2d = left.select(0, 0), right_2d = right.select(0, 0);
  auto out_2d = out.select(0, 0);
  const auto multiply = [&] {
    if (shape.batch == 1) {
      at::mm_out(out_2d, left_2d, right_2d);
    } else {
      at::bmm_out(out, left, right);
    }
  };
  multiply();  // warm-up: pages, oneDNN's primitive
  double best = std::numeric_limits<double>::infinity();
  for (double spent = 0; spent < kMinimumSeconds;) {
    const auto start = std::chrono::steady_clock::now();
    multiply();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count());
    spent += elapsed.count();
  }
  return best;
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
  const char* separator = "[";
  for (Shape shape; std::cin >> shape.batch >> shape.m >> shape.k >> shape.n; separator = ", ") {
    std::cout << separator << seconds_of(shape, dtype == "float32" ? at::kFloat : at::kBFloat16);
  }
  std::cout << "]\n";
}
