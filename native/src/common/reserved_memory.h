// Memory that grows in place: addresses for as much as the machine has (or half of what ulimit -v leaves) are reserved at once, and
// become memory as they are asked for. So what has grown need not be copied, and nothing is left over between blocks.
#pragma once

#include <cstdint>

namespace mmpo {

class ReservedMemory {
 public:
  ReservedMemory() = default;
  ~ReservedMemory();
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;

  // The memory, of at least so many bytes, always at the same address, which is that of a huge page. What is new is zero, and
  // resident once it is touched. Throws std::bad_alloc where the system has no more.
  uint8_t* grow(int64_t bytes);

  // What it has grown to.
  int64_t bytes() const { return bytes_; }

 private:
  void reserve();

  uint8_t* begin_ = nullptr;  // at a boundary of huge pages
  int64_t bytes_ = 0;
  int64_t reserved_ = 0;  // from begin_ on
  void* mapping_ = nullptr;
  int64_t mapped_ = 0;
};

}  // namespace mmpo
