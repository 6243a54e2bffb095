// Philox4x32 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random bits as a
// function of a counter and a key, with no state. What was drawn once is drawn again, in any order, by any thread.
// In an unnamed namespace: each CPU capability keeps its own copy, and CUDA too.
#pragma once

#include <c10/macros/Macros.h>

#include <array>
#include <cstdint>

namespace mmpo {
namespace {

// The fewest rounds that pass the authors' tests (BigCrush); 10 is their default.
constexpr int kPhiloxRounds = 7;
constexpr uint32_t kPhiloxFirst = 0xD2511F53;
constexpr uint32_t kPhiloxSecond = 0xCD9E8D57;
constexpr uint32_t kPhiloxLowStep = 0x9E3779B9;
constexpr uint32_t kPhiloxHighStep = 0xBB67AE85;

// Counters of kLanes neighbours; word w of lane l is words[w][l]. In: the counters; out: the random bits.
template <int kLanes, int kRounds = kPhiloxRounds>
C10_HOST_DEVICE inline void philox(uint64_t key, uint32_t (&words)[4][kLanes]) {
  auto low_key = static_cast<uint32_t>(key);
  auto high_key = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kRounds; ++round) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const uint64_t first = uint64_t{kPhiloxFirst} * words[0][lane];
      const uint64_t second = uint64_t{kPhiloxSecond} * words[2][lane];
      words[0][lane] = static_cast<uint32_t>(second >> 32) ^ words[1][lane] ^ low_key;
      words[2][lane] = static_cast<uint32_t>(first >> 32) ^ words[3][lane] ^ high_key;
      words[1][lane] = static_cast<uint32_t>(second);
      words[3][lane] = static_cast<uint32_t>(first);
    }
    low_key += kPhiloxLowStep;
    high_key += kPhiloxHighStep;
  }
}

// The four words of a key at a counter of two numbers.
inline std::array<uint32_t, 4> random_words(uint64_t key, uint64_t first, uint64_t second = 0) {
  uint32_t words[4][1] = {{static_cast<uint32_t>(first)},
                          {static_cast<uint32_t>(first >> 32)},
                          {static_cast<uint32_t>(second)},
                          {static_cast<uint32_t>(second >> 32)}};
  philox(key, words);
  return {words[0][0], words[1][0], words[2][0], words[3][0]};
}

}  // namespace
}  // namespace mmpo
