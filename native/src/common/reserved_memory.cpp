#include "common/reserved_memory.h"

#include <ATen/ceil_div.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <new>

namespace mmpo {
namespace {

constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kGrowth = 8 * kHugePage;

// Addresses to reserve: as many bytes as the machine has, and where a process may have fewer (ulimit -v, RLIMIT_AS), half of those that
// it has not taken: the other half is left to what else is allocated.
int64_t num_addresses() {
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t physical = int64_t{sysconf(_SC_PHYS_PAGES)} * page;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return physical;
  int64_t taken_pages = 0;
  std::ifstream("/proc/self/statm") >> taken_pages;
  const int64_t left = static_cast<int64_t>(std::min(limit.rlim_cur, rlim_t{INT64_MAX})) - taken_pages * page;
  return std::clamp(left / 2, kHugePage, physical);
}

}  // namespace

ReservedMemory::~ReservedMemory() {
  if (mapping_ != nullptr) munmap(mapping_, static_cast<size_t>(mapped_));
}

void ReservedMemory::reserve() {
  const int64_t reserved = at::round_up(num_addresses(), kGrowth);
  const int64_t mapped = reserved + kHugePage;
  void* mapping =
      mmap(nullptr, static_cast<size_t>(mapped), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = mapping;
  mapped_ = mapped;
  reserved_ = reserved;
  auto* const bytes = static_cast<uint8_t*>(mapping);
  begin_ = bytes + (kHugePage - static_cast<int64_t>(reinterpret_cast<uintptr_t>(bytes) % kHugePage)) % kHugePage;
}

uint8_t* ReservedMemory::grow(int64_t bytes) {
  if (bytes <= bytes_) return begin_;
  if (mapping_ == nullptr) reserve();
  const int64_t wanted = at::round_up(bytes, kGrowth);
  if (wanted > reserved_ || mprotect(begin_, static_cast<size_t>(wanted), PROT_READ | PROT_WRITE) != 0)
    throw std::bad_alloc();
  // Advice: where huge pages are switched off, small ones do.
  madvise(begin_, static_cast<size_t>(wanted), MADV_HUGEPAGE);
  bytes_ = wanted;
  return begin_;
}

}  // namespace mmpo
