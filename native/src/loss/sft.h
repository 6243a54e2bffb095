// Supervised fine-tuning: the negative log-likelihood of each completion.
#pragma once

#include <span>
#include <vector>

namespace mmpo {

struct SftOutputs {
  std::vector<double> losses;      // -logp, summed over a completion's tokens
  std::vector<double> grad_logps;  // -1: known before the forward pass
};

SftOutputs sft_losses(std::span<const double> logps);

}  // namespace mmpo
