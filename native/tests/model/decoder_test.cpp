// The decoder against its twin (twin.h), and its invariances.
#include "model/decoder.h"

#include <gtest/gtest.h>

#include "model/rope.h"
#include "model/twin.h"
#include "peak_memory.h"
#include "train/trainer.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::Group;
using testing::packed;
using testing::random_groups;
using testing::relative_difference;
using testing::Twin;
using Tokens = BatchBuilder::Tokens;

void expect_logps(const std::vector<std::vector<float>>& found, const std::vector<std::vector<float>>& expected,
                  double limit) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t c = 0; c < found.size(); ++c) {
    ASSERT_EQ(found[c].size(), expected[c].size());
    for (size_t t = 0; t < found[c].size(); ++t) EXPECT_NEAR(found[c][t], expected[c][t], limit) << c << " " << t;
  }
}

struct Setting {
  std::string name;
  int32_t recompute;
  bool tied;
  bool biased;
  bool is_llama = true;
};

mmpo_model_config config_of(const Setting& setting) {
  mmpo_model_config config = setting.is_llama ? testing::random_config() : testing::unlike_llama();
  config.tie_embeddings = setting.tied ? 1 : 0;
  config.qkv_bias = config.output_bias = setting.biased ? 1 : 0;
  return config;
}

class DecoderTest : public ::testing::TestWithParam<Setting> {
 protected:
  DecoderTest()
      : config_(config_of(GetParam())), model_(testing::random_model(config_, 4)),
        groups_(random_groups(config_.vocab_size)) {}

  void expect_gradients(const Twin& twin, Trainer& trainer) const {
    for (const Parameter& parameter : model_->decoder().layout().parameters()) {
      SCOPED_TRACE(parameter.name);
      const Tensor expected = twin.parameter(parameter.name).grad();
      const Tensor found = trainer.gradients().cpu().narrow(0, parameter.offset, parameter.size());
      ASSERT_GT(expected.norm().item<double>(), 1e-3);
      EXPECT_LT(relative_difference(found, expected), 5e-6);
    }
  }

  mmpo_model_config config_;
  std::unique_ptr<Model> model_;
  std::vector<Group> groups_;
};

TEST_P(DecoderTest, LogProbabilitiesEqualTheTwins) {
  const Twin twin(*model_);
  const BatchBuilder builder = packed(groups_);
  const auto found = testing::token_logps(*model_, builder.batch());
  size_t completion = 0;
  for (const Group& group : groups_) {
    for (const Tokens& tokens : group.completions) {
      const Tensor expected = twin.token_logps(group.prompt, tokens);
      const Tensor logps = at::tensor(found[completion++]).to(at::kDouble);
      EXPECT_LT((logps - expected).abs().max().item<double>(), 1e-5) << "completion " << completion - 1;
    }
  }
  EXPECT_EQ(completion, found.size());
}

