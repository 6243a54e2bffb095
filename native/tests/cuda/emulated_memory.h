// What the GPU's way asks of LibTorch's allocator: on a GPU its caching one, here the CPU's, which is counted while this lives.
#pragma once

#include <cstdint>

namespace mmpo::testing {

// One at a time. Counted are bytes as they are asked for, of tensors that are made while it lives.
class EmulatedMemory {
 public:
  EmulatedMemory();
  ~EmulatedMemory();
  EmulatedMemory(const EmulatedMemory&) = delete;
  EmulatedMemory& operator=(const EmulatedMemory&) = delete;

  int64_t held() const;
  // The most that was held at once, from the beginning or since the last restart().
  int64_t peak() const;
  void restart();
};

// Memory that a stand-in needs and what it stands for does not: not counted while this lives.
class UncountedMemory {
 public:
  UncountedMemory();
  ~UncountedMemory();
  UncountedMemory(const UncountedMemory&) = delete;
  UncountedMemory& operator=(const UncountedMemory&) = delete;
};

}  // namespace mmpo::testing
