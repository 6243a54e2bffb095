#include "train/objective.h"

#include <cmath>
#include <limits>

#include "common/error.h"
#include "loss/sft.h"

namespace mmpo {
namespace {

// A [C] array of pairs (chosen, rejected, chosen, ...) taken apart.
template <typename T>
struct Sides {
  std::vector<T> chosen;
  std::vector<T> rejected;

  explicit Sides(std::span<const T> values) {
    for (size_t i = 0; i + 1 < values.size(); i += 2) {
      chosen.push_back(values[i]);
      rejected.push_back(values[i + 1]);
    }
  }
};

// What a loss of pairs reads, with the memory behind it.
struct Pairs {
  Sides<double> logps, refs;
  Sides<int32_t> lengths;

  Pairs(const mmpo_batch& batch, std::span<const double> logps_C, std::span<const double> ref_logps)
      : logps(logps_C), refs(ref_logps),
        lengths({batch.completion_lengths, static_cast<size_t>(batch.num_completions)}) {}

  PairInputs inputs() const {
    return {logps.chosen, logps.rejected, refs.chosen, refs.rejected, lengths.chosen, lengths.rejected};
  }
};

std::vector<double> interleave(const std::vector<double>& chosen, const std::vector<double>& rejected, double scale) {
  std::vector<double> values;
  for (size_t i = 0; i < chosen.size(); ++i) {
    values.push_back(chosen[i] * scale);
    values.push_back(rejected[i] * scale);
  }
  return values;
}

}  // namespace

Objective::Objective(const mmpo_objective& settings, const mmpo_batch& batch, std::span<const double> ref_logps,
                     std::optional<RewardRange> reward_range)
    : settings_(settings), batch_(batch), ref_logps_(ref_logps), reward_range_(reward_range) {
  check_objective(settings);
  require(std::isfinite(settings.scale), "scale must be finite, got ", settings.scale);
  if (settings.loss != MMPO_LOSS_SFT) {
    for (int64_t group = 0; group < batch.num_groups; ++group) {
      require(batch.group_sizes[group] == 2, "a preference loss needs pairs; group ", group, " has ",
              batch.group_sizes[group], " completions");
    }
  }
  require(!reads_reference(settings) || !ref_logps.empty(),
          "this loss needs reference log-probabilities; ref_logps is NULL");
  if (settings.loss != MMPO_LOSS_SFT) {
    const auto range = reward_range_of(settings, Pairs(batch, any_logps(), ref_logps).inputs());
    if (!reward_range_) reward_range_ = range;
  }
}

Objective Objective::of_slice(const BatchSlice& slice) const {
  const auto first = static_cast<size_t>(slice.first_completion);
  const auto count = static_cast<size_t>(slice.batch.num_completions);
  return {settings_, slice.batch, ref_logps_.empty() ? ref_logps_ : ref_logps_.subspan(first, count), reward_range_};
}

bool Objective::is_linear() const {
  return settings_.loss == MMPO_LOSS_SFT || (settings_.loss == MMPO_LOSS_MMPO && settings_.aux_weight == 1);
}

std::vector<Role> Objective::roles() const {
  std::vector<Role> roles(static_cast<size_t>(batch_.num_completions), Role::kGraded);
  if (settings_.loss == MMPO_LOSS_MMPO && is_linear()) {
    const Role rejected = settings_.score_rejected != 0 ? Role::kScored : Role::kLeftOut;
    for (size_t i = 1; i < roles.size(); i += 2) roles[i] = rejected;
  }
  return roles;
}

Objective::Result Objective::evaluate(std::span<const double> logps_C) const {
  return settings_.loss == MMPO_LOSS_SFT ? evaluate_sft(logps_C) : evaluate_pairs(logps_C);
}

Objective::AffineScores Objective::affine_scores() const {
  // The implicit rewards are these scores: what they are at 0, and by how much they grow to 1.
  const auto count = static_cast<size_t>(batch_.num_completions);
  AffineScores scores{evaluate(std::vector<double>(count, 1.0)).rewards, evaluate(any_logps()).rewards};
  for (size_t c = 0; c < count; ++c) scores.slopes[c] -= scores.offsets[c];
  return scores;
}

std::vector<double> Objective::linear_weights() const { return evaluate(any_logps()).weights; }

std::vector<double> Objective::any_logps() const {
  return std::vector<double>(static_cast<size_t>(batch_.num_completions), 0.0);
}

Objective::Result Objective::evaluate_pairs(std::span<const double> logps_C) const {
  const PairOutputs outputs = pair_loss(settings_, Pairs(batch_, logps_C, ref_logps_).inputs(), reward_range_);
  return {outputs.losses, interleave(outputs.chosen_rewards, outputs.rejected_rewards, 1),
          interleave(outputs.grad_chosen, outputs.grad_rejected, settings_.scale)};
}

Objective::Result Objective::evaluate_sft(std::span<const double> logps_C) const {
  const SftOutputs outputs = sft_losses(logps_C);
  Result result;
  size_t completion = 0;
  for (int64_t group = 0; group < batch_.num_groups; ++group) {
    double sum = 0;
    for (int64_t i = 0; i < batch_.group_sizes[group]; ++i) sum += outputs.losses[completion++];
    result.losses.push_back(sum);
  }
  result.rewards.assign(logps_C.size(), std::numeric_limits<double>::quiet_NaN());
  for (const double grad : outputs.grad_logps) result.weights.push_back(grad * settings_.scale);
  return result;
}

}  // namespace mmpo
