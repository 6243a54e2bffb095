#include <algorithm>
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
                 MMPO_INVALID_ARGUMENT, {"compute_dtype", "2"});
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

TEST_F(ModelCApi, LogpsRefuseBadArgumentsAndClearTheirOutput) {
  std::vector<double> logps(4, 1.0);
  expect_failure(mmpo_model_logps(nullptr, &batch_, logps.data(), nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"model"});
  EXPECT_TRUE(testing::all_nan(logps));
  expect_failure(mmpo_model_logps(model_, nullptr, logps.data(), nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"batch"});
  expect_failure(mmpo_model_logps(model_, &batch_, nullptr, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"out_logps"});
}

TEST_F(ModelCApi, LogpsSayWhatIsWrongWithABatch) {
  const std::vector<int32_t> tokens(batch_.tokens, batch_.tokens + batch_.num_tokens);
  const std::vector<int32_t> prompts = {3, 1};
  const std::vector<int32_t> sizes = {2, 2};
  const std::vector<int32_t> completions = {2, 1, 1, 3};
  std::vector<int32_t> changed;
  const auto with = [&](std::vector<int32_t> values, size_t index, int32_t value) {
    values[index] = value;
    changed = values;
    return changed.data();
  };
  const std::vector<std::pair<std::string, std::function<void(mmpo_batch&)>>> breaches = {
      {"arrays must not be NULL", [](auto& b) { b.tokens = nullptr; }},
      {"arrays must not be NULL", [](auto& b) { b.prompt_lengths = nullptr; }},
      {"arrays must not be NULL", [](auto& b) { b.group_sizes = nullptr; }},
      {"arrays must not be NULL", [](auto& b) { b.completion_lengths = nullptr; }},
      {"at least one group", [](auto& b) { b.num_groups = 0; }},
      {"at least one group", [](auto& b) { b.num_groups = -3; }},
      {"at least one group", [](auto& b) { b.num_tokens = 0; }},
      {"num_tokens is 10", [](auto& b) { b.num_tokens = 10; }},
      {"num_tokens is 12", [](auto& b) { b.num_tokens = 12; }},
      {"prompt 1 has length 0", [&](auto& b) { b.prompt_lengths = with(prompts, 1, 0); }},
      {"prompt 0 has length -2", [&](auto& b) { b.prompt_lengths = with(prompts, 0, -2); }},
      {"group 0 has 0 completions", [&](auto& b) { b.group_sizes = with(sizes, 0, 0); }},
      {"num_completions", [&](auto& b) { b.group_sizes = with(sizes, 1, 3); }},
      {"group_sizes add up to 3", [&](auto& b) { b.group_sizes = with(sizes, 1, 1); }},
      {"completion 2 has length 0", [&](auto& b) { b.completion_lengths = with(completions, 2, 0); }},
      {"token 10 is 131", [&](auto& b) { b.tokens = with(tokens, 10, 131); }},
      {"token 0 is -1", [&](auto& b) { b.tokens = with(tokens, 0, -1); }}};
  for (const auto& [part, breach] : breaches) {
    mmpo_batch batch = batch_;
    breach(batch);
    std::vector<double> logps(4, 1.0);
    const int32_t status = mmpo_model_logps(model_, &batch, logps.data(), nullptr, &err_);
    expect_failure(status, err_, MMPO_INVALID_ARGUMENT, {part});
    EXPECT_TRUE(testing::all_nan(logps)) << part;
  }
}

TEST_F(ModelCApi, TokenLogpsAddUpToLogpsInTheBatchsOrder) {
  std::vector<double> logps(4);
  std::vector<float> tokens(7);
  ASSERT_EQ(mmpo_model_logps(model_, &batch_, logps.data(), tokens.data(), &err_), MMPO_OK) << err_.message;
  EXPECT_NEAR(static_cast<double>(tokens[0]) + static_cast<double>(tokens[1]), logps[0], 1e-5);
  EXPECT_NEAR(static_cast<double>(tokens[2]), logps[1], 1e-5);
  EXPECT_NEAR(static_cast<double>(tokens[3]), logps[2], 1e-5);
  EXPECT_NEAR(static_cast<double>(tokens[4]) + static_cast<double>(tokens[5]) + static_cast<double>(tokens[6]),
              logps[3], 1e-5);
}

