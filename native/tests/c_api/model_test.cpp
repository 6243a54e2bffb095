#include <cstring>
#include <functional>

#include "c_api/c_api_testing.h"

namespace mmpo {
namespace {

using testing::CApi;
using testing::expect_failure;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class ModelCApi : public CApi {
 protected:
  // Creates a model from what the test changed and expects it to be refused.
  void expect_refused(int32_t status, const std::vector<std::string>& parts) {
    auto* model = reinterpret_cast<mmpo_model*>(this);
    const int32_t found =
        mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_FLOAT32, MMPO_CPU, &model, &err_);
    expect_failure(found, err_, status, parts);
    EXPECT_EQ(model, nullptr);
  }

  mmpo_tensor& tensor(const std::string& name) {
    for (mmpo_tensor& candidate : weights_.tensors()) {
      if (candidate.name == name) return candidate;
    }
    throw std::out_of_range(name);
  }
};

// Reads from the tensors' own memory, up to the index where it fails.
struct MemoryReader {
  const std::vector<mmpo_tensor>& tensors;
  int64_t fails_at;
  int64_t calls = 0;

  static int32_t read(void* context, int64_t index, int64_t offset, int64_t num_bytes, void* out) {
    auto& self = *static_cast<MemoryReader*>(context);
    ++self.calls;
    if (index == self.fails_at) return 1;
    std::memcpy(out, static_cast<const char*>(self.tensors[static_cast<size_t>(index)].data) + offset,
                static_cast<size_t>(num_bytes));
    return 0;
  }
};

TEST_F(ModelCApi, LoadReadsWhatCreateCopies) {
  mmpo_model* created = nullptr;
  mmpo_model* loaded = nullptr;
  const std::vector<mmpo_tensor> tensors = weights_.tensors();
  ASSERT_EQ(mmpo_model_create(&config_, tensors.data(), num_tensors(), MMPO_BFLOAT16, MMPO_CPU, &created, &err_),
            MMPO_OK);
  MemoryReader reader{tensors, -1};
  std::vector<mmpo_tensor> without_data = tensors;
  for (mmpo_tensor& tensor : without_data) tensor.data = nullptr;
  ASSERT_EQ(mmpo_model_load(&config_, without_data.data(), num_tensors(), MemoryReader::read, &reader, MMPO_BFLOAT16,
                            MMPO_CPU, &loaded, &err_),
            MMPO_OK);
  for (int64_t i = 0; i < num_tensors(); ++i) {
    mmpo_tensor a{}, b{};
    ASSERT_EQ(mmpo_model_parameter(created, i, &a, &err_), MMPO_OK);
    ASSERT_EQ(mmpo_model_parameter(loaded, i, &b, &err_), MMPO_OK);
    const int64_t count = a.shape[0] * std::max<int64_t>(a.shape[1], 1);
    EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<size_t>(2 * count)), 0) << a.name;
  }
  mmpo_model_free(created);
  mmpo_model_free(loaded);
}

TEST_F(ModelCApi, LoadEndsWithTheFirstReadThatFails) {
  auto* model = reinterpret_cast<mmpo_model*>(this);
  MemoryReader reader{weights_.tensors(), 2};
  const int32_t status = mmpo_model_load(&config_, weights_.tensors().data(), num_tensors(), MemoryReader::read,
                                         &reader, MMPO_FLOAT32, MMPO_CPU, &model, &err_);
  expect_failure(status, err_, MMPO_INTERNAL, {"cannot be read", weights_.tensors()[2].name});
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(reader.calls, 3);
}

TEST_F(ModelCApi, CreateNamesTheNullArgument) {
  mmpo_model* model = nullptr;
  const mmpo_tensor* tensors = weights_.tensors().data();
  expect_failure(mmpo_model_create(nullptr, tensors, num_tensors(), MMPO_FLOAT32, MMPO_CPU, &model, &err_), err_,
                 MMPO_INVALID_ARGUMENT, {"config must not be NULL"});
  expect_failure(mmpo_model_create(&config_, nullptr, num_tensors(), MMPO_FLOAT32, MMPO_CPU, &model, &err_), err_,
                 MMPO_INVALID_ARGUMENT, {"tensors must not be NULL"});
  expect_failure(mmpo_model_create(&config_, tensors, num_tensors(), MMPO_FLOAT32, MMPO_CPU, nullptr, &err_), err_,
                 MMPO_INVALID_ARGUMENT, {"out_model must not be NULL"});
  expect_failure(mmpo_model_create(&config_, tensors, -1, MMPO_FLOAT32, MMPO_CPU, &model, &err_), err_,
                 MMPO_INVALID_ARGUMENT, {"num_tensors", "-1"});
  expect_failure(mmpo_model_create(&config_, tensors, num_tensors(), MMPO_FLOAT16, MMPO_CPU, &model, &err_), err_,
                 MMPO_INVALID_ARGUMENT, {"compute_type", "2"});
  // Without a place for the message too.
  EXPECT_EQ(mmpo_model_create(nullptr, nullptr, 0, 0, 0, nullptr, nullptr), MMPO_INVALID_ARGUMENT);
}

