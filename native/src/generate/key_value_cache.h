// Keys and values of every layer, in places that sequences take one after another.
// Shapes: S places, L positions, K key columns, T rows of a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/gpu_decode_attention.h"
#include "model/decoder.h"

namespace mmpo {

class KeyValueCache {
 public:
  // In the type that the model computes with, and where it computes.
  KeyValueCache(const Decoder& decoder, int64_t num_places, int64_t capacity);

  // Positions of each place.
  int64_t capacity() const { return keys_SLK_.front().size(1); }
  // Makes room for so many positions, at least twice as many as before where there are too few.
  void reserve(int64_t positions);

  // Takes rows [begin, begin + length) of the fused projections as positions of a place.
  void store(int64_t layer, const Tensor& qkv_TQ, const CachedSegment& rows);
  // The same of rows on a GPU that are the last keys of their places.
  void append_on_gpu(int64_t layer, const Tensor& qkv_nQ, const GpuDecodeRows& rows);
  // The first positions of one place, as they are, to another.
  void copy(int64_t from, int64_t to, int64_t positions);

  const Tensor& keys(int64_t layer) const { return keys_SLK_[static_cast<size_t>(layer)]; }
  const Tensor& values(int64_t layer) const { return values_SLK_[static_cast<size_t>(layer)]; }

 private:
  // Of keys and of values of a layer: where they stand in the fused projections.
  template <typename Body>
  void with_columns(int64_t layer, const Body& body);

  const ModelConfig& config_;
  std::vector<Tensor> keys_SLK_;
  std::vector<Tensor> values_SLK_;
};

}  // namespace mmpo
