#include "loss/dpo.h"

#include "loss/log_sigmoid.h"

namespace mmpo {

template <typename T>
PairTerms<T> dpo_terms(T reward_w, T reward_l, T label_smoothing) {
  const T z = reward_w - reward_l;
  const T keep = 1 - label_smoothing;
  // keep * sigma(-z) - e * sigma(z) is the probability mass that the model still lacks.
  const T lacking = keep * sigmoid(-z) - label_smoothing * sigmoid(z);
  return {-keep * log_sigmoid(z) - label_smoothing * log_sigmoid(-z), -lacking, lacking};
}

template <typename T>
BasicPairOutputs<T> dpo_losses(const DpoLoss& loss, const BasicPairInputs<T>& inputs) {
  const T beta = static_cast<T>(loss.beta);
  BasicPairOutputs<T> out;
  for (size_t pair = 0; pair < inputs.chosen_logps.size(); ++pair) {
    const T reward_w = beta * (inputs.chosen_logps[pair] - inputs.ref_chosen_logps[pair]);
    const T reward_l = beta * (inputs.rejected_logps[pair] - inputs.ref_rejected_logps[pair]);
    const PairTerms<T> terms = dpo_terms(reward_w, reward_l, static_cast<T>(loss.label_smoothing));
    out.losses.push_back(terms.loss);
    out.grad_chosen.push_back(beta * terms.grad_chosen);
    out.grad_rejected.push_back(beta * terms.grad_rejected);
    out.chosen_rewards.push_back(reward_w);
    out.rejected_rewards.push_back(reward_l);
  }
  return out;
}

template PairTerms<float> dpo_terms(float, float, float);
template PairTerms<double> dpo_terms(double, double, double);
template BasicPairOutputs<float> dpo_losses(const DpoLoss&, const BasicPairInputs<float>&);
template BasicPairOutputs<double> dpo_losses(const DpoLoss&, const BasicPairInputs<double>&);

}  // namespace mmpo
