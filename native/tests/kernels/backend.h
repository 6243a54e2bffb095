// Where the kernels under test run. The same tests, on CPU tensors, for each of
//   Cpu           libmmpo's kernels on the CPU;
//   EmulatedCuda  the source of native/cuda, its threads run as fibers (cuda/emulator.h);
//   Cuda          libmmpo's kernels on a GPU, where there is one and the CUDA side is linked: tensors are copied there and back.
//
// After each call the memory around what was to be written must be as it was: rows of views end, and others begin.
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "optim/adam8bit.h"
#include "optim/adamw.h"

namespace mmpo::testing {

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;

  // The functions of kernels.h, dropout_linear.h and quantized.h.
  virtual void rms_norm(const Tensor& x_TH, const Tensor& weight_H, double eps, Tensor& out_TH, Tensor& rstd_T) = 0;
  virtual void rms_norm_recompute(const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T, Tensor& out_TH) = 0;
  virtual void rms_norm_backward(const Tensor& grad_out_TH, const Tensor& x_TH, const Tensor& weight_H,
                                 const Tensor& rstd_T, Tensor& grad_x_TH, Tensor& grad_weight_H,
                                 Into into = Into::kSum) = 0;
  virtual void rope_(Tensor& x_TND, const Tensor& cos_PD, const Tensor& sin_PD, const Tensor& positions_T,
                     bool inverse) = 0;
  virtual void swiglu(const Tensor& gate_up_T2I, Tensor& out_TI) = 0;
  virtual void swiglu_backward(const Tensor& grad_out_TI, const Tensor& gate_up_T2I, Tensor& grad_gate_up_T2I) = 0;
  virtual void dropout_linear(const Tensor& x_TK, const Tensor& weight_SK, const DropoutMasks& masks, double scale,
                              Tensor& out_TS) = 0;
  virtual void dropout_linear_backward(const Tensor& grad_TS, const Tensor& x_TK, const Tensor& weight_SK,
                                       const DropoutMasks& masks, Tensor& grad_x_TK, Tensor& grad_weight_SK) = 0;
  virtual void log_softmax_gather(const Tensor& logits_RV, const Tensor& targets_R, Tensor& lse_R, Tensor& logp_R,
                                  const LogSoftmaxExtras& extras = {}) = 0;
  virtual void softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& lse_R,
                                 const Tensor& weights_R, const Tensor& entropies_R = {},
                                 const Tensor& entropy_weights_R = {}) = 0;
  virtual void log_softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& weights_R,
                                     Tensor& logp_R) = 0;
  virtual void quantize_rows(const Tensor& x_TK, const Tensor& factors_K, Tensor& q_TK, Tensor& scales_T) = 0;
  virtual void add_rows(const Tensor& from_RH, const Tensor& rows_R, Tensor& sum_TH) = 0;

  // Of optim/, on host arrays.
  virtual void adamw_step(const AdamWShard<float>& shard, const AdamWSettings& settings, double learning_rate,
                          int64_t step, double clip_coefficient) = 0;
  virtual void adamw_step(const AdamWShard<double>& shard, const AdamWSettings& settings, double learning_rate,
                          int64_t step, double clip_coefficient) = 0;
  virtual void adam8bit_step(const Adam8bitShard& shard, const AdamWSettings& settings, double learning_rate,
                             int64_t step, double clip_coefficient) = 0;
  virtual double l2_norm(const float* values, int64_t count) = 0;
  virtual double l2_norm(const double* values, int64_t count) = 0;

  // Runs the same work otherwise (more threads; another device, and blocks and threads in the opposite order) for a scope.
  // number: 1 or 2. No bit of a result may change.
  struct Variant {
    virtual ~Variant() = default;
  };
  virtual std::unique_ptr<Variant> variant(int number) = 0;
};

const std::vector<Backend*>& backends();

// Of the test that runs.
Backend& backend();

class KernelTest : public ::testing::TestWithParam<Backend*> {
 protected:
  void SetUp() override;
};

inline std::string backend_name(const ::testing::TestParamInfo<Backend*>& test) { return test.param->name(); }

#define MMPO_ON_EVERY_BACKEND(Suite) \
  INSTANTIATE_TEST_SUITE_P(On, Suite, ::testing::ValuesIn(::mmpo::testing::backends()), ::mmpo::testing::backend_name)

}  // namespace mmpo::testing
