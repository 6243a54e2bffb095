#include "train/objective.h"

#include <cmath>
#include <limits>

#include "common/error.h"
#include "loss/ld.h"

namespace mmpo {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Pair> pairs_of(const mmpo_batch& batch, std::span<const double> ref_logps) {
  require_all_learnt(batch);
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
  require(std::isfinite(settings.entropy_weight), "entropy_weight must be finite, got ", settings.entropy_weight);
  require_no_preamble(batch);
  if (settings.losses[0] == MMPO_LOSS_SFT) return;
  require(!reads_reference(settings) || !ref_logps.empty() || batch.num_groups == 0,
          "this loss needs reference log-probabilities; ref_logps is NULL");
  pairs_ = pairs_of(batch, ref_logps);
  check_references(settings, pairs_);
  facts_ = facts_of(settings, pairs_, reward_range);
  has_given_range_ = reward_range.has_value();
}

bool Objective::reads_facts_of_others() const {
  const bool normalizes = has_loss(settings_, MMPO_LOSS_MMPO) && settings_.normalize != 0;
  return has_loss(settings_, MMPO_LOSS_CHOSEN_NLL) || (normalizes && !has_given_range_);
}

Objective Objective::with_facts(const BatchFacts& facts) const {
  Objective same(*this);
  same.facts_ = facts;
  return same;
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

Objective::Result Objective::evaluate(const CompletionScores& scores) const {
  return settings_.losses[0] == MMPO_LOSS_SFT ? evaluate_sft(scores.logps) : evaluate_pairs(scores);
}

void CompletionScores::append(const CompletionScores& others) {
  logps.insert(logps.end(), others.logps.begin(), others.logps.end());
  log_weights.insert(log_weights.end(), others.log_weights.begin(), others.log_weights.end());
}

double Objective::token_share(size_t completion, int64_t token) const {
  if (pairs_.empty()) return 1;
  const Pair& pair = pairs_[completion / 2];
  return mmpo::token_share(settings_.ld_alpha, static_cast<double>(token), pair.chosen_length, pair.rejected_length);
}

// Of the next completion; logps: null where it is left out. length: of the tokens that it learns.
void Objective::add_score(const float* logps, const float* log_squares, int64_t length,
                          CompletionScores& scores) const {
  const size_t completion = scores.logps.size();
  double sum = logps == nullptr ? kNaN : 0;
  double mean = sum;
  for (int64_t i = 0; logps != nullptr && i < length; ++i) {
    const auto logp = static_cast<double>(logps[i]);
    sum += token_share(completion, i) * logp;
    if (log_squares != nullptr) mean += aligned(logp, static_cast<double>(log_squares[i]));
  }
  scores.logps.push_back(sum);
  if (reads_log_squares()) scores.log_weights.push_back(mean / static_cast<double>(length));
}

CompletionScores Objective::scores(const PackedBatch& packed, const Tensor& logp_R, const Tensor& log_squares_R) const {
  const float* logps = logp_R.const_data_ptr<float>();
  const float* squares = log_squares_R.defined() ? log_squares_R.const_data_ptr<float>() : nullptr;
  CompletionScores scores;
  for (const auto& completion : packed.completions) {
    const bool is_there = completion.head_begin >= 0;
    add_score(is_there ? logps + completion.head_begin : nullptr,
              is_there && squares != nullptr ? squares + completion.head_begin : nullptr, completion.length, scores);
  }
  return scores;
}

CompletionScores Objective::scores(std::span<const float> token_logps, std::span<const float> token_log_squares) const {
  CompletionScores scores;
  int64_t token = 0;
  for (const int64_t length : learnt_lengths(batch_)) {
    add_score(token_logps.data() + token, token_log_squares.empty() ? nullptr : token_log_squares.data() + token,
              length, scores);
    token += length;
  }
  return scores;
}

double Objective::entropy_weight(size_t completion) const {
  const bool is_rejected = !pairs_.empty() && completion % 2 == 1;
  return is_rejected ? 0 : -settings_.entropy_weight * settings_.scale;
}

std::vector<double> Objective::weights(const CompletionScores& scores) const {
  return weights_.empty() ? evaluate(scores).weights : weights_;
}

std::vector<double> Objective::linear_weights() const {
  if (!weights_.empty()) return weights_;
  const std::vector<double> zeros(static_cast<size_t>(batch_.num_completions), 0.0);
  return evaluate({.logps = zeros, .log_weights = zeros}).weights;
}

Objective::Result Objective::evaluate_pairs(const CompletionScores& scores) const {
  const std::vector<Pair> pairs = pairs_at(scores);
  return result_of(pairs, pair_losses(settings_, facts_, pairs));
}

std::vector<Pair> Objective::pairs_at(const CompletionScores& scores) const {
  std::vector<Pair> pairs = pairs_;
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].chosen_logp = scores.logps[2 * i];
    pairs[i].rejected_logp = scores.logps[2 * i + 1];
    if (reads_log_squares()) pairs[i].log_weight = scores.log_weights[2 * i] + scores.log_weights[2 * i + 1];
  }
  return pairs;
}

Objective::Result Objective::result_of(std::span<const Pair> pairs, std::span<const PairTerms> terms) const {
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
