// The memory-bound parts of a decoder, forward and backward, each one pass over memory where the mathematics allows it.
//
// Shapes: T tokens, H hidden, I intermediate, N heads, D head dim, P positions, R head rows, V vocabulary.
// Activations are float32 or bfloat16 (one type per call), arithmetic is float32. Gradients of parameters are float32 and
// are added to what is there. The last dimension is contiguous; rows may be strided (views into fused buffers).
// Every result has the same bits for any number of threads: sums over rows are made in blocks of fixed size.
// Compiled for AVX2, AVX-512, AVX-512 with bfloat16 and AMX (cpu/); the one that LibTorch itself uses is chosen when the process runs.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/cpu_kernels.h"

namespace mmpo {

using at::Tensor;

// out = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + eps); rstd_T float32 [T]. This, its recomputation and its backward take
// heads [T, N, D] too, each normalised for itself, with rstd [T * N] and weight [D]. A weight of another type than x is converted to x's.
void rms_norm(const Tensor& x_TH, const Tensor& weight_H, double eps, Tensor& out_TH, Tensor& rstd_T);

// out of rms_norm again, from its saved rstd: selective recomputation.
void rms_norm_recompute(const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T, Tensor& out_TH);

// grad_x_TH += dL/dx, or = dL/dx, and then it may be grad_out_TH itself; grad_weight_H (float32) += dL/dweight, left out where
// it is undefined (frozen weight).
void rms_norm_backward(const Tensor& grad_out_TH, const Tensor& x_TH, const Tensor& weight_H, const Tensor& rstd_T,
                       Tensor& grad_x_TH, Tensor& grad_weight_H, Into into = Into::kSum);

// Rotates heads in place in Hugging Face's half-split convention: element i is paired with i + D/2.
// x_TND: [T, N, D] view with row and head strides. cos_PD, sin_PD: float32 [P, D/2]. positions_T: int32 or int64.
// inverse rotates by the negative angle, which is the backward pass.
void rope_(Tensor& x_TND, const Tensor& cos_PD, const Tensor& sin_PD, const Tensor& positions_T, bool inverse);

// gate_up_T2I: [T, 2I], gate first; out = silu(gate) * up.
void swiglu(const Tensor& gate_up_T2I, Tensor& out_TI);

// grad_gate_up_T2I = dL/d(gate, up), written over what is there; it may be gate_up_T2I itself.
void swiglu_backward(const Tensor& grad_out_TI, const Tensor& gate_up_T2I, Tensor& grad_gate_up_T2I);

// What a pass over logits leaves beside log-probabilities; each is written where it is defined.
struct LogSoftmaxExtras {
  Tensor log_squares_R;  // float32: the log of the sum of the row's squared probabilities
  Tensor entropies_R;  // float32: their entropy in nats
  Tensor is_first_R;  // bool: whether the target is what greedy decoding takes, the first of the row's largest logits
};

// lse_R = logsumexp of each row, logp_R = logits[r, targets_R[r]] - lse_R; both float32. targets_R: int64.
void log_softmax_gather(const Tensor& logits_RV, const Tensor& targets_R, Tensor& lse_R, Tensor& logp_R,
                        const LogSoftmaxExtras& extras = {});

// In place: row r becomes d(sum_r weight_r * logp_r) / dlogits = weight_r * (onehot(target_r) - softmax_r).
// lse_R from log_softmax_gather on the same logits; weights_R: float32. Where entropies_R is defined, also from there, and
// entropy_weights_R (float32): plus entropy_weight_r * d entropy_r / dlogits.
void softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& lse_R, const Tensor& weights_R,
                       const Tensor& entropies_R = {}, const Tensor& entropy_weights_R = {});

// Both of these in one pass, with the same bits, where the weights are known beforehand.
void log_softmax_gradient_(Tensor& logits_RV, const Tensor& targets_R, const Tensor& weights_R, Tensor& logp_R);

// sum_TH[rows_R[r]] += from_RH[r] in the order of r, where several rows may go to one place. rows_R: int64. sum_TH: float32 or
// the type of from_RH, to which every sum is rounded.
void add_rows(const Tensor& from_RH, const Tensor& rows_R, Tensor& sum_TH);

}  // namespace mmpo
