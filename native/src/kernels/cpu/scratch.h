// Aligned memory that a thread keeps between tasks. In an unnamed namespace: each capability keeps its own copy.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace mmpo {
namespace {

class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { std::free(memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Room for count elements; what was there is lost when it grows.
  template <typename T>
  T* resize(int64_t count) {
    const int64_t bytes = (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    if (bytes > capacity_) {
      std::free(memory_);
      capacity_ = bytes;
      memory_ = std::aligned_alloc(64, static_cast<size_t>(bytes));
      if (memory_ == nullptr) {
        capacity_ = 0;
        throw std::bad_alloc();
      }
    }
    return static_cast<T*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  int64_t capacity_ = 0;  // bytes
};

}  // namespace
}  // namespace mmpo
