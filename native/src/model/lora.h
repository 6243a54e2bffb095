// LoRA (Hu et al., arXiv 2106.09685) as PEFT computes it: beside a frozen weight W of a module,
//   y += f * dropout(x) A^T B^T,   A [r, K] and B [N, r] trained, f the scaling (alpha / r) over the chance to be kept.
// Each layer has adapted modules of its own, or none, and each of them its rank and scaling. Embedding and output head may
// be trained whole beside them (PEFT's modules_to_save): they are parameters of the adapter like A and B, and the decoder reads
// them in place of the model's.
//
// Modules that read the same input (q, k, v; gate, up) are one product in the decoder, and their A matrices lie side by side
// as one matrix; each B writes its module's columns. Parameters are float32. The products take them in the type of the
// activations, as torch's autocast does, so for bfloat16 the adapter keeps a rounded copy that the optimizer refreshes.
//
// Every module draws a dropout mask of its own, as PEFT's do. A mask is a function of the update, the layer, the module, the group of
// tokens among all of the update, and the place in it (../kernels/dropout_linear.h). So it is never kept: backward makes it again,
// under any recompute mode and any number of threads; and it is the same however an update's groups are cut into slices,
// micro-batches and ranks.
//
// Shapes: T rows, K inputs, N outputs of a fused projection, r rank, S = sum of r over the modules of the projection, L = the
// largest sum of r over the modules of a layer.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/workspace.h"
#include "kernels/arguments.h"
#include "model/model_config.h"
#include "model/parameters.h"

namespace mmpo {

// One forward pass and its backward: which masks it draws. The default drops nothing, as evaluation does.
struct DropoutPass {
  uint64_t key = 0;
  uint32_t threshold = 0;  // of 65536, see DropoutStream
  Tensor numbers_T;  // int64, of the rows (PackedBatch::row_numbers)

  bool drops() const { return threshold != 0; }
  // The same masks for some of the rows (int64), whose activations lie one after the other.
  DropoutPass of_rows(const Tensor& rows_R) const;
  // What is kept is divided by the chance to be kept, exactly that of the threshold.
  double scale() const { return 65536.0 / (65536.0 - threshold); }
};

struct LoraModule {
  uint32_t number;  // its mmpo_module
  int64_t column;  // its first column of the projection's output
  int64_t columns;
  int64_t rank;
  double scaling;
  int64_t low;  // its first column among the layer's L
  Tensor b_Nr;
};

// The adapted modules of one projection; none: modules is empty and a_SK undefined.
struct LoraProjection {
  Tensor a_SK;  // of all modules, one after the other
  std::vector<LoraModule> modules;
};

// [layer][Projection]: parameters or their gradients.
using LoraParameters = std::vector<std::array<LoraProjection, kNumProjections>>;

// What an adapter holds whole, or its gradients: undefined where it does not, one matrix twice where it is tied.
struct WholeMatrices {
  Tensor embedding_VH;
  Tensor head_VH;
};

// out_NK = weight_NK + scaling * b_Nr a_rK, float32.
void merge(const Tensor& weight_NK, const Tensor& a_rK, const Tensor& b_Nr, double scaling, Tensor& out_NK);

class Adapter {
 public:
  // dtype: of the activations. A is drawn from U(-1/sqrt(K), 1/sqrt(K)) by the settings' seed and B is zero, as PEFT begins;
  // whole matrices are zero until start_from. Throws Error(MMPO_INVALID_ARGUMENT) for settings without sense.
  Adapter(const ModelConfig& config, const mmpo_lora_config& settings, at::ScalarType dtype, at::Device device);

  const ParameterLayout& layout() const { return layout_; }
  // float32 [layout().size()]; after a change refresh().
  Tensor& flat() { return flat_; }
  const Tensor& flat() const { return flat_; }
  // What the products read: flat() itself in float32, else its rounded copy.
  Tensor& compute_flat() { return compute_flat_; }
  void refresh();
  LoraParameters view(const FlatMemory& memory) const;
  WholeMatrices whole(const FlatMemory& memory) const;
  // What the decoder reads in place of the model's.
  const WholeMatrices& whole() const { return whole_; }
  static bool is_whole(std::string_view name);
  // Whole matrices begin as the model's own.
  void start_from(const DecoderParameters& weights);

  // Whether a module of the projection has a part: whether its input and its output's gradient are read.
  bool adapts(int64_t layer, Projection projection) const { return !weights(layer, projection).modules.empty(); }
  // The lowest layer that backward must reach: 0 where the embedding is trained.
  int64_t first_trained_layer() const { return first_trained_layer_; }
  // The L of the low_TL below.
  int64_t low_columns() const { return low_columns_; }
  // Masks of the update after num_steps, for rows of these numbers.
  DropoutPass dropout_pass(int64_t num_steps, Tensor numbers_T) const;
  bool has_dropout() const { return dropout_ > 0; }

  // low = f * dropout(x) A^T, the projection's columns of low_TL, in the type of x. What backward wants to find there.
  void reduce(int64_t layer, Projection projection, const DropoutPass& pass, const Tensor& x_TK, Workspace& workspace,
              Tensor& low_TL) const;
  // out += low B^T.
  void expand(int64_t layer, Projection projection, const Tensor& low_TL, Workspace& workspace, Tensor& out_TN) const;
  // grad_TN: of the projection's output. Adds to grad_x_TK and to the gradients of A and B.
  void backward(int64_t layer, Projection projection, const DropoutPass& pass, const Tensor& grad_TN,
                const Tensor& x_TK, const Tensor& low_TL, Workspace& workspace, Tensor& grad_x_TK,
                LoraParameters& gradients) const;

 private:
  const LoraProjection& weights(int64_t layer, Projection projection) const;
  // Neighbours in a projection's A that one product takes together: modules of one scaling, and where a pass drops of one rank, each
  // with a mask of its own.
  struct RunOfRows {
    int64_t begin, count;
    double scaling;  // over the chance to be kept
    DropoutMasks masks;
  };
  static std::vector<RunOfRows> runs_of_rows(int64_t layer, const LoraProjection& projection, const DropoutPass& pass);
  void add_layer(const ModelConfig& config, int64_t layer, std::span<const mmpo_lora_module> modules);
  void add_whole(const ModelConfig& config, int32_t whole);
  void draw_a();

  double dropout_;
  uint64_t seed_;
  ParameterLayout layout_;
  LoraParameters places_;  // tensors undefined: what view() fills
  int64_t embedding_ = -1, head_ = -1;  // of the whole matrices in the layout
  int64_t low_columns_ = 0;
  int64_t first_trained_layer_ = 0;
  Tensor flat_;
  Tensor compute_flat_;
  LoraParameters weights_;
  WholeMatrices whole_;
};

}  // namespace mmpo
