// A named parameter's place in a flat buffer.
#pragma once

#include <cstdint>
#include <string>

namespace mmpo {

// Parameters whose gradients a backward pass completes at the same time: it goes from the head down through the layers to the
// embedding, so from the largest number to the smallest. A layer's number is its own; the embedding, which is the head, too, where the
// two are tied, comes last.
inline constexpr int64_t kEmbeddingUnit = -1;
constexpr int64_t head_unit(int64_t num_layers) { return num_layers; }

struct Parameter {
  std::string name;  // Hugging Face's
  int64_t rows;
  int64_t columns;  // 0: a vector
  int64_t offset;  // elements from the start of the flat buffer
  int64_t unit = 0;  // when its gradient is complete

  // Rows whose token is not in a batch get no gradient at all.
  bool is_embedding() const { return unit == kEmbeddingUnit; }

  int64_t size() const { return columns == 0 ? rows : rows * columns; }
  bool is_matrix() const { return columns != 0; }
};

// A run of a parameter's elements: all of it, or what one process of several updates.
struct ParameterRange {
  Parameter parameter;
  int64_t begin;
  int64_t count;

  // Of the first element, from the start of the flat buffer.
  int64_t offset() const { return parameter.offset + begin; }
  bool is_whole() const { return count == parameter.size(); }
};

}  // namespace mmpo
