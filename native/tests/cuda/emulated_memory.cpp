#include "cuda/emulated_memory.h"

#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace mmpo::testing {
namespace {

// Threads of one operation may ask at once.
std::atomic<int64_t> bytes_held{0}, most_held{0};
std::atomic<int> uncounted{0};

struct Block {
  c10::DataPtr memory;
  int64_t bytes;
};

// Blocks may outlive the scope in which they are counted, and so this never ends.
class CountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    c10::DataPtr memory = under->allocate(bytes);
    if (uncounted > 0 || bytes == 0) return memory;
    const int64_t now = bytes_held += static_cast<int64_t>(bytes);
    for (int64_t before = most_held; before < now && !most_held.compare_exchange_weak(before, now);) {
    }
    void* address = memory.get();
    const at::Device device = memory.device();
    const std::lock_guard lock(mutex_);
    blocks_.insert_or_assign(address, Block{std::move(memory), static_cast<int64_t>(bytes)});
    return {address, address, &give_back, device};
  }

  c10::DeleterFnPtr raw_deleter() const override { return under->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

  c10::Allocator* under = nullptr;

 private:
  static void give_back(void* address);

  std::mutex mutex_;
  std::unordered_map<void*, Block> blocks_;
};

CountingAllocator& counting() {
  static CountingAllocator& allocator = *new CountingAllocator;
  return allocator;
}

void CountingAllocator::give_back(void* address) {
  CountingAllocator& self = counting();
  const std::lock_guard lock(self.mutex_);
  const auto block = self.blocks_.extract(address);
  bytes_held -= block.mapped().bytes;
}

// A product into memory that is there: what the CPU packs for it, cuBLAS does not ask for.
bool is_product(const at::RecordFunction& function) {
  const std::string_view name = function.name();
  return name == "aten::mm" || name == "aten::addmm";
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  if (is_product(function)) ++uncounted;
  return nullptr;
}

void end(const at::RecordFunction& function, at::ObserverContext*) {
  if (is_product(function)) --uncounted;
}

at::CallbackHandle& products() {
  static at::CallbackHandle handle = 0;
  return handle;
}

}  // namespace

EmulatedMemory::EmulatedMemory() {
  counting().under = c10::GetCPUAllocator();
  c10::SetCPUAllocator(&counting());
  bytes_held = most_held = 0;
  products() = at::addThreadLocalCallback(at::RecordFunctionCallback(&begin, &end).scopes({at::RecordScope::FUNCTION}));
}

EmulatedMemory::~EmulatedMemory() {
  at::removeCallback(products());
  c10::SetCPUAllocator(counting().under);
}

int64_t EmulatedMemory::held() const { return bytes_held; }
int64_t EmulatedMemory::peak() const { return most_held; }
void EmulatedMemory::restart() { most_held = bytes_held.load(); }

UncountedMemory::UncountedMemory() { ++uncounted; }
UncountedMemory::~UncountedMemory() { --uncounted; }

}  // namespace mmpo::testing
