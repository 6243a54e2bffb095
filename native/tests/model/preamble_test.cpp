// What prompts have in common, computed once for all of them: the scores are those of whole prompts, on the CPU to the bit.
#include <gtest/gtest.h>

#include "common/error.h"
#include "cuda/gpu_way.h"
#include "kernels/kernel_testing.h"
#include "model/batch_slices.h"
#include "model_testing.h"
#include "train/objective.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::random_config;
using Tokens = BatchBuilder::Tokens;

Tokens joined(const Tokens& first, const Tokens& second) {
  Tokens both = first;
  both.insert(both.end(), second.begin(), second.end());
  return both;
}

struct Question {
  Tokens prompt;
  std::vector<Tokens> completions;
};

// Around the sizes of attention's blocks (64 rows) and stretches (256 keys).
std::vector<Question> questions(int64_t vocab_size) {
  std::vector<Question> all;
  for (const auto& [prompt, completions] : std::vector<std::pair<size_t, std::vector<size_t>>>{
           {1, {1}}, {63, {1, 1, 1, 1}}, {64, {5, 70}}, {130, {1, 65, 2}}, {7, {3, 3}}}) {
    Question question{testing::random_tokens(prompt, vocab_size), {}};
    for (const size_t length : completions) question.completions.push_back(testing::random_tokens(length, vocab_size));
    all.push_back(question);
  }
  return all;
}

// Of the prompts, of which the first `apart` tokens of the preamble are given apart.
BatchBuilder batch_of(const std::vector<Question>& questions, const Tokens& preamble, size_t apart) {
  BatchBuilder builder;
  const auto end = preamble.begin() + static_cast<std::ptrdiff_t>(apart);
  builder.set_preamble({preamble.begin(), end});
  for (const Question& question : questions)
    builder.add(joined({end, preamble.end()}, question.prompt), question.completions);
  return builder;
}

mmpo_model_config windowed(const mmpo_model_config& config, int64_t window, std::vector<int32_t>& layers) {
  mmpo_model_config sliding = config;
  layers.assign(static_cast<size_t>(config.num_layers), 0);
  layers.front() = MMPO_LAYER_SLIDING;
  sliding.layers = layers.data();
  sliding.sliding_window = window;
  return sliding;
}

void expect_scores_of_whole_prompts(Model& model, int64_t vocab_size) {
  for (const size_t length : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{300}, size_t{519}}) {
    const Tokens preamble = testing::random_tokens(length, vocab_size);
    const std::vector<Question> asked = questions(vocab_size);
    const BatchBuilder whole = batch_of(asked, preamble, 0);
    const Model::Scores expected = model.score(whole.batch(), {.greedy = true});
    for (const size_t apart : {length, (length + 1) / 2}) {
      SCOPED_TRACE(::testing::Message() << apart << " tokens of " << length);
      const BatchBuilder builder = batch_of(asked, preamble, apart);
      const Model::Scores found = model.score(builder.batch(), {.greedy = true});
      EXPECT_EQ(found.logps, expected.logps);
      EXPECT_EQ(found.token_logps, expected.token_logps);
      EXPECT_EQ(found.greedy, expected.greedy);
    }
  }
}

TEST(Preamble, LeavesTheBitsOfEveryScore) {
  at::manual_seed(11);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t window : {0, 5, 70, 400}) {
      SCOPED_TRACE(::testing::Message() << type << " window " << window);
      std::vector<int32_t> layers;
      const mmpo_model_config config = window == 0 ? random_config() : windowed(random_config(), window, layers);
      const auto model = testing::random_model(config, 7, type);
      if (testing::test_device().is_cuda()) GTEST_SKIP() << "cuBLAS chooses its kernels by the number of rows";
      expect_scores_of_whole_prompts(*model, config.vocab_size);
      model->set_slice_tokens(100);  // in every slice the preamble is computed anew
      expect_scores_of_whole_prompts(*model, config.vocab_size);
    }
  }
}

TEST(Preamble, IsGatheredForAttentionOnAGpu) {
  at::manual_seed(12);
  const mmpo_model_config config = random_config();
  const auto model = testing::random_model(config, 7);
  const Tokens preamble = testing::random_tokens(90, config.vocab_size);
  const std::vector<Question> asked = questions(config.vocab_size);
  const BatchBuilder whole = batch_of(asked, preamble, 0), apart = batch_of(asked, preamble, preamble.size());
  const testing::GpuWay way(!cuda_is_built());
  const std::vector<double> expected = model->score(whole.batch()).logps, found = model->score(apart.batch()).logps;
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4 * std::abs(expected[i]));
}

TEST(Preamble, SlicesHaveTimesAsManyTokensBehindIt) {
  BatchBuilder builder;
  for (int i = 0; i < 8; ++i) builder.add(Tokens(9, 1), {{2}});
  const auto groups = [&](size_t preamble) {
    builder.set_preamble(Tokens(preamble, 3));
    std::vector<int64_t> counts;
    for (const BatchSlice& slice : slice_batch(builder.batch(), 20)) {
      EXPECT_EQ(slice.batch.preamble_length, static_cast<int64_t>(preamble));
      counts.push_back(slice.batch.num_groups);
    }
    return counts;
  };
  EXPECT_EQ(groups(0), (std::vector<int64_t>{2, 2, 2, 2}));
  EXPECT_EQ(groups(5), (std::vector<int64_t>{2, 2, 2, 2}));
  EXPECT_EQ(groups(15), (std::vector<int64_t>{6, 2}));
}

std::string refusal(const mmpo_batch& batch) {
  try {
    check_batch(batch, 10);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Preamble, HasTokensOfTheVocabularyAndNoLoss) {
  BatchBuilder builder;
  builder.add({1}, {{2}, {3}});
  builder.set_preamble({4, 10});
  EXPECT_EQ(refusal(builder.batch()), "token 1 of the preamble is 10, outside the model's vocabulary of 10");
  builder.set_preamble({4, -5});
  EXPECT_EQ(refusal(builder.batch()), "token 1 of the preamble is -5, outside the model's vocabulary of 10");
  mmpo_batch nowhere = builder.batch();
  nowhere.preamble = nullptr;
  EXPECT_EQ(refusal(nowhere), "preamble must not be NULL where preamble_length is 2");
  builder.set_preamble({4});
  EXPECT_EQ(refusal(builder.batch()), "");
  const mmpo_objective simpo = testing::objective(MMPO_LOSS_SIMPO, 1);
  EXPECT_THROW(Objective(simpo, builder.batch(), {}, std::nullopt), Error);
}

}  // namespace
}  // namespace mmpo
