#include "loss/sft.h"

namespace mmpo {

SftOutputs sft_losses(std::span<const double> logps) {
  SftOutputs out;
  for (const double logp : logps) {
    out.losses.push_back(-logp);
    out.grad_logps.push_back(-1.0);
  }
  return out;
}

}  // namespace mmpo
