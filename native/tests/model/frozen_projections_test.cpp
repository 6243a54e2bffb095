// A decoder whose projections are frozen in e4m3: what it holds of the weights, and what it computes, beside an independent
// implementation of the same rounding in double (the decoder's twin with torch's own conversion, differentiated by autograd).
#include "model/frozen_projections.h"

#include "common/error.h"
#include "cuda/gpu_way.h"
#include "generate/generator.h"
#include "model/lora_testing.h"

namespace mmpo {
namespace {

using testing::accumulate_sft;
using testing::BatchBuilder;
using testing::even_config;
using testing::GpuWay;
using testing::Group;
using testing::lora;
using testing::packed;
using testing::random_groups;
using testing::relative_difference;
using testing::Twin;

constexpr int64_t kVocabulary = 1000;

std::unique_ptr<Model> over_fp8(const mmpo_model_config& config = even_config()) {
  return testing::random_model(config, 4, at::kBFloat16, WeightForm::kQuantized);
}

std::unique_ptr<Model> adapted(WeightForm form, double dropout = 0) {
  return testing::adapted_model(lora(8, dropout), at::kBFloat16, even_config(), form);
}

// By torch's conversion: every row's numbers as e4m3 has them.
Tensor rounded(const Tensor& x_TK) {
  const Tensor x = x_TK.to(at::kFloat);
  const Tensor scales = x.abs().amax(1, true).clamp_min(1e-30f) / 448.0f;
  return (x * (1.0f / scales)).to(at::kFloat8_e4m3fn).to(at::kDouble) * scales.to(at::kDouble);
}

bool is_projection(const std::string& name) {
  return std::ranges::any_of(testing::kModuleNames,
                             [&](const std::string& module) { return name.ends_with(module + ".weight"); });
}

TEST(FrozenProjections, HoldTheWeightsOfTheFilesRoundedRowByRow) {
  const testing::RandomWeights weights(even_config(), 4);
  const auto model = over_fp8();
  const FrozenProjections& frozen = *model->decoder().frozen();
  const ParameterLayout all(model->decoder().config());
  const auto original = [&](const std::string& name) {
    const auto index = static_cast<size_t>(all.find(name));
    return const_cast<testing::RandomWeights&>(weights)
        .values(index)
        .view({all.parameters()[index].rows, all.parameters()[index].columns})
        .to(at::kBFloat16)
        .to(at::kDouble);
  };
  const std::vector<std::pair<Projection, std::vector<std::string>>> fused = {
      {Projection::kQkv, {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
      {Projection::kOutput, {"self_attn.o_proj"}},
      {Projection::kGateUp, {"mlp.gate_proj", "mlp.up_proj"}},
      {Projection::kDown, {"mlp.down_proj"}}};
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (const auto& [projection, modules] : fused) {
      std::vector<Tensor> parts;
      for (const std::string& module : modules) {
        parts.push_back(original("model.layers." + std::to_string(layer) + "." + module + ".weight"));
      }
      const QuantizedMatrix& held = frozen.at(layer, projection);
      const Tensor values = held.values_NK.cpu().to(at::kDouble) * held.scales_N.cpu().to(at::kDouble).unsqueeze(1);
      EXPECT_LT(relative_difference(values, rounded(at::cat(parts))), 1e-6) << modules.front();
    }
  }
}

TEST(FrozenProjections, AreNotAmongWhatTheModelHoldsBeside) {
  const auto model = over_fp8();
  const ParameterLayout all(model->decoder().config());
  const ParameterLayout& beside = model->decoder().layout();
  const ParameterLayout& frozen = model->decoder().frozen()->layout();
  EXPECT_EQ(beside.parameters().size() + frozen.parameters().size(), all.parameters().size());
  for (const Parameter& parameter : all.parameters()) {
    EXPECT_EQ(frozen.find(parameter.name) >= 0, is_projection(parameter.name)) << parameter.name;
    EXPECT_EQ(beside.find(parameter.name) < 0, is_projection(parameter.name)) << parameter.name;
  }
  const auto plain = testing::random_model(even_config(), 4, at::kBFloat16);
  const auto values = [](const Decoder& decoder, const std::string& name) {
    const Parameter& found = decoder.layout().parameters()[static_cast<size_t>(decoder.layout().find(name))];
    return decoder.flat().narrow(0, found.offset, found.size());
  };
  for (const Parameter& parameter : beside.parameters()) {
    EXPECT_TRUE(at::equal(values(model->decoder(), parameter.name), values(plain->decoder(), parameter.name)))
        << parameter.name;
  }
}

TEST(FrozenProjections, AreReadAPieceAtATimeToTheSameBits) {
  const testing::RandomWeights weights(even_config(), 4);
  auto tensors = const_cast<testing::RandomWeights&>(weights).tensors();
  const std::vector<mmpo_tensor> in_memory = tensors;
  for (mmpo_tensor& tensor : tensors) tensor.data = nullptr;
  std::ranges::reverse(tensors);
  const ReadWeights read = [&](size_t index, int64_t offset, int64_t num_bytes, void* out) {
    const mmpo_tensor& tensor = in_memory[in_memory.size() - 1 - index];
    std::memcpy(out, static_cast<const char*>(tensor.data) + offset, static_cast<size_t>(num_bytes));
  };
  Model model(ModelConfig(even_config()), tensors, at::kBFloat16, testing::test_device(), read, WeightForm::kQuantized);
  const BatchBuilder builder = packed(random_groups(kVocabulary));
  EXPECT_EQ(testing::token_logps(model, builder.batch()), testing::token_logps(*over_fp8(), builder.batch()));
}

TEST(FrozenProjections, OfOtherSizesAreRefused) {
  mmpo_model_config config = even_config();
  config.intermediate_size = 328;
  try {
    over_fp8(config);
    FAIL() << "it was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), MMPO_UNSUPPORTED);
    EXPECT_STREQ(error.what(),
                 "the model's projections cannot be held in fp8: its intermediate_size is 328, and GPUs multiply fp8"
                 " matrices whose sizes are multiples of 16");
  }
}

TEST(FrozenProjections, AreTrainedThroughAnAdapterAlone) {
  const auto model = over_fp8();
  try {
    const Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
    FAIL() << "it was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), MMPO_INVALID_ARGUMENT);
  }
}

// The twin, each of whose projections has its weight and input rounded, and its output's gradient times the weight's scales.
class Oracle {
 public:
  explicit Oracle(const Model& plain) : twin_(plain) {}

  // Log-probabilities of all completions, and gradients of their sum in twin().parameter(...).grad().
  Tensor differentiate(const Model& model, const std::vector<Group>& groups, bool rounds) {
    std::vector<Tensor> sums;
    const double scaling = lora(8, 0).scaling;
    twin_.set_addition([&, scaling, rounds](const std::string& module, const Tensor& x) {
      const std::string name = "base_model.model." + module;
      const Tensor low = x.mm(twin_.parameter(name + ".lora_A.weight").t());
      const Tensor added = scaling * low.mm(twin_.parameter(name + ".lora_B.weight").t());
      return rounds ? added + difference(x, twin_.parameter(module + ".weight").detach()) : added;
    });
    for (const Group& group : groups) {
      for (const auto& completion : group.completions)
        sums.push_back(twin_.token_logps(group.prompt, completion).sum());
    }
    (-testing::sum(sums)).backward();
    EXPECT_TRUE(model.decoder().adapter() != nullptr);
    return at::stack(sums).detach();
  }

  const Twin& twin() const { return twin_; }

 private:
  // Of the rounded product and the exact one, to which it is added.
  static Tensor difference(const Tensor& x, const Tensor& weight) {
    const Tensor held = rounded(weight);
    const Tensor scales = weight.abs().amax(1) / 448;
    const Tensor input = x + (rounded(x) - x).detach();
    const Tensor product = input.mm(held.t());
    product.register_hook([scales](const Tensor& grad) { return rounded(grad * scales) / scales; });
    return product - x.mm(weight.t());
  }

  Twin twin_;
};

struct Found {
  Tensor logps, gradients;
};

Found train(Model& model, const std::vector<Group>& groups) {
  Trainer trainer(model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0});
  const Trainer::Result result = accumulate_sft(trainer, groups);
  return {at::tensor(result.logps, at::kDouble), trainer.gradients().cpu().clone()};
}

// Of all parameters of the adapter, in the trainer's order.
Tensor gradients_of(const Twin& twin, const ParameterLayout& layout) {
  Tensor all = at::zeros({layout.size()}, at::kDouble);
  for (const Parameter& parameter : layout.parameters()) {
    all.narrow(0, parameter.offset, parameter.size()).copy_(twin.parameter(parameter.name).grad().flatten());
  }
  return all;
}

class Fp8Ways : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && cuda_is_built()) GTEST_SKIP() << "the GPU's way is emulated in the other program";
    way_.emplace(GetParam());
  }
  std::optional<GpuWay> way_;
};

