// A named parameter's place in a flat buffer.
#pragma once

#include <cstdint>
#include <string>

namespace mmpo {

struct Parameter {
  std::string name;  // Hugging Face's
  int64_t rows;
  int64_t columns;  // 0: a vector
  int64_t offset;   // elements from the start of the flat buffer
  bool is_embedding = false;  // rows whose token is not in a batch get no gradient at all

  int64_t size() const { return columns == 0 ? rows : rows * columns; }
  bool is_matrix() const { return columns != 0; }
};

}  // namespace mmpo
