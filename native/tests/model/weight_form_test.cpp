// Weights that stay in bfloat16 under float32 arithmetic: everything is what it is with the same numbers in float32, to the bit.
#include "common/error.h"
#include "generate/generator.h"
#include "model/lora_testing.h"

namespace mmpo {
namespace {

using testing::accumulate_sft;
using testing::BatchBuilder;
using testing::lora;
using testing::packed;
using testing::random_groups;
using testing::UniformLora;

std::unique_ptr<Model> model_of(const mmpo_model_config& config, WeightForm form) {
  testing::RandomWeights weights(config, 4, at::kBFloat16);
  return std::make_unique<Model>(ModelConfig(config), weights.tensors(), at::kFloat, at::kCPU, nullptr, form);
}

mmpo_model_config tied_config() {
  mmpo_model_config config = testing::wide_config();
  config.tie_embeddings = 1;
  return config;
}

struct Named {
  std::string name;
  mmpo_model_config config;
};

class HeldInBfloat16 : public ::testing::TestWithParam<Named> {
 protected:
  void SetUp() override { at::manual_seed(3); }
  const mmpo_model_config& config() const { return GetParam().config; }
};

INSTANTIATE_TEST_SUITE_P(Configs, HeldInBfloat16,
                         ::testing::Values(Named{"WithBiases", testing::random_config()},
                                           Named{"UnlikeLlama", testing::unlike_llama()}, Named{"Tied", tied_config()}),
                         [](const auto& test) { return test.param.name; });

TEST_P(HeldInBfloat16, ScoresAreTheSame) {
  const BatchBuilder builder = packed(random_groups(config().vocab_size));
  const auto plain = model_of(config(), WeightForm::kPlain);
  const auto held = model_of(config(), WeightForm::kBfloat16);
  EXPECT_EQ(held->decoder().flat().scalar_type(), at::kBFloat16);
  EXPECT_EQ(held->decoder().dtype(), at::kFloat);
  const Model::Scores expected = plain->score(builder.batch(), {.log_squares = true, .greedy = true});
  const Model::Scores found = held->score(builder.batch(), {.log_squares = true, .greedy = true});
  EXPECT_EQ(found.logps, expected.logps);
  EXPECT_EQ(found.token_logps, expected.token_logps);
  EXPECT_EQ(found.token_log_squares, expected.token_log_squares);
  EXPECT_EQ(found.greedy, expected.greedy);
}

// A step of one sequence, and of as many as a turned product takes.
TEST_P(HeldInBfloat16, TextsAreTheSame) {
  const mmpo_sampling sampling{.temperature = 1, .top_p = 0.9, .top_k = 0, .seed = 1, .max_new_tokens = 9};
  for (const size_t count : {1, 16}) {
    const std::vector<int32_t> tokens = testing::random_tokens(3 * count, config().vocab_size);
    const std::vector<int32_t> lengths(count, 3);
    const auto texts = [&](WeightForm form) {
      return generate(*model_of(config(), form), {tokens.data(), lengths}, {}, sampling);
    };
    EXPECT_EQ(texts(WeightForm::kBfloat16), texts(WeightForm::kPlain));
  }
}

TEST_P(HeldInBfloat16, AnAdapterIsTrainedInTheSameSteps) {
  const auto groups = random_groups(config().vocab_size);
  const auto train = [&](WeightForm form) {
    const auto model = model_of(config(), form);
    testing::set_adapter(*model, lora(8, 0.1));
    const Tensor before = model->decoder().flat().clone();
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    std::vector<double> numbers;
    for (int step = 0; step < 3; ++step) {
      for (const double logp : accumulate_sft(trainer, groups, 1e-3).logps) numbers.push_back(logp);
      numbers.push_back(trainer.step(5e-3, 1.0));
    }
    EXPECT_TRUE(at::equal(model->decoder().flat(), before));
    return std::pair(numbers, model->decoder().adapter()->flat().clone());
  };
  const auto [numbers, adapter] = train(WeightForm::kBfloat16);
  const auto [expected_numbers, expected_adapter] = train(WeightForm::kPlain);
  EXPECT_EQ(numbers, expected_numbers);
  EXPECT_TRUE(at::equal(adapter, expected_adapter));
}

// An adapter that has the embedding and the head whole: they begin as the model's, in float32.
TEST(WeightsInBfloat16, WholeMatricesOfAnAdapterAreFloat32) {
  const mmpo_model_config config = testing::wide_config();
  const auto adapted = [&](WeightForm form) {
    auto model = model_of(config, form);
    UniformLora settings = lora(4, 0);
    settings.whole = MMPO_WHOLE_EMBEDDING | MMPO_WHOLE_HEAD;
    testing::set_adapter(*model, settings);
    return model;
  };
  const auto held = adapted(WeightForm::kBfloat16);
  EXPECT_EQ(held->decoder().head_VH().scalar_type(), at::kFloat);
  EXPECT_EQ(held->decoder().embedding_VH().scalar_type(), at::kFloat);
  const BatchBuilder builder = packed(random_groups(config.vocab_size));
  EXPECT_EQ(held->score(builder.batch()).logps, adapted(WeightForm::kPlain)->score(builder.batch()).logps);
}

TEST(WeightsInBfloat16, IsForFloat32OnTheCpu) {
  const ModelConfig config(testing::random_config());
  EXPECT_THROW(Decoder(config, at::kBFloat16, at::kCPU, WeightForm::kBfloat16), Error);
}

}  // namespace
}  // namespace mmpo
