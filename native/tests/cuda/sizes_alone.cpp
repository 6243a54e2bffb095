#include "cuda/sizes_alone.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <torch/library.h>

#include <new>

namespace mmpo::testing {
namespace {

using at::Tensor;

bool computes_now = true;

// Addresses that become memory where they are touched, which nothing here does but for a slice's indices.
class AddressAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, at::kCPU};
    void* mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    return {mapping, new Mapping{mapping, bytes}, &unmap, at::kCPU};
  }

  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  struct Mapping {
    void* begin;
    size_t bytes;
  };

  static void unmap(void* context) {
    const auto* mapping = static_cast<Mapping*>(context);
    munmap(mapping->begin, mapping->bytes);
    delete mapping;
  }
};

AddressAllocator& addresses() {
  static AddressAllocator& allocator = *new AddressAllocator;
  return allocator;
}

Tensor& product(const Tensor&, const Tensor&, Tensor& out) { return out; }
Tensor& product_and_sum(const Tensor&, const Tensor&, const Tensor&, const at::Scalar&, const at::Scalar&,
                        Tensor& out) {
  return out;
}
Tensor& scaled_product(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&,
                       const std::optional<Tensor>&, std::optional<at::ScalarType>, bool, Tensor& out) {
  return out;
}
Tensor& sum_into(const Tensor&, const Tensor&, const at::Scalar&, Tensor& out) { return out; }
Tensor& copy(Tensor& self, const Tensor&, bool) { return self; }
Tensor& zero(Tensor& self) { return self; }
Tensor& multiply(Tensor& self, const at::Scalar&) { return self; }
Tensor& add(Tensor& self, const Tensor&, const at::Scalar&) { return self; }
Tensor& select_into(const Tensor&, int64_t, const Tensor&, Tensor& out) { return out; }
Tensor select(const Tensor& self, int64_t dim, const Tensor& index) {
  auto sizes = self.sizes().vec();
  sizes[static_cast<size_t>(dim)] = index.numel();
  return at::empty(sizes, self.options());
}
Tensor& index_add(Tensor& self, int64_t, const Tensor&, const Tensor&, const at::Scalar&) { return self; }

// What a loaded weight is asked, of one element that is finite.
Tensor is_finite(const Tensor&) {
  const c10::impl::ExcludeDispatchKeyGuard computes(c10::DispatchKey::TESTING_ONLY_GenericMode);
  return at::ones({}, at::kBool);
}
Tensor all(const Tensor& self) {
  const c10::impl::ExcludeDispatchKeyGuard computes(c10::DispatchKey::TESTING_ONLY_GenericMode);
  return at::all(self);
}

// A key that LibTorch keeps for tests: where it is switched on, these come first; what is not here goes on as ever.
TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, library) { library.fallback(torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, TESTING_ONLY_GenericMode, library) {
  library.impl("mm.out", product);
  library.impl("addmm.out", product_and_sum);
  library.impl("_scaled_mm.out", scaled_product);
  library.impl("add.out", sum_into);
  library.impl("copy_", copy);
  library.impl("zero_", zero);
  library.impl("mul_.Scalar", multiply);
  library.impl("add_.Tensor", add);
  library.impl("index_select", select);
  library.impl("index_select.out", select_into);
  library.impl("index_add_", index_add);
  library.impl("isfinite", is_finite);
  library.impl("all", all);
}

}  // namespace

bool computes() { return computes_now; }

SizesAlone::SizesAlone() : before_(c10::GetCPUAllocator()), operations_(c10::DispatchKey::TESTING_ONLY_GenericMode) {
  c10::SetCPUAllocator(&addresses());
  computes_now = false;
}

SizesAlone::~SizesAlone() {
  computes_now = true;
  c10::SetCPUAllocator(before_);
}

}  // namespace mmpo::testing