INSTANTIATE_TEST_SUITE_P(On, Fp8Ways, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "EmulatedGpu" : "Cpu"; });

// Where an activation lies between two numbers of e4m3, rounding to bfloat16 before it decides otherwise than double does, so that the
// two are no closer to each other than to the exact values; but they are equally far from those. 1.4: two samples of one spread.
TEST_P(Fp8Ways, IsAsFarFromExactAsAnIndependentImplementation) {
  at::manual_seed(3);
  const auto groups = random_groups(kVocabulary);
  const auto plain = adapted(WeightForm::kPlain);
  const auto model = adapted(WeightForm::kQuantized);
  ASSERT_TRUE(at::equal(plain->decoder().adapter()->flat(), model->decoder().adapter()->flat()));
  Oracle exact(*plain), oracle(*plain);
  const Tensor exact_logps = exact.differentiate(*model, groups, false);
  const Tensor oracle_logps = oracle.differentiate(*model, groups, true);
  const ParameterLayout& layout = model->decoder().adapter()->layout();
  const Tensor exact_gradients = gradients_of(exact.twin(), layout);
  const Found found = train(*model, groups);
  const Found bf16 = train(*plain, groups);
  const auto compare = [](const char* what, const Tensor& ours, const Tensor& of_oracle, const Tensor& of_bf16,
                          const Tensor& reference) {
    const double error = relative_difference(ours, reference);
    const double expected = relative_difference(of_oracle, reference);
    const double narrow = relative_difference(of_bf16, reference);
    std::printf("%s: relative error %.4f, of the independent implementation %.4f, of bfloat16 %.4f\n", what, error,
                expected, narrow);
    EXPECT_LT(error, 1.4 * expected + narrow) << what;
    EXPECT_GT(error, expected / 1.4 - narrow) << what;
    EXPECT_LT(narrow, expected / 2) << what << ": the test would not tell fp8 from bfloat16";
  };
  compare("log-probabilities", found.logps, oracle_logps, bf16.logps, exact_logps);
  compare("gradients of the adapter", found.gradients, gradients_of(oracle.twin(), layout), bf16.gradients,
          exact_gradients);
}

