// CUDA on the CPU, for tests of the kernels in native/cuda where there is no GPU: what of CUDA C++ those sources use, with the
// threads of a block as fibers that give way at barriers and at exchanges within a warp. Blocks run one after the other.
//
// It checks what the hardware does not: a barrier or an exchange that not all threads reach, and an exchange of one kind that
// meets another, throw std::logic_error. Addresses are the process's own, so AddressSanitizer sees every access.
// It does not see races by itself; the order in which blocks and threads run can be turned round, and results must not change.
// One launch at a time in a process.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

namespace mmpo::emulator {

// Every block of the grid with so many threads, each of which calls kernel.
void run(const dim3& grid, unsigned threads, const std::function<void()>& kernel);

// How often run() was called in this process.
int64_t num_launches();

// What the launchers believe the device to have.
int64_t multiprocessors();

// A device of so many multiprocessors, running blocks and threads in ascending or descending order, for a scope.
class Device {
 public:
  Device(int64_t multiprocessors, bool descending);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

// Of the fiber that runs.
extern dim3 thread_index, block_index, block_size, grid_size;

// Threads of a warp that exchange something must mean the same by it.
enum class Exchange { kShuffle, kBallot, kMatrix };

// Every thread of the warp gives a value; returns what the thread of lane `from` gave.
uint64_t exchange(Exchange kind, uint64_t value, unsigned from);
// The bits of the warp's predicates.
unsigned ballot(bool predicate);
// Waits for the whole block; returns whether any thread said true.
bool barrier(bool predicate);
// Ends the launch with std::logic_error, once the thread gives way.
void complain(const char* problem);

template <typename T>
T shuffle(T value, unsigned from) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = exchange(Exchange::kShuffle, bits, from);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace mmpo::emulator

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
// Blocks run one after the other, so that one copy serves them all. run() fills the section with NaN before each block: what
// another block left there is not found.
#define __shared__ static __attribute__((section("mmpo_emulated_shared")))

#define threadIdx mmpo::emulator::thread_index
#define blockIdx mmpo::emulator::block_index
#define blockDim mmpo::emulator::block_size
#define gridDim mmpo::emulator::grid_size

inline void __syncthreads() { mmpo::emulator::barrier(false); }
inline int __syncthreads_or(int predicate) { return mmpo::emulator::barrier(predicate != 0) ? 1 : 0; }
inline unsigned __ballot_sync(unsigned, bool predicate) { return mmpo::emulator::ballot(predicate); }

template <typename T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  return mmpo::emulator::shuffle(value, (threadIdx.x % 32) ^ static_cast<unsigned>(mask));
}

template <typename T>
T __shfl_sync(unsigned, T value, int lane) {
  return mmpo::emulator::shuffle(value, static_cast<unsigned>(lane));
}

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
