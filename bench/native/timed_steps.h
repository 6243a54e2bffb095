// How steps are timed; bench/gpu/timing.py has the same for PyTorch's side.
#pragma once

#include <chrono>
#include <cstdint>

// Seconds of steps 0 to num_steps - 1, which are gone through once before: what is tuned and allocated for the first pair of a length is
// no part of a figure. step(number); wait(): for the device.
template <typename Step, typename Wait>
double seconds_of(int64_t num_steps, const Step& step, const Wait& wait) {
  for (int64_t i = 0; i < num_steps; ++i) step(i);
  wait();
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < num_steps; ++i) step(i);
  wait();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