TEST_P(Fp8Ways, TrainsTheAdapterAndLeavesTheBase) {
  at::manual_seed(3);
  auto groups = random_groups(kVocabulary);
  groups.resize(1);
  const auto model = adapted(WeightForm::kQuantized, 0.1);
  const Tensor held = model->decoder().frozen()->at(1, Projection::kDown).values_NK.view(at::kByte).clone();
  const Tensor flat = model->decoder().flat().clone();
  Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_FULL, MMPO_ADAMW, 0});
  std::vector<double> losses;
  for (int step = 0; step < 4; ++step) {
    const auto result = accumulate_sft(trainer, groups, 1e-3);
    losses.push_back(std::accumulate(result.losses.begin(), result.losses.end(), 0.0));
    EXPECT_GT(trainer.step(5e-3, 1.0), 0);
  }
  EXPECT_LT(losses.back(), 0.9 * losses.front());
  EXPECT_TRUE(at::equal(model->decoder().frozen()->at(1, Projection::kDown).values_NK.view(at::kByte), held));
  EXPECT_TRUE(at::equal(model->decoder().flat(), flat));
}

// A row's bits do not depend on its neighbours, so that what is made again is what was.
TEST(Fp8Training, HasTheSameBitsUnderEveryRecomputationAndNumberOfThreads) {
  at::manual_seed(3);
  const auto groups = random_groups(kVocabulary);
  std::vector<Tensor> found;
  for (const int32_t recompute : {MMPO_RECOMPUTE_NONE, MMPO_RECOMPUTE_SELECTIVE, MMPO_RECOMPUTE_FULL}) {
    const testing::Threads threads(recompute == MMPO_RECOMPUTE_NONE ? 1 : 2);
    const auto model = adapted(WeightForm::kQuantized, 0.2);
    Trainer trainer(*model, {0.9, 0.999, 1e-8, 0, recompute, MMPO_ADAMW, 0});
    accumulate_sft(trainer, groups);
    found.push_back(trainer.gradients().clone());
  }
  EXPECT_TRUE(at::equal(found[0], found[1]));
  EXPECT_TRUE(at::equal(found[0], found[2]));
}

TEST(Fp8Training, ScoresARowAloneAsAmongOthers) {
  const auto groups = random_groups(kVocabulary);
  const auto model = over_fp8();
  const BatchBuilder builder = packed(groups);
  const auto together = testing::token_logps(*model, builder.batch());
  size_t index = 0;
  for (const Group& group : groups) {
    const BatchBuilder alone = packed({group});
    for (const auto& logps : testing::token_logps(*model, alone.batch())) EXPECT_EQ(logps, together[index++]);
  }
}

TEST_P(Fp8Ways, Generates) {
  const auto model = over_fp8();
  const std::vector<int32_t> tokens{1, 2, 3, 4, 5, 6}, lengths{2, 1, 3};
  const mmpo_sampling sampling{.temperature = 1, .top_p = 0.9, .top_k = 0, .seed = 1, .max_new_tokens = 4};
  const auto texts = generate(*model, {tokens.data(), lengths}, {}, sampling);
  ASSERT_EQ(texts.size(), 3U);
  for (const auto& text : texts) EXPECT_EQ(text.size(), 4U);
}

}  // namespace
}  // namespace mmpo
