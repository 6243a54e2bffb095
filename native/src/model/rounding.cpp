#include "model/rounding.h"

#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/error.h"
#include "common/finite.h"
#include "common/philox.h"

namespace mmpo {
namespace {

// Elements whose sums are made together: the same for every number of threads.
constexpr int64_t kBlock = 65536;

// Explicit bits of the mantissa, and the exponent below which numbers are equally far apart.
struct Format {
  int mantissa_bits;
  int least_exponent;
};

Format format_of(at::ScalarType type) { return type == at::kHalf ? Format{10, -14} : Format{7, -126}; }

// FNV-1a.
uint64_t hash(std::string_view name) {
  uint64_t value = 0xCBF29CE484222325;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return value;
}

// draw: 32 random bits.
float round_to_a_neighbour(float x, const Format& format, uint32_t draw) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int exponent = std::max(std::ilogb(x), format.least_exponent);
  const int shift = format.mantissa_bits - exponent;
  // In double both the quotient and its sum with the draw are exact enough that a number of the type stays what it is.
  const double steps = std::floor(std::ldexp(static_cast<double>(x), shift) + static_cast<double>(draw) * 0x1p-32);
  return static_cast<float>(std::ldexp(steps, -shift));
}

// values: elements from first on, a multiple of 4. In place.
void round_stochastically(float* values, int64_t first, int64_t count, const Format& format, uint64_t key) {
  for (int64_t i = 0; i < count; i += 4) {
    const auto words = random_words(key, static_cast<uint64_t>(first + i) / 4);
    const int64_t there = std::min<int64_t>(4, count - i);
    for (int64_t k = 0; k < there; ++k) {
      values[i + k] = round_to_a_neighbour(values[i + k], format, words[static_cast<size_t>(k)]);
    }
  }
}

double sum_of_squares(const Tensor& values) { return values.to(at::kDouble).square().sum().item<double>(); }

}  // namespace

mmpo_rounding round(const Tensor& trained, const Tensor& start, const Rounding& rounding, std::string_view name,
                    Tensor& out) {
  require(trained.sizes() == start.sizes(), "weight '", name, "' and what it was before training differ in shape");
  const int64_t count = trained.numel();
  const Tensor from = trained.flatten();
  const Tensor before = start.flatten();
  const Tensor to = out.flatten();
  const bool draws = rounding.stochastic && out.scalar_type() != at::kFloat;
  const uint64_t key = rounding.seed ^ hash(name);
  std::vector<mmpo_rounding> parts(static_cast<size_t>(at::ceil_div(count, kBlock)));
  at::parallel_for(0, static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock;
      const int64_t length = std::min(kBlock, count - first);
      const Tensor wide = from.narrow(0, first, length).to(at::kFloat);
      Tensor rounded = to.narrow(0, first, length);
      if (draws) {
        const Tensor drawn = wide.clone();
        round_stochastically(drawn.mutable_data_ptr<float>(), first, length, format_of(out.scalar_type()), key);
        rounded.copy_(drawn);
      } else {
        rounded.copy_(wide);
      }
      if (!is_finite(rounded)) {
        fail(MMPO_NON_FINITE, "weight '", name, "' holds a value that is not finite as ", out.scalar_type());
      }
      const Tensor was = before.narrow(0, first, length);
      const Tensor update = wide - was.to(at::kFloat);
      const Tensor rounded_update = rounded.to(at::kFloat) - was.to(out.scalar_type()).to(at::kFloat);
      const Tensor moved = update != 0;
      parts[static_cast<size_t>(block)] = {.num_weights = length,
                                           .num_moved = moved.sum().item<int64_t>(),
                                           .num_kept = moved.logical_and(rounded_update != 0).sum().item<int64_t>(),
                                           .update_squares = sum_of_squares(update),
                                           .rounded_squares = sum_of_squares(rounded_update)};
    }
  });
  mmpo_rounding all{};
  for (const mmpo_rounding& part : parts) {
    all.num_weights += part.num_weights;
    all.num_moved += part.num_moved;
    all.num_kept += part.num_kept;
    all.update_squares += part.update_squares;
    all.rounded_squares += part.rounded_squares;
  }
  return all;
}

}  // namespace mmpo
