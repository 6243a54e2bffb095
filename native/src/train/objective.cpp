#include "train/objective.h"

#include <cmath>
#include <limits>

#include "common/error.h"

namespace mmpo {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Pair> pairs_of(const mmpo_batch& batch, std::span<const double> ref_logps) {
  std::vector<Pair> pairs;
  for (int64_t group = 0; group < batch.num_groups; ++group) {
    require(batch.group_sizes[group] == 2, "a preference loss needs pairs; group ", group, " has ",
            batch.group_sizes[group], " completions");
    const auto chosen = static_cast<size_t>(2 * group);
    const auto ref = [&](size_t completion) { return ref_logps.empty() ? kNaN : ref_logps[completion]; };
    pairs.push_back({0, 0, ref(chosen), ref(chosen + 1), static_cast<double>(batch.completion_lengths[chosen]),
                     static_cast<double>(batch.completion_lengths[chosen + 1])});
  }
  return pairs;
}

}  // namespace

Objective::Objective(const mmpo_objective& settings, const mmpo_batch& batch, std::span<const double> ref_logps,
                     std::optional<RewardRange> reward_range)
    : Objective(settings, batch) {
  check_objective(settings);
  require(std::isfinite(settings.scale), "scale must be finite, got ", settings.scale);
  if (settings.losses[0] == MMPO_LOSS_SFT) return;
  require(!reads_reference(settings) || !ref_logps.empty(),
          "this loss needs reference log-probabilities; ref_logps is NULL");
  pairs_ = pairs_of(batch, ref_logps);
  check_references(settings, pairs_);
  facts_ = facts_of(settings, pairs_, reward_range);
}

Objective Objective::of_slice(const BatchSlice& slice) const {
  Objective part(settings_, slice.batch);
  part.facts_ = facts_;
  const auto first = static_cast<std::ptrdiff_t>(slice.first_completion);
  if (!pairs_.empty())
    part.pairs_.assign(pairs_.begin() + first / 2, pairs_.begin() + first / 2 + slice.batch.num_groups);
  if (!weights_.empty())
    part.weights_.assign(weights_.begin() + first, weights_.begin() + first + slice.batch.num_completions);
  return part;
}

Objective Objective::with_weights(std::vector<double> weights_C) const {
  Objective same(*this);
  same.weights_ = std::move(weights_C);
  return same;
}

std::vector<Role> Objective::roles() const {
  std::vector<Role> roles(static_cast<size_t>(batch_.num_completions), Role::kGraded);
  if (!pairs_.empty() && !grades_rejected(settings_)) {
    // Of several losses the rejected completion is scored for the metrics.
    const bool is_scored = settings_.losses[0] != MMPO_LOSS_MMPO || settings_.score_rejected != 0;
    for (size_t i = 1; i < roles.size(); i += 2) roles[i] = is_scored ? Role::kScored : Role::kLeftOut;
  }
  return roles;
}

Objective::Result Objective::evaluate(std::span<const double> logps_C) const {
  return settings_.losses[0] == MMPO_LOSS_SFT ? evaluate_sft(logps_C) : evaluate_pairs(logps_C);
}

std::vector<double> Objective::linear_weights() const {
  if (!weights_.empty()) return weights_;
  return evaluate(std::vector<double>(static_cast<size_t>(batch_.num_completions), 0.0)).weights;
}

Objective::Result Objective::evaluate_pairs(std::span<const double> logps_C) const {
  std::vector<Pair> pairs = pairs_;
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].chosen_logp = logps_C[2 * i];
    pairs[i].rejected_logp = logps_C[2 * i + 1];
  }
  const std::vector<PairTerms> terms = pair_losses(settings_, facts_, pairs);
  Result result;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const PairRewards rewards = pair_rewards(settings_, facts_, pairs[i]);
    result.losses.push_back(terms[i].loss);
    result.rewards.insert(result.rewards.end(), {rewards.chosen, rewards.rejected});
    result.weights.insert(result.weights.end(),
                          {terms[i].grad_chosen * settings_.scale, terms[i].grad_rejected * settings_.scale});
  }
  return result;
}

// The negative log-likelihood of each completion: -1 each, known before the forward pass.
Objective::Result Objective::evaluate_sft(std::span<const double> logps_C) const {
  Result result;
  size_t completion = 0;
  for (int64_t group = 0; group < batch_.num_groups; ++group) {
    double sum = 0;
    for (int64_t i = 0; i < batch_.group_sizes[group]; ++i) sum -= logps_C[completion++];
    result.losses.push_back(sum);
  }
  result.rewards.assign(logps_C.size(), kNaN);
  result.weights.assign(logps_C.size(), -settings_.scale);
  return result;
}

}  // namespace mmpo