// All weights equal: SFT, over groups of 1, 2 and 5 completions.
TEST_P(DecoderTest, GradientsOfLikelihoodEqualAutogradsOfTheTwin) {
  const Twin twin(*model_);
  Tensor loss = at::zeros({}, at::kDouble);
  for (const Group& group : groups_) {
    for (const Tokens& tokens : group.completions) loss = loss - twin.token_logps(group.prompt, tokens).sum();
  }
  (loss / 8).backward();
  const BatchBuilder builder = packed(groups_);
  const mmpo_batch batch = builder.batch();
  mmpo_objective settings = testing::objective(MMPO_LOSS_SFT, 1);
  settings.scale = 1.0 / 8;
  Trainer trainer(*model_, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
  trainer.accumulate(batch, Objective(settings, batch, {}, std::nullopt));
  expect_gradients(twin, trainer);
}

// Weights of both signs that depend on the log-probabilities: DPO, written out here.
TEST_P(DecoderTest, GradientsOfPreferenceEqualAutogradsOfTheTwin) {
  const Twin twin(*model_);
  const std::vector<Group> pairs = {groups_[1], groups_[4]};
  const std::vector<double> refs = {-12, -4, -300, -23};
  Tensor loss = at::zeros({}, at::kDouble);
  for (size_t pair = 0; pair < pairs.size(); ++pair) {
    const Tensor chosen = twin.token_logps(pairs[pair].prompt, pairs[pair].completions[0]).sum();
    const Tensor rejected = twin.token_logps(pairs[pair].prompt, pairs[pair].completions[1]).sum();
    loss = loss - at::log_sigmoid(0.02 * ((chosen - refs[2 * pair]) - (rejected - refs[2 * pair + 1])));
  }
  loss.backward();
  const BatchBuilder builder = packed(pairs);
  const mmpo_batch batch = builder.batch();
  const mmpo_objective settings = testing::objective(MMPO_LOSS_DPO, 0.02);
  Trainer trainer(*model_, {0.9, 0.999, 1e-8, 0, GetParam().recompute, MMPO_ADAMW, 0});
  const auto result = trainer.accumulate(batch, Objective(settings, batch, refs, std::nullopt));
  EXPECT_NEAR(result.losses[0] + result.losses[1], loss.item<double>(), 1e-5);
  expect_gradients(twin, trainer);
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderTest,
                         ::testing::Values(Setting{"recompute_none", MMPO_RECOMPUTE_NONE, false, true},
                                           Setting{"recompute_selective", MMPO_RECOMPUTE_SELECTIVE, false, true},
                                           Setting{"recompute_full", MMPO_RECOMPUTE_FULL, false, true},
                                           Setting{"tied", MMPO_RECOMPUTE_NONE, true, true},
                                           Setting{"unbiased", MMPO_RECOMPUTE_SELECTIVE, false, false},
                                           Setting{"unlike_llama", MMPO_RECOMPUTE_NONE, false, true, false},
                                           Setting{"unlike_llama_selective", MMPO_RECOMPUTE_SELECTIVE, false, true,
                                                   false},
                                           Setting{"unlike_llama_full", MMPO_RECOMPUTE_FULL, false, false, false}),
                         [](const auto& test) { return test.param.name; });

class DecoderBatches : public ::testing::TestWithParam<std::tuple<at::ScalarType, bool>> {
 protected:
  DecoderBatches()
      : model_(testing::random_model(std::get<1>(GetParam()) ? testing::random_config() : testing::unlike_llama(), 9,
                                     std::get<0>(GetParam()))),
        groups_(random_groups(131)) {}

  // bfloat16 activations are rounded the same way wherever they stand, but sums of other blocks differ in the last bits.
  double limit() const { return std::get<0>(GetParam()) == at::kFloat ? 1e-5 : 0.15; }

  std::unique_ptr<Model> model_;
  std::vector<Group> groups_;
};

TEST_P(DecoderBatches, SharedPromptsEqualSeparateSequences) {
  std::vector<Group> alone;
  for (const Group& group : groups_) {
    for (const Tokens& completion : group.completions) alone.push_back({group.prompt, {completion}});
  }
  const BatchBuilder shared = packed(groups_);
  const BatchBuilder separate = packed(alone);
  expect_logps(testing::token_logps(*model_, shared.batch()), testing::token_logps(*model_, separate.batch()), limit());
}

TEST_P(DecoderBatches, EachGroupAloneEqualsTheBatch) {
  const BatchBuilder together = packed(groups_);
  std::vector<std::vector<float>> alone;
  for (const Group& group : groups_) {
    const BatchBuilder builder = packed({group});
    for (const auto& logps : testing::token_logps(*model_, builder.batch())) alone.push_back(logps);
  }
  expect_logps(alone, testing::token_logps(*model_, together.batch()), limit());
}

TEST_P(DecoderBatches, SlicesEqualTheBatch) {
  const BatchBuilder builder = packed(groups_);
  const mmpo_batch batch = builder.batch();
  model_->set_slice_tokens(batch.num_tokens);
  const auto whole = testing::token_logps(*model_, batch);
  for (const int64_t slice_tokens : {int64_t{1}, batch.num_tokens / 2}) {
    SCOPED_TRACE(slice_tokens);
    model_->set_slice_tokens(slice_tokens);
    expect_logps(testing::token_logps(*model_, batch), whole, limit());
  }
}

TEST_P(DecoderBatches, OrderOfGroupsAndCompletionsDoesNotMatter) {
  std::vector<Group> reversed(groups_.rbegin(), groups_.rend());
  for (Group& group : reversed) std::reverse(group.completions.begin(), group.completions.end());
  auto found = testing::token_logps(*model_, packed(reversed).batch());
  std::reverse(found.begin(), found.end());
  const BatchBuilder builder = packed(groups_);
  expect_logps(found, testing::token_logps(*model_, builder.batch()), limit());
}

INSTANTIATE_TEST_SUITE_P(Types, DecoderBatches,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kBFloat16), ::testing::Bool()),
                         [](const auto& test) {
                           return std::string(c10::toString(std::get<0>(test.param))) +
                                  (std::get<1>(test.param) ? "" : "UnlikeLlama");
                         });

