#include "loss/simpo.h"

#include "loss/log_sigmoid.h"

namespace mmpo {

template <typename T>
PairTerms<T> simpo_terms(T reward_w, T reward_l, T gamma) {
  const T z = reward_w - reward_l - gamma;
  const T lacking = sigmoid(-z);
  return {-log_sigmoid(z), -lacking, lacking};
}

template <typename T>
BasicPairOutputs<T> simpo_losses(const SimpoLoss& loss, const BasicPairInputs<T>& inputs) {
  BasicPairOutputs<T> out;
  for (size_t pair = 0; pair < inputs.chosen_logps.size(); ++pair) {
    const T beta = static_cast<T>(loss.beta);
    const T slope_w = loss.length_normalize ? beta / static_cast<T>(inputs.chosen_lengths[pair]) : beta;
    const T slope_l = loss.length_normalize ? beta / static_cast<T>(inputs.rejected_lengths[pair]) : beta;
    const T reward_w = slope_w * inputs.chosen_logps[pair];
    const T reward_l = slope_l * inputs.rejected_logps[pair];
    const PairTerms<T> terms = simpo_terms(reward_w, reward_l, static_cast<T>(loss.gamma));
    out.losses.push_back(terms.loss);
    out.grad_chosen.push_back(slope_w * terms.grad_chosen);
    out.grad_rejected.push_back(slope_l * terms.grad_rejected);
    out.chosen_rewards.push_back(reward_w);
    out.rejected_rewards.push_back(reward_l);
  }
  return out;
}

template PairTerms<float> simpo_terms(float, float, float);
template PairTerms<double> simpo_terms(double, double, double);
template BasicPairOutputs<float> simpo_losses(const SimpoLoss&, const BasicPairInputs<float>&);
template BasicPairOutputs<double> simpo_losses(const SimpoLoss&, const BasicPairInputs<double>&);

}  // namespace mmpo
