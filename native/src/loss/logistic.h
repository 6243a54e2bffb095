// The logistic function and its kin without overflow or cancellation, for any finite argument; for the host and for kernels.
#pragma once

#include <cmath>

#if defined(__CUDACC__)
#define MMPO_HOST_DEVICE __host__ __device__
#else
#define MMPO_HOST_DEVICE
#endif

namespace mmpo {

MMPO_HOST_DEVICE inline double sigmoid(double x) {
  const double e = std::exp(-std::abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

// log(1 + exp(-|x|)): what log sigma(x) and logsumexp lack of their larger part.
MMPO_HOST_DEVICE inline double log1p_exp_minus_abs(double x) { return std::log1p(std::exp(-std::abs(x))); }

// log sigma(x) = min(x, 0) - log(1 + exp(-|x|)).
MMPO_HOST_DEVICE inline double log_sigmoid(double x) { return (x < 0 ? x : 0) - log1p_exp_minus_abs(x); }

// log(1 - exp(x)) for x < 0; below -log 2 by log1p, above it by expm1, each where it cancels nothing.
MMPO_HOST_DEVICE inline double log1m_exp(double x) {
  return x < -0.6931471805599453 ? std::log1p(-std::exp(x)) : std::log(-std::expm1(x));
}

}  // namespace mmpo