TEST_F(ModelCApi, ScoreSaysWhichCompletionsGreedyDecodingGives) {
  // The greedy continuation of a prompt, the same with its last token changed, its beginning.
  const std::vector<int32_t> prompt = {5, 17, 3};
  const int32_t length = 3;
  const mmpo_sampling greedy{.temperature = 0, .top_p = 1, .top_k = 0, .seed = 0, .max_new_tokens = length};
  std::vector<int32_t> given(length);
  int32_t num_given = 0;
  ASSERT_EQ(
      mmpo_model_generate(model_, prompt.data(), &length, 1, nullptr, 0, &greedy, given.data(), &num_given, &err_),
      MMPO_OK)
      << err_.message;
  std::vector<int32_t> tokens = prompt;
  tokens.insert(tokens.end(), given.begin(), given.end());
  tokens.insert(tokens.end(), given.begin(), given.end());
  tokens.back() = (tokens.back() + 1) % static_cast<int32_t>(config_.vocab_size);
  tokens.push_back(given[0]);
  const int32_t group_size = 3;
  const std::vector<int32_t> completions = {3, 3, 1};
  const mmpo_batch batch{.tokens = tokens.data(),
                         .prompt_lengths = &length,
                         .group_sizes = &group_size,
                         .completion_lengths = completions.data(),
                         .num_tokens = static_cast<int64_t>(tokens.size()),
                         .num_groups = 1,
                         .num_completions = 3};
  std::vector<double> logps(3);
  std::vector<double> scored(3);
  std::vector<uint8_t> is_greedy(3, 7);
  ASSERT_EQ(mmpo_model_score(model_, &batch, scored.data(), is_greedy.data(), &err_), MMPO_OK) << err_.message;
  ASSERT_EQ(mmpo_model_logps(model_, &batch, logps.data(), nullptr, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(is_greedy, (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(scored, logps);
}

TEST_F(ModelCApi, ScoreRefusesBadArgumentsAndClearsItsOutputs) {
  std::vector<double> logps(4, 1.0);
  std::vector<uint8_t> greedy(4, 7);
  expect_failure(mmpo_model_score(nullptr, &batch_, logps.data(), greedy.data(), &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"model"});
  EXPECT_TRUE(testing::all_nan(logps));
  EXPECT_EQ(greedy, std::vector<uint8_t>(4, 0));
  expect_failure(mmpo_model_score(model_, &batch_, logps.data(), nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"out_greedy"});
  mmpo_batch batch = batch_;
  batch.num_tokens = 10;
  expect_failure(mmpo_model_score(model_, &batch, logps.data(), greedy.data(), &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"num_tokens is 10"});
}

class GenerateCApi : public CApi {
 protected:
  struct Call {
    const int32_t* tokens;
    const int32_t* prompt_lengths;
    int64_t num_prompts;
    const int32_t* stop_tokens;
    int64_t num_stop_tokens;
    const mmpo_sampling* sampling;
  };

  int32_t run(const Call& call) {
    tokens_.assign(8, 77);
    lengths_.assign(2, 77);
    return mmpo_model_generate(model_, call.tokens, call.prompt_lengths, call.num_prompts, call.stop_tokens,
                               call.num_stop_tokens, call.sampling, tokens_.data(), lengths_.data(), &err_);
  }

  const std::vector<int32_t> prompt_tokens_{1, 2, 3};
  const std::vector<int32_t> prompt_lengths_{1, 2};
  mmpo_sampling sampling_{.temperature = 0, .top_p = 1, .top_k = 0, .seed = 0, .max_new_tokens = 4};
  const Call valid_{prompt_tokens_.data(), prompt_lengths_.data(), 2, nullptr, 0, &sampling_};
  std::vector<int32_t> tokens_, lengths_;
};

TEST_F(GenerateCApi, PadsWhatAStopLeaves) {
  ASSERT_EQ(run(valid_), MMPO_OK) << err_.message;
  EXPECT_EQ(lengths_, (std::vector<int32_t>{4, 4}));
  const std::vector<int32_t> free = tokens_;
  Call stopping = valid_;
  stopping.stop_tokens = free.data() + 1;
  stopping.num_stop_tokens = 1;
  ASSERT_EQ(run(stopping), MMPO_OK) << err_.message;
  ASSERT_LE(lengths_[0], 2);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(tokens_[i], i < static_cast<size_t>(lengths_[0]) ? free[i] : -1);
}

TEST_F(GenerateCApi, RefusesBadArgumentsAndClearsItsOutputs) {
  const std::vector<int32_t> empty_prompt = {3, 0};
  const std::vector<std::pair<std::string, std::function<void(Call&)>>> breaches = {
      {"tokens must not be NULL", [](auto& c) { c.tokens = nullptr; }},
      {"prompt_lengths must not be NULL", [](auto& c) { c.prompt_lengths = nullptr; }},
      {"stop_tokens must not be NULL", [](auto& c) { c.num_stop_tokens = 1; }},
      {"num_stop_tokens", [](auto& c) { c.num_stop_tokens = -1; }},
      {"prompt 1 is empty", [&](auto& c) { c.prompt_lengths = empty_prompt.data(); }}};
  for (const auto& [part, breach] : breaches) {
    Call call = valid_;
    breach(call);
    expect_failure(run(call), err_, MMPO_INVALID_ARGUMENT, {part});
    EXPECT_EQ(tokens_, std::vector<int32_t>(8, -1)) << part;
    EXPECT_EQ(lengths_, std::vector<int32_t>(2, 0)) << part;
  }
}

TEST_F(GenerateCApi, RefusesWhatItCannotTellTheSizeOfItsOutputsFrom) {
  Call call = valid_;
  call.sampling = nullptr;
  expect_failure(run(call), err_, MMPO_INVALID_ARGUMENT, {"sampling must not be NULL"});
  call = valid_;
  call.num_prompts = 0;
  expect_failure(run(call), err_, MMPO_INVALID_ARGUMENT, {"num_prompts"});
  sampling_.max_new_tokens = std::numeric_limits<int64_t>::max();
  expect_failure(run(valid_), err_, MMPO_INVALID_ARGUMENT, {"max_new_tokens"});
  sampling_.max_new_tokens = 4;
  std::vector<int32_t> out(8);
  const auto generate = [&](mmpo_model* model, int32_t* out_tokens, int32_t* out_lengths) {
    return mmpo_model_generate(model, prompt_tokens_.data(), prompt_lengths_.data(), 2, nullptr, 0, &sampling_,
                               out_tokens, out_lengths, &err_);
  };
  expect_failure(generate(nullptr, out.data(), out.data()), err_, MMPO_INVALID_ARGUMENT, {"model"});
  expect_failure(generate(model_, nullptr, out.data()), err_, MMPO_INVALID_ARGUMENT, {"out_tokens"});
  expect_failure(generate(model_, out.data(), nullptr), err_, MMPO_INVALID_ARGUMENT, {"out_lengths"});
}

TEST(CApiFree, NullIsLegal) {
  mmpo_model_free(nullptr);
  mmpo_trainer_free(nullptr);
}

}  // namespace
}  // namespace mmpo
