// Named tensors in a caller's memory, and their way into a flat buffer.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "model/parameters.h"

namespace mmpo {

// The tensor's data [its shape], borrowed. Throws Error(MMPO_INVALID_MODEL) for an unknown dtype.
Tensor borrow(const mmpo_tensor& tensor);

// Tensors of published checkpoints that hold nothing of their own.
bool is_redundant(std::string_view name, const ModelConfig& config);

// Where weights come from that are not in memory: bytes of tensor number index, from an offset on, into out. Throws.
using ReadWeights = std::function<void(size_t index, int64_t offset, int64_t num_bytes, void* out)>;

// Where parameters of a layout go, by their number: memory for the values of one, and whoever wants to be told that they are there.
struct Destination {
  std::function<Tensor(size_t index)> memory;
  std::function<void(size_t index, const Tensor& values)> filled = {};
};
// The layout's own flat buffer.
Destination into(const ParameterLayout& layout, const Tensor& flat);

// Every parameter of the layout from tensors, in any order, converted to the type of its memory. read: null where the tensors' data is
// in memory; else that is not looked at, and a tensor is read a piece at a time. is_redundant: names that are passed
// over. source: the file that says which parameters there are, for messages. may_lack: names of parameters that stay as they
// are where no tensor has them; none by default.
// Throws Error(MMPO_INVALID_MODEL) naming a tensor that is unknown, missing, given twice, misshapen or not finite, and what read throws.
void load_parameters(const ParameterLayout& layout, std::span<const mmpo_tensor> tensors, const ReadWeights& read,
                     const std::function<bool(std::string_view)>& is_redundant, const std::string& source,
                     const Destination& destination, const std::function<bool(std::string_view)>& may_lack = {});

}  // namespace mmpo
