#include "generate/key_value_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

namespace mmpo {

KeyValueCache::KeyValueCache(const Decoder& decoder, int64_t num_places, int64_t capacity) : config_(decoder.config()) {
  const auto options = at::TensorOptions().dtype(decoder.dtype()).device(decoder.device());
  for (int64_t layer = 0; layer < config_->num_layers; ++layer) {
    keys_SLK_.push_back(at::empty({num_places, capacity, config_.key_size()}, options));
    values_SLK_.push_back(at::empty({num_places, capacity, config_.key_size()}, options));
  }
}

void KeyValueCache::reserve(int64_t positions) {
  const int64_t before = capacity();
  if (positions <= before) return;
  const auto grow = [&](Tensor& cache_SLK) {
    const Tensor larger_SLK =
        at::empty({cache_SLK.size(0), std::max(positions, 2 * before), cache_SLK.size(2)}, cache_SLK.options());
    larger_SLK.narrow(1, 0, before).copy_(cache_SLK);
    cache_SLK = larger_SLK;
  };
  std::ranges::for_each(keys_SLK_, grow);
  std::ranges::for_each(values_SLK_, grow);
}

template <typename Body>
void KeyValueCache::with_columns(int64_t layer, const Body& body) {
  body(keys_SLK_[static_cast<size_t>(layer)], config_.query_size());
  body(values_SLK_[static_cast<size_t>(layer)], config_.query_size() + config_.key_size());
}

void KeyValueCache::store(int64_t layer, const Tensor& qkv_TQ, const CachedSegment& rows) {
  const int64_t key_size = config_.key_size();
  with_columns(layer, [&](Tensor& cache_SLK, int64_t column) {
    if (!qkv_TQ.is_cpu()) {
      cache_SLK[rows.sequence]
          .narrow(0, rows.first_position, rows.length)
          .copy_(qkv_TQ.narrow(0, rows.begin, rows.length).narrow(1, column, key_size));
      return;
    }
    // A few hundred bytes a row: a call of LibTorch's for each costs more than all else that a step does beside products.
    const auto element = static_cast<int64_t>(qkv_TQ.element_size());
    const char* from =
        static_cast<const char*>(qkv_TQ.const_data_ptr()) + (rows.begin * qkv_TQ.stride(0) + column) * element;
    char* to = static_cast<char*>(cache_SLK.data_ptr()) +
               (rows.sequence * cache_SLK.stride(0) + rows.first_position * key_size) * element;
    for (int64_t i = 0; i < rows.length; ++i) {
      std::memcpy(to + i * key_size * element, from + i * qkv_TQ.stride(0) * element,
                  static_cast<size_t>(key_size * element));
    }
  });
}

void KeyValueCache::append_on_gpu(int64_t layer, const Tensor& qkv_nQ, const GpuDecodeRows& rows) {
  with_columns(layer, [&](Tensor& cache_SLK, int64_t column) {
    cache_SLK.flatten(0, 1).index_copy_(0, rows.places(), qkv_nQ.narrow(1, column, config_.key_size()));
  });
}

void KeyValueCache::copy(int64_t from, int64_t to, int64_t positions) {
  if (from == to || positions == 0) return;
  for (int64_t layer = 0; layer < config_->num_layers; ++layer) {
    with_columns(layer, [&](Tensor& cache_SLK, int64_t) {
      cache_SLK[to].narrow(0, 0, positions).copy_(cache_SLK[from].narrow(0, 0, positions));
    });
  }
}

}  // namespace mmpo
