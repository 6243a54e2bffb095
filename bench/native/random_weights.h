// Weights of a shape for benchmarks, whose time does not depend on what the numbers are.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "mmpo/mmpo.h"
#include "model/parameters.h"

// Of the weights; a prime, so that rows are not repeated.
inline constexpr int64_t kPeriod = 1048573;

// Of parameters: matrices are the beginning of one array of random numbers, which is repeated, norms are ones.
class RandomWeights {
 public:
  explicit RandomWeights(const mmpo::ParameterLayout& layout) {
    int64_t largest = 0;
    int64_t longest_norm = 0;
    for (const mmpo::Parameter& parameter : layout.parameters()) {
      int64_t& most = parameter.is_matrix() ? largest : longest_norm;
      most = std::max(most, parameter.size());
    }
    at::manual_seed(1);
    random_ = (at::randn({kPeriod}) * 0.02).to(at::kBFloat16).repeat({(largest + kPeriod - 1) / kPeriod});
    ones_ = at::ones({longest_norm}, at::kBFloat16);
    for (const mmpo::Parameter& parameter : layout.parameters()) {
      const bool is_norm = !parameter.is_matrix();
      tensors_.push_back({parameter.name.c_str(),
                          is_norm ? ones_.const_data_ptr() : random_.const_data_ptr(),
                          {parameter.rows, parameter.columns},
                          is_norm ? 1 : 2,
                          MMPO_BFLOAT16});
    }
  }
  const std::vector<mmpo_tensor>& tensors() const { return tensors_; }

 private:
  at::Tensor random_, ones_;
  std::vector<mmpo_tensor> tensors_;
};