TEST_F(ModelCApi, CreateNamesTheFieldOfTheConfig) {
  const std::vector<std::pair<std::string, std::function<void(mmpo_model_config&)>>> breaches = {
      {"vocab_size", [](auto& c) { c.vocab_size = 0; }},
      {"vocab_size",
       [](auto& c) {
         c.vocab_size = int64_t{1} << 31;
         c.hidden_size = 1;
       }},
      {"hidden_size", [](auto& c) { c.hidden_size = -40; }},
      {"hidden_size", [](auto& c) { c.hidden_size = std::numeric_limits<int64_t>::max(); }},
      {"intermediate_size", [](auto& c) { c.intermediate_size = 0; }},
      {"intermediate_size", [](auto& c) { c.intermediate_size = int64_t{1} << 62; }},
      {"num_layers", [](auto& c) { c.num_layers = 0; }},
      {"num_layers", [](auto& c) { c.num_layers = 20000; }},
      {"num_heads", [](auto& c) { c.num_heads = 0; }},
      {"num_heads (6) must be a multiple of num_kv_heads (4)", [](auto& c) { c.num_kv_heads = 4; }},
      {"num_kv_heads", [](auto& c) { c.num_kv_heads = 0; }},
      {"head_dim", [](auto& c) { c.head_dim = 9; }},
      {"head_dim", [](auto& c) { c.head_dim = int64_t{1} << 40; }},
      {"max_positions", [](auto& c) { c.max_positions = 0; }},
      {"max_positions", [](auto& c) { c.max_positions = int64_t{1} << 40; }},
      {"rms_norm_eps", [](auto& c) { c.rms_norm_eps = 0; }},
      {"rms_norm_eps", [](auto& c) { c.rms_norm_eps = std::numeric_limits<double>::quiet_NaN(); }},
      {"rms_norm_eps", [](auto& c) { c.rms_norm_eps = std::numeric_limits<double>::infinity(); }},
      {"rope_theta", [](auto& c) { c.rope_theta = -1; }},
      {"rope_theta", [](auto& c) { c.rope_theta = std::numeric_limits<double>::infinity(); }},
      {"rope_type", [](auto& c) { c.rope_type = 4; }},
      {"factor", [](auto& c) { c.rope_type = MMPO_ROPE_LINEAR; }},
      {"factor", [](auto& c) { c.rope_type = MMPO_ROPE_LLAMA3; }},
      {"low_freq_factor",
       [](auto& c) {
         c.rope_type = MMPO_ROPE_LLAMA3;
         c.rope_factor = 8;
         c.rope_original_max_positions = 64;
       }},
      {"original_max_position_embeddings", [](auto& c) {
         c.rope_type = MMPO_ROPE_LLAMA3;
         c.rope_factor = 8;
         c.rope_low_freq_factor = 1;
         c.rope_high_freq_factor = 4;
       }}};
  for (const auto& [field, breach] : breaches) {
    config_ = testing::random_config();
    breach(config_);
    expect_refused(MMPO_INVALID_ARGUMENT, {field});
  }
}

TEST_F(ModelCApi, CreateNamesTheMissingWeight) {
  const std::string name = weights_.tensors()[4].name;
  weights_.tensors().erase(weights_.tensors().begin() + 4);
  expect_refused(MMPO_INVALID_MODEL, {"'" + name + "'", "missing"});
}

TEST_F(ModelCApi, CreateNamesTheWeightOfTheWrongShape) {
  tensor("model.layers.0.self_attn.k_proj.weight").shape[0] = 19;
  expect_refused(MMPO_INVALID_MODEL, {"'model.layers.0.self_attn.k_proj.weight'", "[19, 40]", "[20, 40]"});
}

TEST_F(ModelCApi, CreateNamesTheWeightWithTheWrongNumberOfDimensions) {
  tensor("model.embed_tokens.weight").num_dims = 1;
  expect_refused(MMPO_INVALID_MODEL, {"'model.embed_tokens.weight'", "[131]"});
}

