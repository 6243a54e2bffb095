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

  // Room for count floats; what was there is lost when it grows.
  float* resize(int64_t count) {
    if (count > capacity_) {
      std::free(memory_);
      capacity_ = (count + 15) / 16 * 16;
      memory_ = static_cast<float*>(std::aligned_alloc(64, static_cast<size_t>(capacity_) * sizeof(float)));
      if (memory_ == nullptr) {
        capacity_ = 0;
        throw std::bad_alloc();
      }
    }
    return memory_;
  }

 private:
  float* memory_ = nullptr;
  int64_t capacity_ = 0;
};

}  // namespace
}  // namespace mmpo
