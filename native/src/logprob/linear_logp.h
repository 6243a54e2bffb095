// Log-probabilities of target tokens under softmax(hidden w^T), so many rows at a time that their logits fit a bound: the
// logits of all rows exist together only where they are few. Shapes: R rows, H hidden, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include "common/workspace.h"
#include "kernels/kernels.h"
#include "kernels/linear.h"

namespace mmpo {

// Memory that logits may take: 853 rows of float32 over 49,152 tokens. Constants, not shares of what is free: sums over chunks
// would round differently from run to run. On a GPU the logits of a slice of 8,192 tokens of a small model fit: those of all but
// the first chunk are made twice where weights depend on log-probabilities.
inline constexpr int64_t kCpuLogitBytes = int64_t{160} << 20;
inline constexpr int64_t kGpuLogitBytes = int64_t{1024} << 20;

int64_t logit_bytes(at::Device device);

struct HeadRows {
  Tensor hidden_RH;  // after the final norm
  Tensor targets_R;  // int64
};

class LinearLogp {
 public:
  // The logits' memory is the workspace's until the caller takes it back. What is passed is borrowed.
  // logit_bytes: the device's, another for tests.
  LinearLogp(const HeadRows& rows, const Tensor& head_VH, Workspace& workspace)
      : LinearLogp(rows, head_VH, workspace, logit_bytes(workspace.device())) {}
  LinearLogp(const HeadRows& rows, const Tensor& head_VH, Workspace& workspace, int64_t logit_bytes);

  // logp_R, lse_R: float32, written. lse is what backward needs.
  void forward(Tensor& lse_R, Tensor& logp_R, const LogSoftmaxExtras& extras = {});

  // Gradient of sum_r weights_r * logp_r: grad_hidden_RH is written, grad_head_VH (float32) written or added to, or left out where
  // it is undefined (frozen head). Logits that forward has just made are used, those of other chunks are made again.
  void backward(const Tensor& lse_R, const Tensor& weights_R, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                Into into = Into::kSum) {
    backward(lse_R, weights_R, {}, grad_hidden_RH, grad_head_VH, into);
  }

  // The same of sum_r (weights_r * logp_r + entropy_weights_r * entropy_r). entropies_R: forward's; both undefined: as above.
  struct EntropyPart {
    Tensor entropies_R, weights_R;
  };
  void backward(const Tensor& lse_R, const Tensor& weights_R, const EntropyPart& entropy, Tensor& grad_hidden_RH,
                Tensor& grad_head_VH, Into into = Into::kSum);

  // Both in one pass over the logits, for weights that are known beforehand.
  void forward_backward(const Tensor& weights_R, Tensor& logp_R, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                        Into into = Into::kSum);

 private:
  struct Chunk {
    int64_t index, first, count;
  };
  Chunk chunk(int64_t index) const;
  // The chunk's part of the memory, filled unless it holds this chunk's logits already.
  Tensor logits(const Chunk& chunk);
  // The chunk's rows of x.
  static Tensor part(const Chunk& chunk, const Tensor& x);
  static Tensor part_if_defined(const Chunk& chunk, const Tensor& x);
  // grad_logits_RV lies where the chunk's logits were.
  void backward_products(const Chunk& chunk, const Tensor& grad_logits_RV, Tensor& grad_hidden_RH, Tensor& grad_head_VH,
                         Into into);

  const HeadRows& rows_;
  const Tensor& head_VH_;
  Workspace& workspace_;
  int64_t num_rows_;
  int64_t num_held_rows_;  // of the first chunk, whose logits serve both passes: as many as the memory holds
  int64_t num_chunks_;
  Tensor memory_RV_;
  int64_t held_ = -1;  // the chunk whose logits are in memory
};

}  // namespace mmpo
