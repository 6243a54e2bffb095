// Tokens of a completion that are read and not learnt: such a row is worth what its answers are worth, each as a row of its own.
#include <gtest/gtest.h>

#include "train/training_run.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::Tokens;
using testing::TrainingRun;

Tokens joined(std::initializer_list<Tokens> parts) {
  Tokens all;
  for (const Tokens& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Tokens only_read(Tokens tokens) {
  for (int32_t& token : tokens) token = -1 - token;
  return tokens;
}

class LearntTokens : public ::testing::Test {
 protected:
  LearntTokens() {
    at::manual_seed(31);
    const auto draw = [](size_t count) { return testing::random_tokens(count, testing::random_config().vocab_size); };
    question_ = draw(5), answer_ = draw(4), next_question_ = draw(6), next_answer_ = draw(3);
    settings_.scale = 0.25;
  }

  // question | answer, next question (read only), next answer
  BatchBuilder conversation() const {
    BatchBuilder builder;
    builder.add(question_, {joined({answer_, only_read(next_question_), next_answer_})});
    return builder;
  }

  BatchBuilder answers() const {
    BatchBuilder builder;
    builder.add(question_, {answer_});
    builder.add(joined({question_, answer_, next_question_}), {next_answer_});
    return builder;
  }

  Trainer::Result accumulate(TrainingRun& run, const BatchBuilder& builder) const {
    const mmpo_batch batch = builder.batch();
    return run.trainer.accumulate(batch, Objective(settings_, batch, {}, std::nullopt));
  }

  Tokens question_, answer_, next_question_, next_answer_;
  mmpo_objective settings_ = testing::objective(MMPO_LOSS_SFT, 1);
};

TEST_F(LearntTokens, LossAndGradientAreThoseOfTheAnswersAlone) {
  TrainingRun one, two;
  const Trainer::Result found = accumulate(one, conversation());
  const Trainer::Result expected = accumulate(two, answers());

  EXPECT_NEAR(found.losses[0], expected.losses[0] + expected.losses[1], 1e-5);
  EXPECT_NEAR(found.logps[0], expected.logps[0] + expected.logps[1], 1e-5);
  EXPECT_LT(testing::relative_difference(testing::gradients(one.trainer), testing::gradients(two.trainer)), 1e-5);
}

TEST_F(LearntTokens, EvaluationGivesTheLossOfTraining) {
  TrainingRun run;
  const BatchBuilder builder = conversation();
  const mmpo_batch batch = builder.batch();
  const Objective objective(settings_, batch, {}, std::nullopt);
  const Model::Scores scores = run.model->score(batch);
  EXPECT_EQ(scores.token_logps.size(), answer_.size() + next_answer_.size());
  const double loss = objective.evaluate(objective.scores(scores.token_logps, {})).losses[0];
  EXPECT_NEAR(loss, accumulate(run, builder).losses[0], 1e-6);
}

TEST_F(LearntTokens, ACompletionHasOneAtLeastAndAPromptNone) {
  BatchBuilder nothing;
  nothing.add(question_, {only_read(answer_)});
  EXPECT_THROW(check_batch(nothing.batch(), testing::random_config().vocab_size), Error);
  BatchBuilder prompt;
  prompt.add(only_read(question_), {answer_});
  EXPECT_THROW(check_batch(prompt.batch(), testing::random_config().vocab_size), Error);
  BatchBuilder outside;
  const auto size = static_cast<int32_t>(testing::random_config().vocab_size);
  outside.add(question_, {joined({answer_, only_read({size})})});
  EXPECT_THROW(check_batch(outside.batch(), size), Error);
}

TEST_F(LearntTokens, PairsHaveNoTokensThatAreOnlyRead) {
  BatchBuilder builder;
  builder.add(question_, {joined({answer_, only_read(next_question_), next_answer_}), answer_});
  const mmpo_batch batch = builder.batch();
  const std::vector<double> references = {-1, -2};
  const mmpo_objective dpo = testing::objective(MMPO_LOSS_DPO, 0.1);
  EXPECT_THROW(Objective(dpo, batch, references, std::nullopt), Error);
}

}  // namespace
}  // namespace mmpo
