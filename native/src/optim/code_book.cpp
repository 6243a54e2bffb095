#include "optim/code_book.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace mmpo {
namespace {

constexpr int kDecades = 7;

// torch.linspace(0.1, 1, count) in float32: from both ends towards the middle, each rounded once.
float linspace(int i, int count) {
  const float step = (1.0f - 0.1f) / static_cast<float>(count - 1);
  return i < count / 2 ? std::fma(step, static_cast<float>(i), 0.1f)
                       : std::fma(-step, static_cast<float>(count - 1 - i), 1.0f);
}

CodeBook make(bool is_signed) {
  CodeBook book{};
  std::ranges::copy(dynamic_map(is_signed), book.value);
  for (int k = 0; k < 255; ++k) {
    // bitsandbytes' search gives a value in the middle of two to the even code: so the odd one's interval ends just below it.
    const float middle = (book.value[k] + book.value[k + 1]) / 2.0f;
    book.last[k] = k % 2 == 0 ? middle : std::nextafter(middle, -std::numeric_limits<float>::infinity());
  }
  book.last[255] = std::numeric_limits<float>::infinity();
  for (int bin = 0; bin < 2 * CodeBook::kBins; ++bin) {
    const bool negative = bin >= CodeBook::kBins;
    const int magnitude = bin % CodeBook::kBins;
    // The bin's smallest number: for a negative one, the number of the largest magnitude.
    const auto leading = static_cast<uint32_t>(magnitude + CodeBook::kFirstBin);
    const float low = magnitude == 0 ? 0.0f : std::bit_cast<float>(leading << CodeBook::kBinShift);
    const float high = std::bit_cast<float>(((leading + 1) << CodeBook::kBinShift) - 1);
    const float smallest = negative ? -high : low;
    book.first[bin] = static_cast<uint8_t>(std::lower_bound(book.last, book.last + 255, smallest) - book.last);
  }
  return book;
}

}  // namespace

std::array<float, 256> dynamic_map(bool is_signed) {
  std::array<float, 256> values{};
  size_t count = 0;
  for (int decade = 0; decade < kDecades; ++decade) {
    const int num_boundaries = (1 << (is_signed ? decade : decade + 1)) + 1;
    const auto scale = static_cast<float>(std::pow(10.0, decade - kDecades + 1));
    for (int i = 0; i + 1 < num_boundaries; ++i) {
      const float mean = (linspace(i, num_boundaries) + linspace(i + 1, num_boundaries)) / 2.0f;
      values[count++] = scale * mean;
      if (is_signed) values[count++] = -scale * mean;
    }
  }
  values[count++] = 0.0f;
  values[count++] = 1.0f;
  std::ranges::sort(values);
  return values;
}

const CodeBook& signed_code_book() {
  static const CodeBook book = make(true);
  return book;
}

const CodeBook& unsigned_code_book() {
  static const CodeBook book = make(false);
  return book;
}

}  // namespace mmpo
