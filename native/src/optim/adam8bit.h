// Block-wise 8-bit AdamW (Dettmers et al., "8-bit Optimizers via Block-wise Quantization", arXiv 2110.02861), in the
// arithmetic of bitsandbytes' CUDA kernel: moments are 8-bit codes with one float32 scale for 256 of them.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "kernels/arguments.h"
#include "optim/adamw.h"
#include "optim/optimizer.h"

namespace mmpo {

// A smaller parameter keeps 32-bit moments: it saves nothing worth its rounding.
inline constexpr int64_t kAdam8bitMinSize = 4096;

// A parameter with its state: count elements, and one scale for each block, the last of which may be short. Borrowed.
struct Adam8bitShard {
  float* param;
  const float* grad;
  uint8_t* exp_avg;  // codes of the signed book
  uint8_t* exp_avg_sq;  // codes of the unsigned book
  float*
      exp_avg_absmax;  // [ceil(count / kAdam8bitBlock)] what the largest moment of a block is; 0: all of it reads as 0
  float* exp_avg_sq_absmax;
  c10::BFloat16* bf16_param;  // as in AdamWShard
  int64_t count;
};

// As adamw_step, but that the decay comes after the update. An element whose gradient, or its square, is not finite keeps its
// value, and its moments become 0.
void adam8bit_step(const Adam8bitShard& shard, const AdamWSettings& settings, double learning_rate, int64_t step,
                   double clip_coefficient);

// What the kernel takes for such a step.
Adam8bitScalars adam8bit_scalars(const AdamWSettings& settings, double learning_rate, int64_t step,
                                 double clip_coefficient);
Adam8bitArrays kernel_arrays(const Adam8bitShard& shard);

// Over ranges of named parameters, which begin at blocks, decay of matrices only; small ones are left to AdamW, and so is an embedding, as
// transformers' Trainer leaves it: most of its rows get no gradient in a step, and a moment of theirs that is rounded
// while its square is rounded to 0 would move them by many times the learning rate.
class Adam8bit : public Optimizer {
 public:
  Adam8bit(const AdamWSettings& settings, std::span<const ParameterRange> ranges, at::Device device = at::kCPU);

  void step(const Locate& locate, const Update& update) override;
  std::vector<NamedTensor> state() const override;

 private:
  struct Quantized {
    ParameterRange range;
    at::Tensor exp_avg, exp_avg_sq;  // uint8, in the range's shape
    at::Tensor exp_avg_absmax, exp_avg_sq_absmax;  // float32 [blocks]
  };

  AdamWSettings settings_;
  at::Device device_;
  at::Tensor signed_book_, unsigned_book_;  // bytes of a CodeBook each; on a GPU only
  std::vector<Quantized> quantized_;
  AdamW whole_;  // what keeps 32-bit moments
};

}  // namespace mmpo
