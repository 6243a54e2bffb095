// The entropy term of arXiv 2510.22881, equations 10 to 14: what raises the entropy of the policy's answers. For an answer z
//   sum_t [ grad log pi(z_<t) * H_t + grad H_t ],  H_t = entropy of the distribution of token t, no gradient in the first H_t,
// and since log pi(z_<t) = sum_{s<t} log pi(z_s), the first part is a weight of each token's log-probability: the entropies after it.
#pragma once

#include <cstdint>

namespace mmpo {

// after[t] = sum of the entropies of the tokens after t. Both [length].
inline void entropies_after(const float* entropies, int64_t length, double* after) {
  double sum = 0;
  for (int64_t t = length - 1; t >= 0; --t) {
    after[t] = sum;
    sum += static_cast<double>(entropies[t]);
  }
}

}  // namespace mmpo
