// Where every parameter lies in one flat buffer, and the same buffer seen as a decoder's matrices.
// Weights, gradients and moments share the layout, so the optimizer and checkpoints see plain arrays and
// projections that read the same input (q, k, v; gate, up) lie side by side and are multiplied as one matrix.
// Shapes: V vocabulary, H hidden, I intermediate, Q = query + 2 * key columns, A = query columns, D head dim.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "common/parameter.h"
#include "model/model_config.h"

namespace mmpo {

using at::Tensor;

// The decoder's fused matrix products.
enum class Projection { kQkv, kOutput, kGateUp, kDown };
inline constexpr size_t kNumProjections = 4;

// Which parameters of a model: all, the matrices of the projections, all but those.
enum class ModelPart { kAll, kProjections, kOthers };

class ParameterLayout {
 public:
  // Of nothing yet.
  ParameterLayout() = default;
  explicit ParameterLayout(const ModelConfig& config, ModelPart part = ModelPart::kAll);

  // What is added next completes its gradients together, and lies in one piece.
  void begin_unit(int64_t unit) { unit_ = unit; }
  // columns 0: a vector.
  void add(std::string name, int64_t rows, int64_t columns);
  // What is added next begins a block of its own.
  void align();

  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Elements of the flat buffer; blocks start at multiples of 64, the gaps hold zeros.
  int64_t size() const { return size_; }
  // Index by name, -1 where there is none.
  int64_t find(const std::string& name) const;
  // What a model's layout has of it.
  ModelPart part() const { return part_; }

 private:
  ModelPart part_ = ModelPart::kAll;
  std::vector<Parameter> parameters_;
  int64_t size_ = 0;
  int64_t unit_ = 0;
};

struct LayerParameters {
  Tensor input_norm_H;
  Tensor qkv_QH;
  Tensor qkv_bias_Q;  // undefined without bias
  Tensor query_norm_D;  // this and the next: undefined where heads are not normalised
  Tensor key_norm_D;
  Tensor output_HA;
  Tensor output_bias_H;  // undefined without bias
  Tensor post_norm_H;
  Tensor gate_up_2IH;
  Tensor down_HI;

  Tensor& matrix(Projection projection);
  const Tensor& matrix(Projection projection) const { return const_cast<LayerParameters*>(this)->matrix(projection); }
  // Undefined without one.
  Tensor& bias(Projection projection);
  const Tensor& bias(Projection projection) const { return const_cast<LayerParameters*>(this)->bias(projection); }

 private:
  Tensor no_bias_;
};

struct DecoderParameters {
  Tensor embedding_VH;
  std::vector<LayerParameters> layers;
  Tensor norm_H;
  Tensor head_VH;  // the embedding itself where they are tied
};

// Where count elements from an offset of a layout on lie.
using FlatMemory = std::function<Tensor(int64_t offset, int64_t count)>;
// One buffer of all of them.
FlatMemory memory_of(const Tensor& flat);

// What the layout does not have is undefined.
DecoderParameters view_parameters(const ModelConfig& config, const ParameterLayout& layout, const FlatMemory& memory);

}  // namespace mmpo
