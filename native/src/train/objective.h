// What an objective asks of a micro-batch: which completions get gradients, and the weight of each in the backward pass.
// Every loss is log-probabilities -> one closed-form weight a completion -> a weighted log-likelihood backward.
// Shapes: C completions, G groups, P pairs.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "loss/pair_losses.h"
#include "model/batch_slices.h"
#include "model/packed_batch.h"

namespace mmpo {

// What an objective reads of a batch's tokens, [C] each. A completion that is left out has NaN.
struct CompletionScores {
  std::vector<double> logps;  // sums, each token counted as ld_alpha says
  std::vector<double>
      log_weights;  // of WPO: the means of what aligned() (wpo.h) says of the tokens; empty where nobody asks

  void append(const CompletionScores& others);
};

class Objective {
 public:
  // ref_logps: [C] or empty; reward_range: none for that of the batch. Throws Error(MMPO_INVALID_ARGUMENT) where batch, references
  // and objective do not fit.
  Objective(const mmpo_objective& settings, const mmpo_batch& batch, std::span<const double> ref_logps,
            std::optional<RewardRange> reward_range);

  // [C]: graded, only scored, or left out of the forward pass.
  std::vector<Role> roles() const;

  // True where the weights do not depend on the log-probabilities of this micro-batch, or are those of with_weights.
  bool is_linear() const { return !reads_entropies() && (!weights_.empty() || mmpo::is_linear(settings_)); }
  // True where a pair's weights depend on other pairs' log-probabilities, so that a slice alone does not know its own.
  bool couples_pairs() const { return weights_.empty() && mmpo::couples_pairs(settings_); }

  struct Result {
    std::vector<double> losses;  // [G]
    std::vector<double> rewards;  // [C], NaN where the loss has none
    std::vector<double> weights;  // [C] d(scale * loss) / d log-probability
  };
  Result evaluate(const CompletionScores& scores) const;
  // Its weights, or those of with_weights.
  std::vector<double> weights(const CompletionScores& scores) const;
  // weights alone, before anything is scored; only where is_linear().
  std::vector<double> linear_weights() const;

  // Whether the gradient has the entropy term (entropy.h), which reads the entropies of the head's rows.
  bool reads_entropies() const { return settings_.entropy_weight != 0; }
  // How much of it a completion has: that of its log-probability's and entropies' gradients in the loss's. 0 of rejected completions.
  double entropy_weight(size_t completion) const;
  // Whether scores() reads log_squares.
  bool reads_log_squares() const { return settings_.use_weighting != 0; }
  // Of the head's rows on the CPU, and of the tokens of all completions one after another. log_squares: kernels.h; undefined, or
  // empty, where nobody reads them.
  CompletionScores scores(const PackedBatch& packed, const Tensor& logp_R, const Tensor& log_squares_R) const;
  CompletionScores scores(std::span<const float> token_logps, std::span<const float> token_log_squares) const;
  // How much token i (from 0) of a completion counts in its log-probability.
  double token_share(size_t completion, int64_t token) const;

  // The same of a slice of the batch, which must outlive it; losses and weights are those that its groups have in the whole.
  Objective of_slice(const BatchSlice& slice) const;
  // The same with the weights [C] that it has at log-probabilities which are known already.
  Objective with_weights(std::vector<double> weights_C) const;

  const mmpo_objective& settings() const { return settings_; }
  // Whether its losses take something from rows of the micro-batch that it does not have, where other ranks have them: the range of
  // rewards that was not given, the mean length of chosen completions.
  bool reads_facts_of_others() const;
  Objective with_facts(const BatchFacts& facts) const;
  // The pairs [P] at their log-probabilities.
  std::vector<Pair> pairs_at(const CompletionScores& scores) const;
  // As evaluate, with the terms [P] of pairs that the caller has compared with others.
  Result result_of(std::span<const Pair> pairs, std::span<const PairTerms> terms) const;

  // [P], with log-probabilities of 0; none of SFT.
  std::span<const Pair> pairs() const { return pairs_; }
  const BatchFacts& facts() const { return facts_; }

 private:
  Objective(const mmpo_objective& settings, const mmpo_batch& batch) : settings_(settings), batch_(batch) {}

  Result evaluate_pairs(const CompletionScores& scores) const;
  Result evaluate_sft(std::span<const double> logps_C) const;
  void add_score(const float* logps, const float* log_squares, int64_t length, CompletionScores& scores) const;

  const mmpo_objective& settings_;
  const mmpo_batch& batch_;
  std::vector<Pair> pairs_;
  BatchFacts facts_{};
  bool has_given_range_ = false;
  std::vector<double> weights_;  // of with_weights
};

}  // namespace mmpo