// As many rows as the vector, but no data behind it.
TEST_F(ModelCApi, CreateRefusesAnEmptyMatrixForAVector) {
  tensor("model.norm.weight").num_dims = 2;
  tensor("model.norm.weight").shape[1] = 0;
  expect_refused(MMPO_INVALID_MODEL, {"'model.norm.weight'", "[40, 0]", "[40]"});
}

TEST_F(ModelCApi, CreateNamesTheUnknownWeight) {
  mmpo_tensor extra = weights_.tensors()[0];
  extra.name = "model.layers.2.input_layernorm.weight";
  weights_.tensors().push_back(extra);
  expect_refused(MMPO_INVALID_MODEL, {"'model.layers.2.input_layernorm.weight'"});
}

TEST_F(ModelCApi, CreateNamesTheWeightThatComesTwice) {
  weights_.tensors().push_back(tensor("model.norm.weight"));
  expect_refused(MMPO_INVALID_MODEL, {"'model.norm.weight'", "twice"});
}

TEST_F(ModelCApi, CreateNamesTheWeightThatIsNotFinite) {
  for (const float value : {kNan, -std::numeric_limits<float>::infinity()}) {
    weights_.values(7).view(-1)[3] = value;
    expect_refused(MMPO_INVALID_MODEL, {std::string("'") + weights_.tensors()[7].name + "'", "not finite"});
  }
}

// 3.4e38 is a float32 number; rounded to bfloat16 it is infinite.
TEST_F(ModelCApi, CreateRefusesAWeightBeyondTheComputeType) {
  weights_.values(7).view(-1)[3] = std::numeric_limits<float>::max();
  mmpo_model* model = nullptr;
  expect_failure(
      mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_BFLOAT16, MMPO_CPU, &model, &err_),
      err_, MMPO_INVALID_MODEL, {std::string("'") + weights_.tensors()[7].name + "'"});
  EXPECT_EQ(model, nullptr);
}

TEST_F(ModelCApi, CreateRefusesAnUnknownDtypeAndNullTensors) {
  tensor("model.norm.weight").dtype = 9;
  expect_refused(MMPO_INVALID_MODEL, {"'model.norm.weight'", "dtype", "9"});
  tensor("model.norm.weight").dtype = MMPO_FLOAT32;
  tensor("model.norm.weight").data = nullptr;
  expect_refused(MMPO_INVALID_ARGUMENT, {"data", "NULL"});
  weights_.tensors()[0].name = nullptr;
  expect_refused(MMPO_INVALID_ARGUMENT, {"name", "NULL"});
}

TEST_F(ModelCApi, RotaryBuffersAndATiedHeadArePassedOver) {
  config_.tie_embeddings = 1;
  mmpo_tensor buffer = tensor("model.norm.weight");
  buffer.name = "model.layers.0.self_attn.rotary_emb.inv_freq";
  weights_.tensors().push_back(buffer);
  mmpo_model* model = nullptr;
  EXPECT_EQ(
      mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_FLOAT32, MMPO_CPU, &model, &err_),
      MMPO_OK)
      << err_.message;
  int64_t count = 0;
  EXPECT_EQ(mmpo_model_num_parameters(model, &count, &err_), MMPO_OK);
  EXPECT_EQ(count, num_tensors() - 2);
  mmpo_model_free(model);
}

TEST_F(ModelCApi, ABaseInFp8IsFrozenAndOfTheSizesThatGpusMultiply) {
  mmpo_model* model = nullptr;
  expect_failure(mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_COMPUTE_BFLOAT16_OVER_FP8,
                                   MMPO_CPU, &model, &err_),
                 err_, MMPO_UNSUPPORTED, {"hidden_size is 40", "multiples of 16"});
  EXPECT_EQ(model, nullptr);
  const mmpo_model_config even = testing::even_config();
  testing::RandomWeights weights(even, 5);
  const auto count = static_cast<int64_t>(weights.tensors().size());
  ASSERT_EQ(mmpo_model_create(&even, weights.tensors().data(), count, MMPO_COMPUTE_BFLOAT16_OVER_FP8, MMPO_CPU, &model,
                              &err_),
            MMPO_OK)
      << err_.message;
  int64_t beside = 0;
  EXPECT_EQ(mmpo_model_num_parameters(model, &beside, &err_), MMPO_OK);
  EXPECT_EQ(beside, count - even.num_layers * 7);
  std::vector<double> logps(4);
  EXPECT_EQ(mmpo_model_logps(model, &batch_, logps.data(), nullptr, &err_), MMPO_OK) << err_.message;
  for (const double logp : logps) EXPECT_LT(logp, 0);
  mmpo_trainer* trainer = nullptr;
  const mmpo_optimizer_config optimizer{0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0};
  expect_failure(mmpo_trainer_create(model, &optimizer, &trainer, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"held in fp8 is frozen", "adapter"});
  mmpo_model_free(model);
}

