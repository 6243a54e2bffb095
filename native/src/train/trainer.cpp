#include "train/trainer.h"

#include <c10/core/InferenceMode.h>

#include <numeric>
#include <optional>
#include <utility>

#include "common/device.h"
#include "common/error.h"
#include "train/head_pass.h"
#include "train/rank_batch.h"

namespace mmpo {
namespace {

Trainer::Result result_of(const Objective& objective, CompletionScores scores) {
  Objective::Result result = objective.evaluate(scores);
  return {std::move(result.losses), std::move(scores.logps), std::move(result.rewards)};
}

Model& trainable(Model& model) {
  const WeightForm form = model.decoder().form();
  require(form == WeightForm::kPlain || model.decoder().adapter() != nullptr, "a model whose ",
          form == WeightForm::kQuantized ? "projections are held in fp8" : "weights are held in bfloat16 for float32",
          " is frozen: it is trained through an adapter, and has none");
  return model;
}

}  // namespace

Trainer::Trainer(Model& model, const mmpo_optimizer_config& config, const mmpo_sharding* sharding)
    : model_(trainable(model)), recompute_(config.recompute),
      sharding_(make_sharding(sharding, model.decoder().trained_layout().parameters(), model.device())),
      weights_(model.decoder(), config.no_master_weights != 0, sharding_.get()),
      gradients_(make_gradient_store(model.decoder(), sharding_.get())), update_(config, weights_, model.device()) {
  require(config.recompute >= MMPO_RECOMPUTE_NONE && config.recompute <= MMPO_RECOMPUTE_FULL, "unknown recompute mode ",
          config.recompute);
  state_[MMPO_STATE_PARAMETERS] = weights_.views();
  state_[MMPO_STATE_GRADIENTS] = gradients_->views();
  state_[MMPO_STATE_OPTIMIZER] = update_.state();
}

void Trainer::expect_groups(std::span<const int64_t> numbers) {
  for (const int64_t number : numbers) require(number >= 0, "the number of a group must be >= 0, got ", number);
  expected_groups_.assign(numbers.begin(), numbers.end());
}

std::vector<int64_t> Trainer::take_group_numbers(int64_t num_groups) {
  std::vector<int64_t> numbers = std::exchange(expected_groups_, {});
  if (numbers.empty()) {
    numbers.resize(static_cast<size_t>(num_groups));
    std::iota(numbers.begin(), numbers.end(), next_group_);
  }
  require(std::ssize(numbers) == num_groups, "the micro-batch has ", num_groups, " groups, and ", numbers.size(),
          " numbers of groups were given");
  return numbers;
}

Trainer::Result Trainer::accumulate(const mmpo_batch& batch, const Objective& objective) {
  const c10::InferenceMode without_autograd;
  const std::vector<int64_t> numbers = take_group_numbers(batch.num_groups);
  const std::vector<BatchSlice> slices = slice_batch(batch, model_.slice_tokens());
  gradients_->begin_micro_batch(static_cast<int64_t>(slices.size()));
  Result result;
  if (sharding_ != nullptr && objective.reads_facts_of_others()) {
    result = accumulate_own(slices, objective.with_facts(facts_of_all(sharding_->group(), objective)), numbers);
  } else {
    result = accumulate_own(slices, objective, numbers);
  }
  gradients_->end_micro_batch();
  if (!numbers.empty()) next_group_ = numbers.back() + 1;
  expects_step_ = false;
  return result;
}

Trainer::Result Trainer::accumulate_own(std::span<const BatchSlice> slices, const Objective& objective,
                                        GroupNumbers all_numbers) {
  const auto scores_of = [&](auto&& scores_of_slice) {
    CompletionScores scores;
    GroupNumbers numbers = all_numbers;
    for (const BatchSlice& slice : slices) {
      const auto count = static_cast<size_t>(slice.batch.num_groups);
      scores.append(scores_of_slice(slice, numbers.first(count)));
      numbers = numbers.subspan(count);
    }
    return scores;
  };
  const auto accumulated = [&](const Objective& of_batch) {
    return scores_of([&](const BatchSlice& slice, GroupNumbers numbers) {
      const bool is_last = expects_step_ && &slice == &slices.back();
      return accumulate_slice(slice.batch, of_batch.of_slice(slice), numbers, is_last);
    });
  };
  const auto scored = [&] {
    return scores_of([&](const BatchSlice& slice, GroupNumbers numbers) {
      return score_slice(slice.batch, objective.of_slice(slice), numbers);
    });
  };
  if (objective.couples_pairs() && sharding_ != nullptr) {
    // A rank knows its weights only from the others' log-probabilities.
    Objective::Result result = evaluate_among_all(sharding_->group(), objective, scored());
    CompletionScores scores = accumulated(objective.with_weights(result.weights));
    return {std::move(result.losses), std::move(scores.logps), std::move(result.rewards)};
  }
  // So does a slice.
  const bool waits = objective.couples_pairs() && slices.size() > 1;
  return result_of(objective,
                   accumulated(waits ? objective.with_weights(objective.evaluate(scored()).weights) : objective));
}

DropoutPass Trainer::dropout(const PackedBatch& packed, GroupNumbers numbers) const {
  const Adapter* adapter = model_.decoder().adapter();
  if (adapter == nullptr || !adapter->has_dropout()) return {};
  return adapter->dropout_pass(num_steps_, packed.row_numbers(numbers));
}

CompletionScores Trainer::score_slice(const mmpo_batch& batch, const Objective& objective, GroupNumbers numbers) {
  const PackedBatch packed(batch, objective.roles(), model_.device());
  model_.workspace().reset();
  return objective.scores(packed, model_.head_scores(packed, dropout(packed, numbers), {}).logp_R.cpu(), {});
}

CompletionScores Trainer::accumulate_slice(const mmpo_batch& batch, const Objective& objective, GroupNumbers numbers,
                                           bool is_last) {
  Workspace& workspace = model_.workspace();
  workspace.reset();
  const PackedBatch packed(batch, objective.roles(), model_.device());
  DecoderTape tape{.recompute = recompute_, .dropout = dropout(packed, numbers), .inputs_TH = {}, .layers = {}};
  Model::Predictions predictions = model_.predict(packed, tape);
  DecoderGradients& gradients = gradients_->begin_slice(packed.num_graded_head_rows > 0, is_last);
  HeadPass head = pass_head(model_, packed, std::move(predictions), objective, gradients);
  HostCopy host_logp_R(head.logp_R);
  std::optional<HostCopy> host_log_squares_R;
  if (head.log_squares_R.defined()) host_log_squares_R.emplace(head.log_squares_R);
  model_.decoder().backward(rows_of(packed), packed.graded_attention, tape, workspace, head.grad_TH, gradients);
  gradients_->end_slice();
  // A GPU is still at the backward pass that was queued behind the copy.
  const Tensor log_squares_R = host_log_squares_R ? host_log_squares_R->wait() : Tensor();
  return objective.scores(packed, host_logp_R.wait(), log_squares_R);
}

double Trainer::step(double learning_rate, double max_grad_norm) {
  const c10::InferenceMode without_autograd;
  gradients_->complete();
  const double norm = update_.apply(*gradients_, learning_rate, max_grad_norm, num_steps_ + 1);
  weights_.spread();
  gradients_->begin_update();
  ++num_steps_;
  next_group_ = 0;
  return norm;
}

const std::vector<NamedTensor>& Trainer::state(int32_t which) const {
  require(which >= MMPO_STATE_PARAMETERS && which <= MMPO_STATE_OPTIMIZER, "unknown state ", which);
  return state_[static_cast<size_t>(which)];
}

void Trainer::restore(int64_t num_steps) {
  require(num_steps >= 0, "num_steps must be >= 0, got ", num_steps);
  num_steps_ = num_steps;
  next_group_ = 0;
  weights_.refresh();
}

Trainer::Result evaluate(Model& model, const mmpo_batch& batch, const Objective& objective) {
  const Model::Scores found = model.score(batch, {.log_squares = objective.reads_log_squares()});
  return result_of(objective, objective.scores(found.token_logps, found.token_log_squares));
}

}  // namespace mmpo
