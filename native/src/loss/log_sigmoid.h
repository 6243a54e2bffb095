// The logistic function and its logarithm without overflow or cancellation, for any finite argument.
#pragma once

#include <cmath>

namespace mmpo {

template <typename T>
T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));
  return (x >= 0 ? T(1) : e) / (1 + e);
}

// log(1 + exp(-|x|)): what log sigma(x) and logsumexp lack of their larger part.
template <typename T>
T log1p_exp_minus_abs(T x) {
  return std::log1p(std::exp(-std::abs(x)));
}

// log sigma(x) = min(x, 0) - log(1 + exp(-|x|)).
template <typename T>
T log_sigmoid(T x) {
  return (x < 0 ? x : T(0)) - log1p_exp_minus_abs(x);
}

}  // namespace mmpo
