#include "model/load_parameters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "common/error.h"
#include "common/finite.h"

namespace mmpo {
namespace {

at::ScalarType scalar_type(const mmpo_tensor& tensor) {
  switch (tensor.dtype) {
    case MMPO_FLOAT32:
      return at::kFloat;
    case MMPO_BFLOAT16:
      return at::kBFloat16;
    case MMPO_FLOAT16:
      return at::kHalf;
    default:
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' has an unknown dtype ", tensor.dtype);
  }
}

int32_t num_dims(const Parameter& parameter) { return parameter.columns == 0 ? 1 : 2; }

std::string describe(int64_t rows, int64_t columns, int32_t num_dims) {
  std::ostringstream text;
  text << '[' << rows;
  if (num_dims == 2) text << ", " << columns;
  if (num_dims > 2) text << ", " << columns << ", ...";
  text << ']';
  return text.str();
}

std::string describe(const Parameter& parameter) {
  return describe(parameter.rows, parameter.columns, num_dims(parameter));
}

}  // namespace

Tensor borrow(const mmpo_tensor& tensor) {
  const at::IntArrayRef shape(tensor.shape, static_cast<size_t>(tensor.num_dims));
  return at::from_blob(const_cast<void*>(tensor.data), shape, at::TensorOptions().dtype(scalar_type(tensor)));
}

bool is_redundant(std::string_view name, const ModelConfig& config) {
  return name.ends_with("rotary_emb.inv_freq") || (name == "lm_head.weight" && config->tie_embeddings != 0);
}

namespace {

// Elements that are converted at a time: what stays in a processor's cache.
constexpr int64_t kPiece = int64_t{1} << 20;

void fill_from_memory(const mmpo_tensor& tensor, Tensor& target) {
  require(tensor.data != nullptr, "the data of weight '", tensor.name, "' must not be NULL");
  target.copy_(borrow(tensor).flatten());
}

// buffer: of the tensor's type, or of another one, in whose place it is made; for what the target cannot take as it is read.
void fill_by_reading(size_t index, const mmpo_tensor& tensor, const ReadWeights& read, Tensor& buffer, Tensor& target) {
  const at::ScalarType type = scalar_type(tensor);
  const auto bytes = static_cast<int64_t>(c10::elementSize(type));
  const bool takes_as_read = target.scalar_type() == type && target.is_cpu();
  if (!takes_as_read && (!buffer.defined() || buffer.scalar_type() != type)) buffer = at::empty({kPiece}, type);
  for (int64_t begin = 0; begin < target.numel(); begin += kPiece) {
    const int64_t count = std::min(kPiece, target.numel() - begin);
    Tensor piece = target.narrow(0, begin, count);
    read(index, begin * bytes, count * bytes, (takes_as_read ? piece : buffer).mutable_data_ptr());
    if (!takes_as_read) piece.copy_(buffer.narrow(0, 0, count));
  }
}

}  // namespace

Destination into(const ParameterLayout& layout, const Tensor& flat) {
  return {[&layout, flat](size_t index) {
    const Parameter& parameter = layout.parameters()[index];
    return flat.narrow(0, parameter.offset, parameter.size());
  }};
}

void load_parameters(const ParameterLayout& layout, std::span<const mmpo_tensor> tensors, const ReadWeights& read,
                     const std::function<bool(std::string_view)>& is_redundant, const std::string& source,
                     const Destination& destination, const std::function<bool(std::string_view)>& may_lack) {
  std::vector<bool> loaded(layout.parameters().size(), false);
  Tensor buffer;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const mmpo_tensor& tensor = tensors[i];
    require(tensor.name != nullptr, "a weight's name must not be NULL");
    if (is_redundant(tensor.name)) continue;
    const int64_t index = layout.find(tensor.name);
    if (index < 0) fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' does not belong to a model with this ", source);
    if (loaded[static_cast<size_t>(index)]) fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' is given twice");
    const Parameter& parameter = layout.parameters()[static_cast<size_t>(index)];
    const int64_t columns = tensor.num_dims == 1 ? 0 : tensor.shape[1];
    // The number of dimensions too: a matrix [n, 0] holds nothing, where a vector of n is wanted.
    if (tensor.num_dims != num_dims(parameter) || tensor.shape[0] != parameter.rows || columns != parameter.columns) {
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' has shape ",
           describe(tensor.shape[0], tensor.shape[1], tensor.num_dims), "; ", source, " asks for ",
           describe(parameter));
    }
    Tensor target = destination.memory(static_cast<size_t>(index));
    if (read) {
      fill_by_reading(i, tensor, read, buffer, target);
    } else {
      fill_from_memory(tensor, target);
    }
    if (!is_finite(target)) {
      fail(MMPO_INVALID_MODEL, "weight '", tensor.name, "' holds a value that is not finite (NaN or infinity)");
    }
    if (destination.filled) destination.filled(static_cast<size_t>(index), target);
    loaded[static_cast<size_t>(index)] = true;
  }
  for (size_t i = 0; i < loaded.size(); ++i) {
    const Parameter& parameter = layout.parameters()[i];
    if (!loaded[i] && !(may_lack && may_lack(parameter.name))) {
      fail(MMPO_INVALID_MODEL, "weight '", parameter.name, "' ", describe(parameter), " is missing; ", source,
           " asks for it");
    }
  }
}

}  // namespace mmpo
