// The entropy term against the golden gradient of its surrogate, and in a trainer against autograd over the head.
#include "loss/entropy.h"

#include "logprob/linear_logp.h"
#include "train/training_run.h"

namespace mmpo {
namespace {

using testing::accumulate;
using testing::objective;
using testing::random_pairs;
using testing::TokenPair;
using testing::TrainingRun;

Tensor matrix_of(const nlohmann::json& rows) {
  std::vector<double> values;
  for (const auto& row : rows)
    for (const auto& value : row) values.push_back(value);
  const auto count = static_cast<int64_t>(rows.size());
  return at::tensor(values, at::kDouble).view({count, -1});
}

// Logits are hidden rows times the identity, so that the gradient of the rows is that of the logits; in chunks of one row to all.
TEST(EntropyTerm, GradientIsTheGolden) {
  MMPO_READ_SHARED_JSON(golden, "golden/entropy.json");
  for (const auto& wanted : golden["cases"]) {
    for (size_t row = 0; row < golden["logits"].size(); ++row) {
      for (const int64_t rows_of_chunk : {1, 2, 5}) {
        const Tensor logits_TV = matrix_of(golden["logits"][row]).to(at::kFloat);
        const int64_t tokens = logits_TV.size(0), vocabulary = logits_TV.size(1);
        const auto length = wanted["lengths"][row].get<int64_t>();
        const double weight = wanted["beta"].get<double>() / static_cast<double>(golden["logits"].size());
        const HeadRows rows{logits_TV, at::tensor(golden["tokens"][row].get<std::vector<int64_t>>(), at::kLong)};
        const Tensor identity = at::eye(vocabulary);
        Workspace workspace;
        LinearLogp head(rows, identity, workspace, rows_of_chunk * vocabulary * 4);
        Tensor lse = at::empty({tokens}), logp = at::empty({tokens});
        const LogSoftmaxExtras extras{.log_squares_R = {}, .entropies_R = at::empty({tokens}), .is_first_R = {}};
        head.forward(lse, logp, extras);
        const Tensor entropies = matrix_of(golden["cases"][0]["entropy"])[static_cast<int64_t>(row)];
        EXPECT_TRUE(at::allclose(extras.entropies_R.to(at::kDouble), entropies, 1e-6, 1e-6));
        std::vector<double> after(static_cast<size_t>(length));
        entropies_after(extras.entropies_R.const_data_ptr<float>(), length, after.data());
        Tensor weights = at::zeros({tokens}), entropy_weights = at::zeros({tokens});
        for (int64_t t = 0; t < length; ++t) {
          weights[t] = weight * after[static_cast<size_t>(t)];
          entropy_weights[t] = weight;
        }
        Tensor gradient = at::empty_like(logits_TV), none;
        head.backward(lse, weights, {extras.entropies_R, entropy_weights}, gradient, none);
        const Tensor expected = matrix_of(wanted["grad_logits"][row]);
        EXPECT_TRUE(at::allclose(gradient.to(at::kDouble), expected, 1e-6, 1e-6))
            << "row " << row << " length " << length << "\n"
            << gradient << expected;
      }
    }
  }
}

// What the paper differentiates, of the rows of one completion.
Tensor surrogate(const Tensor& logits_TV, const Tensor& targets_T) {
  const Tensor logp_TV = logits_TV.log_softmax(-1);
  const Tensor own_T = logp_TV.gather(-1, targets_T.unsqueeze(-1)).squeeze(-1);
  const Tensor entropy_T = -(logp_TV.exp() * logp_TV).sum(-1);
  const Tensor before_T = own_T.cumsum(0) - own_T;
  return (before_T * entropy_T.detach() + entropy_T).sum();
}

// MMPO's loss at lambda 1 is -log pi of the chosen completion, so the head's gradient is that of weight * surrogate beside it.
TEST(EntropyTerm, IsInTheGradientOfTheChosenCompletions) {
  const auto pairs = random_pairs(5, 3);
  mmpo_model_config config = testing::random_config();
  config.tie_embeddings = 0;
  mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
  settings.scale = 0.2;
  settings.entropy_weight = 0.3;
  for (const int64_t slice_tokens : {80, 10000}) {
    TrainingRun run(at::kFloat, testing::kOptimizer, config);
    run.model->set_slice_tokens(slice_tokens);
    const Trainer::Result with = accumulate(run.trainer, pairs, settings);

    TrainingRun oracle(at::kFloat, testing::kOptimizer, config);
    testing::BatchBuilder builder;
    for (const TokenPair& pair : pairs) builder.add(pair.prompt, {pair.chosen, pair.rejected});
    const mmpo_batch batch = builder.batch();
    const PackedBatch packed(batch, std::vector<Role>(pairs.size() * 2, Role::kGraded), oracle.model->device());
    const Tensor hidden_RH = oracle.model->predict(packed).hidden_RH.to(at::kDouble).cpu();
    const Tensor head_VH = oracle.model->decoder().head_VH().to(at::kDouble).cpu().requires_grad_();
    Tensor total = at::zeros({}, at::kDouble);
    for (size_t c = 0; c < packed.completions.size(); c += 2) {
      const auto& completion = packed.completions[c];
      const Tensor logits = hidden_RH.narrow(0, completion.head_begin, completion.length).mm(head_VH.t());
      const Tensor targets = packed.head_targets_R.cpu().narrow(0, completion.head_begin, completion.length);
      const Tensor logp = logits.log_softmax(-1).gather(-1, targets.unsqueeze(-1)).sum();
      total = total - 0.2 * (logp + 0.3 * surrogate(logits, targets));
    }
    total.backward();
    for (const auto& gradient : run.trainer.state(MMPO_STATE_GRADIENTS)) {
      if (gradient.name != "lm_head.weight") continue;
      EXPECT_LT(testing::relative_difference(gradient.values.cpu().to(at::kDouble), head_VH.grad()), 1e-5);
    }

    // The loss that is told is MMPO's own, and so are the log-probabilities, those of rejected completions too.
    settings.entropy_weight = 0;
    TrainingRun plain(at::kFloat, testing::kOptimizer, config);
    plain.model->set_slice_tokens(slice_tokens);
    const Trainer::Result without = accumulate(plain.trainer, pairs, settings);
    for (size_t pair = 0; pair < pairs.size(); ++pair) EXPECT_NEAR(with.losses[pair], without.losses[pair], 1e-4);
    for (size_t c = 0; c < with.logps.size(); ++c) EXPECT_NEAR(with.logps[c], without.logps[c], 1e-4);
    EXPECT_GT(testing::relative_difference(testing::gradients(run.trainer), testing::gradients(plain.trainer)), 0.01);
    settings.entropy_weight = 0.3;
  }
}

TEST(EntropyTerm, MustBeANumber) {
  mmpo_objective settings = objective(MMPO_LOSS_MMPO, 0.01);
  settings.entropy_weight = std::numeric_limits<double>::infinity();
  TrainingRun run;
  EXPECT_THROW(accumulate(run.trainer, random_pairs(2, 3), settings), Error);
}

}  // namespace
}  // namespace mmpo
