#include "common/philox.h"

#include <gtest/gtest.h>

#include <array>

namespace mmpo {
namespace {

using Words = std::array<uint32_t, 4>;

// On the last of three lanes, the others busy with something else.
template <int kRounds>
Words draw(const Words& counter, uint64_t key) {
  uint32_t words[4][3] = {{1, 2, counter[0]}, {3, 4, counter[1]}, {5, 6, counter[2]}, {7, 8, counter[3]}};
  philox<3, kRounds>(key, words);
  return {words[0][2], words[1][2], words[2][2], words[3][2]};
}

// The known answers of the authors' Random123 (kat_vectors).
TEST(Philox, GivesTheKnownAnswers) {
  const uint64_t ones = ~uint64_t{0};
  const Words all{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF};
  const Words pi{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344};
  const uint64_t pi_key = 0x299F31D0A4093822;
  EXPECT_EQ(draw<7>({}, 0), (Words{0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48}));
  EXPECT_EQ(draw<7>(all, ones), (Words{0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662}));
  EXPECT_EQ(draw<7>(pi, pi_key), (Words{0x4DFCCABA, 0x190A87F0, 0xC47362BA, 0xB6B5242A}));
  EXPECT_EQ(draw<10>({}, 0), (Words{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}));
  EXPECT_EQ(draw<10>(all, ones), (Words{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}));
  EXPECT_EQ(draw<10>(pi, pi_key), (Words{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}));
}

}  // namespace
}  // namespace mmpo
