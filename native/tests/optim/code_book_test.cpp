#include "optim/code_book.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "optim/adam8bit.h"
#include "shared.h"

namespace mmpo {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(CodeBook, EqualsBitsandbytesToTheBit) {
  MMPO_READ_SHARED_JSON(golden, "golden/adam8bit.json");
  for (const bool is_signed : {true, false}) {
    const auto wanted = golden[is_signed ? "qmap_signed" : "qmap_unsigned"].get<std::vector<float>>();
    const auto found = dynamic_map(is_signed);
    EXPECT_EQ(std::vector<float>(found.begin(), found.end()), wanted);
  }
}

// bitsandbytes' own search, as the golden file's `spec` writes it.
int search(const std::array<float, 256>& code, float x, bool is_signed) {
  int i = 127, lo = 0, up = 255;
  float lower = is_signed ? -1.0f : 0.0f, upper = 1.0f;
  for (int d = 64; d > 0; d /= 2) {
    if (x > code[static_cast<size_t>(i)]) {
      lo = i;
      lower = code[static_cast<size_t>(i)];
      i += d;
    } else {
      up = i;
      upper = code[static_cast<size_t>(i)];
      i -= d;
    }
  }
  const float found = code[static_cast<size_t>(i)];
  if (x > found) return x > (upper + found) / 2 ? up : i;
  return x < (lower + found) / 2 ? lo : i;
}

// Two look-ups, as the kernel makes them.
int look_up(const CodeBook& book, float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const int magnitude = static_cast<int>((bits & 0x7FFFFFFFU) >> CodeBook::kBinShift);
  const int bin = std::max(magnitude, CodeBook::kFirstBin) - CodeBook::kFirstBin + (x < 0 ? CodeBook::kBins : 0);
  const int code = book.first[bin];
  return x > book.last[code] ? code + 1 : code;
}

TEST(CodeBook, TheNearestIsBitsandbytesEverywhere) {
  for (const bool is_signed : {true, false}) {
    const CodeBook& book = is_signed ? signed_code_book() : unsigned_code_book();
    const auto code = dynamic_map(is_signed);
    const auto expect_same = [&](float x) {
      if (std::abs(x) > 1 || (!is_signed && x < 0)) return;
      ASSERT_EQ(look_up(book, x), search(code, x, is_signed)) << std::hexfloat << x << (is_signed ? " signed" : "");
    };
    // Around every value, every middle and every bin's border: where an answer can change.
    const auto expect_same_around = [&](float x) {
      for (const float y : {std::nextafter(x, -kInfinity), x, std::nextafter(x, kInfinity)}) expect_same(y);
    };
    for (size_t k = 0; k < 256; ++k) {
      expect_same_around(code[k]);
      if (k > 0) expect_same_around((code[k - 1] + code[k]) / 2);
    }
    for (int bin = 0; bin <= CodeBook::kBins; ++bin) {
      const float x = std::bit_cast<float>(static_cast<uint32_t>(bin + CodeBook::kFirstBin) << CodeBook::kBinShift);
      expect_same_around(x);
      expect_same_around(-x);
    }
    std::mt19937 random(3);
    std::uniform_real_distribution<float> exponent(-30, 0);
    for (int i = 0; i < 200000; ++i) expect_same((i % 2 == 0 ? 1.0f : -1.0f) * std::exp2(exponent(random)));
    for (const float x : {0.0f, -0.0f, 1e-45f, -1e-45f, 1e-38f}) expect_same(x);
  }
}

}  // namespace
}  // namespace mmpo