TEST_F(ModelCApi, WeightsThatStayInBfloat16AreGivenInItAndFrozen) {
  mmpo_model* model = nullptr;
  expect_failure(mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(),
                                   MMPO_COMPUTE_FLOAT32_OVER_BFLOAT16, MMPO_CPU, &model, &err_),
                 err_, MMPO_INVALID_MODEL, {"model.embed_tokens.weight", "is not of bfloat16"});
  EXPECT_EQ(model, nullptr);
  testing::RandomWeights weights(config_, 5, at::kBFloat16);
  std::vector<mmpo_tensor>& tensors = weights.tensors();
  ASSERT_EQ(mmpo_model_create(&config_, tensors.data(), num_tensors(), MMPO_COMPUTE_FLOAT32_OVER_BFLOAT16, MMPO_CPU,
                              &model, &err_),
            MMPO_OK)
      << err_.message;
  mmpo_tensor held{};
  ASSERT_EQ(mmpo_model_parameter(model, 1, &held, &err_), MMPO_OK);
  EXPECT_EQ(held.dtype, MMPO_BFLOAT16);
  EXPECT_EQ(std::memcmp(held.data, tensors[1].data, static_cast<size_t>(tensors[1].shape[0]) * 2), 0);
  MemoryReader reader{tensors, -1};
  mmpo_model* loaded = nullptr;
  ASSERT_EQ(mmpo_model_load(&config_, tensors.data(), num_tensors(), MemoryReader::read, &reader,
                            MMPO_COMPUTE_FLOAT32_OVER_BFLOAT16, MMPO_CPU, &loaded, &err_),
            MMPO_OK);
  std::vector<double> logps(4), loaded_logps(4);
  EXPECT_EQ(mmpo_model_logps(model, &batch_, logps.data(), nullptr, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(mmpo_model_logps(loaded, &batch_, loaded_logps.data(), nullptr, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(loaded_logps, logps);
  mmpo_trainer* trainer = nullptr;
  const mmpo_optimizer_config optimizer{0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0};
  expect_failure(mmpo_trainer_create(model, &optimizer, &trainer, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"held in bfloat16", "frozen", "adapter"});
  mmpo_model_free(loaded);
  mmpo_model_free(model);
}

TEST_F(ModelCApi, ParametersComeBackAsTheyWere) {
  int64_t count = 0;
  ASSERT_EQ(mmpo_model_num_parameters(model_, &count, &err_), MMPO_OK);
  ASSERT_EQ(count, num_tensors());
  for (int64_t i = 0; i < count; ++i) {
    mmpo_tensor found{};
    ASSERT_EQ(mmpo_model_parameter(model_, i, &found, &err_), MMPO_OK);
    const mmpo_tensor& given = weights_.tensors()[static_cast<size_t>(i)];
    EXPECT_STREQ(found.name, given.name);
    EXPECT_EQ(found.num_dims, given.num_dims);
    EXPECT_EQ(found.shape[0], given.shape[0]);
    EXPECT_EQ(found.shape[1], given.shape[1]);
    const auto bytes = static_cast<size_t>(weights_.values(static_cast<size_t>(i)).nbytes());
    EXPECT_EQ(std::memcmp(found.data, given.data, bytes), 0) << found.name;
  }
}

TEST_F(ModelCApi, ParametersRefuseBadArguments) {
  int64_t count = 5;
  expect_failure(mmpo_model_num_parameters(nullptr, &count, &err_), err_, MMPO_INVALID_ARGUMENT, {"model"});
  EXPECT_EQ(count, 0);
  expect_failure(mmpo_model_num_parameters(model_, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_num"});
  for (const int64_t index : {int64_t{-1}, num_tensors()}) {
    mmpo_tensor found{.name = "old", .data = this, .shape = {1, 1}, .num_dims = 1, .dtype = 1};
    expect_failure(mmpo_model_parameter(model_, index, &found, &err_), err_, MMPO_INVALID_ARGUMENT,
                   {"parameter " + std::to_string(index)});
    EXPECT_EQ(found.name, nullptr);
    EXPECT_EQ(found.data, nullptr);
  }
  mmpo_tensor found{};
  expect_failure(mmpo_model_parameter(nullptr, 0, &found, &err_), err_, MMPO_INVALID_ARGUMENT, {"model"});
  expect_failure(mmpo_model_parameter(model_, 0, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_tensor"});
}

}  // namespace
}  // namespace mmpo