// Groups of the same lengths, so every slice takes the same.
TEST(Decoder, ScoringMoreGroupsTakesNoMoreMemory) {
  const auto bytes = [](size_t num_groups, int64_t slice_tokens) {
    const auto model = testing::random_model(testing::random_config(), 9, at::kFloat);
    model->set_slice_tokens(slice_tokens);
    const BatchBuilder builder =
        packed(std::vector<Group>(num_groups, {Tokens(200, 1), {Tokens(400, 2), Tokens(400, 3)}}));
    model->score(packed({{Tokens(200, 1), {Tokens(400, 2)}}}).batch());  // what is kept from then on is no slice's
    const testing::PeakMemory peak(*model);
    model->score(builder.batch());
    return peak.bytes();
  };
  const int64_t of_four = bytes(4, 4000);
  EXPECT_EQ(bytes(16, 4000), of_four);
  EXPECT_GT(bytes(16, 16000), 2 * of_four);
}

TEST(Decoder, RecomputeModesAgreeToRounding) {
  const auto gradient = [](int32_t recompute) {
    const auto model = testing::random_model(testing::random_config(), 4);
    const BatchBuilder builder = packed(random_groups(131));
    const mmpo_batch batch = builder.batch();
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute, MMPO_ADAMW, 0});
    trainer.accumulate(batch, Objective(testing::objective(MMPO_LOSS_SFT, 1), batch, {}, std::nullopt));
    return trainer.gradients().cpu().clone();
  };
  const Tensor none = gradient(MMPO_RECOMPUTE_NONE);
  EXPECT_LT(relative_difference(gradient(MMPO_RECOMPUTE_SELECTIVE), none), 1e-6);
  EXPECT_LT(relative_difference(gradient(MMPO_RECOMPUTE_FULL), none), 1e-6);
}

TEST(Decoder, RotaryFrequenciesEqualTransformers) {
  MMPO_READ_SHARED_JSON(golden, "golden/tiny_llama/golden.json");
  for (const std::string variant : {"tied", "untied_llama3_rope"}) {
    SCOPED_TRACE(variant);
    std::ifstream file(testing::shared_directory() / "golden" / "tiny_llama" / variant / "config.json");
    const ModelConfig config(testing::read_config(nlohmann::json::parse(file)));
    const auto expected = golden["models"][variant]["inv_freq"].get<std::vector<float>>();
    const std::vector<float> found = rotary_frequencies(*config).inverse;
    ASSERT_EQ(found.size(), expected.size());
    // One unit in the last place: float32 powers are not the same in every library.
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 6e-8F * expected[i]) << i;
  }
}

// Its two uses, each with the other's held fixed in the twin, are both there: tied alone is covered by DecoderTest.
TEST(Decoder, TiedEmbeddingGetsTheSumOfBothGradients) {
  mmpo_model_config settings = testing::random_config();
  settings.tie_embeddings = 1;
  const auto tied = testing::random_model(settings, 6);
  settings.tie_embeddings = 0;
  const auto untied = testing::random_model(settings, 6);
  for (const Parameter& parameter : untied->decoder().layout().parameters()) {
    const std::string source = parameter.name == "lm_head.weight" ? "model.embed_tokens.weight" : parameter.name;
    const auto& layout = tied->decoder().layout();
    const Parameter& from = layout.parameters()[static_cast<size_t>(layout.find(source))];
    untied->decoder()
        .flat()
        .narrow(0, parameter.offset, parameter.size())
        .copy_(tied->decoder().flat().narrow(0, from.offset, from.size()));
  }
  const BatchBuilder builder = packed(random_groups(131));
  const mmpo_batch batch = builder.batch();
  const auto gradient = [&](Model& model, const std::string& name) {
    Trainer trainer(model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_NONE, MMPO_ADAMW, 0});
    trainer.accumulate(batch, Objective(testing::objective(MMPO_LOSS_SFT, 1), batch, {}, std::nullopt));
    const auto& layout = model.decoder().layout();
    const Parameter& parameter = layout.parameters()[static_cast<size_t>(layout.find(name))];
    return trainer.gradients().cpu().narrow(0, parameter.offset, parameter.size()).clone();
  };
  const Tensor embedding = gradient(*untied, "model.embed_tokens.weight");
  const Tensor head = gradient(*untied, "lm_head.weight");
  EXPECT_GT(embedding.norm().item<double>(), 0);
  EXPECT_LT(relative_difference(gradient(*tied, "model.embed_tokens.weight"), embedding + head), 1e-6);
}

}  // namespace
}  // namespace mmpo
