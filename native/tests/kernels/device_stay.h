// Tensors and arrays of the host during one call on a device: copies there and back, or themselves where the device is the host.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <list>
#include <vector>

namespace mmpo::testing {

class DeviceStay {
 public:
  explicit DeviceStay(at::Device device) : device_(device) {}
  DeviceStay(const DeviceStay&) = delete;
  DeviceStay& operator=(const DeviceStay&) = delete;

  // Brings back what may have been written, and expects everything else to be what it was.
  ~DeviceStay() {
    for (const Storage& storage : storages_) {
      if (storage.on_device.device() != storage.on_host.device()) storage.on_host.copy_(storage.on_device);
      const at::Tensor changed = storage.on_host.ne(storage.before).logical_and_(storage.surroundings);
      EXPECT_FALSE(changed.any().item<bool>()) << "memory was written that belongs to no result";
    }
  }

  // With the strides of the host's tensor, in the same place of a storage of the same size. Undefined stays undefined.
  at::Tensor operator()(const at::Tensor& host) {
    if (!host.defined()) return host;
    return bytes_of(host)
        .on_device.view(host.scalar_type())
        .as_strided(host.sizes(), host.strides(), host.storage_offset());
  }
  at::Tensor result(const at::Tensor& host) {
    if (!host.defined()) return host;
    mark_as_result(bytes_of(host), host);
    return (*this)(host);
  }
  // The same for arrays.
  template <typename T>
  const T* operator()(const T* host, int64_t count) {
    if (host == nullptr || count == 0) return host;
    return static_cast<const T*>((*this)(bytes(host, count)).const_data_ptr());
  }
  template <typename T>
  T* result(T* host, int64_t count) {
    if (host == nullptr || count == 0) return host;
    return static_cast<T*>(result(bytes(host, count)).mutable_data_ptr());
  }
  // Memory of the device that nobody has written.
  at::Tensor scratch(at::IntArrayRef sizes, at::ScalarType type) const {
    return at::empty(sizes, at::TensorOptions(type).device(device_)).fill_(std::numeric_limits<double>::quiet_NaN());
  }

 private:
  struct Storage {
    at::Tensor on_host, on_device, before, surroundings;  // bytes; surroundings: 1 where nothing may change
  };

  template <typename T>
  static at::Tensor bytes(const T* host, int64_t count) {
    return at::from_blob(const_cast<T*>(host), {count * static_cast<int64_t>(sizeof(T))}, at::kByte);
  }

  Storage& bytes_of(const at::Tensor& host) {
    auto* data = static_cast<uint8_t*>(host.storage().mutable_data());
    for (Storage& storage : storages_) {
      if (storage.on_host.data_ptr() == data) return storage;
    }
    const at::Tensor bytes = at::from_blob(data, {static_cast<int64_t>(host.storage().nbytes())}, at::kByte);
    return storages_.emplace_back(bytes, bytes.to(device_), bytes.clone(), at::ones(bytes.sizes(), at::kBool));
  }

  static void mark_as_result(Storage& storage, const at::Tensor& host) {
    const auto element = static_cast<int64_t>(host.element_size());
    storage.surroundings
        .as_strided(with(host.sizes(), element), scaled(host.strides(), element), host.storage_offset() * element)
        .fill_(false);
  }
  static std::vector<int64_t> with(at::IntArrayRef sizes, int64_t last) {
    std::vector<int64_t> result = sizes.vec();
    result.push_back(last);
    return result;
  }
  static std::vector<int64_t> scaled(at::IntArrayRef strides, int64_t factor) {
    std::vector<int64_t> result = strides.vec();
    for (int64_t& stride : result) stride *= factor;
    result.push_back(1);
    return result;
  }

  at::Device device_;
  std::list<Storage> storages_;
};

}  // namespace mmpo::testing
