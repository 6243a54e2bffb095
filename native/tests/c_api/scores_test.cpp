#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "c_api/c_api_testing.h"
#include "mmpo/streaming.h"

namespace mmpo {
namespace {

using testing::CApi;
using testing::expect_failure;

using ScoresCApi = CApi;

TEST_F(ScoresCApi, LogpsRefuseBadArgumentsAndClearTheirOutput) {
  std::vector<double> logps(4, 1.0);
  expect_failure(mmpo_model_logps(nullptr, &batch_, logps.data(), nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"model"});
  EXPECT_TRUE(testing::all_nan(logps));
  expect_failure(mmpo_model_logps(model_, nullptr, logps.data(), nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"batch"});
  expect_failure(mmpo_model_logps(model_, &batch_, nullptr, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT,
                 {"out_logps"});
}

TEST_F(ScoresCApi, LogpsSayWhatIsWrongWithABatch) {
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
      {"prompt 0 has a token that is negative", [&](auto& b) { b.tokens = with(tokens, 0, -1); }}};
  for (const auto& [part, breach] : breaches) {
    mmpo_batch batch = batch_;
    breach(batch);
    std::vector<double> logps(4, 1.0);
    const int32_t status = mmpo_model_logps(model_, &batch, logps.data(), nullptr, &err_);
    expect_failure(status, err_, MMPO_INVALID_ARGUMENT, {part});
    EXPECT_TRUE(testing::all_nan(logps)) << part;
  }
}

TEST_F(ScoresCApi, TokenLogpsAddUpToLogpsInTheBatchsOrder) {
  std::vector<double> logps(4);
  std::vector<float> tokens(7);
  ASSERT_EQ(mmpo_model_logps(model_, &batch_, logps.data(), tokens.data(), &err_), MMPO_OK) << err_.message;
  EXPECT_NEAR(static_cast<double>(tokens[0]) + static_cast<double>(tokens[1]), logps[0], 1e-5);
  EXPECT_NEAR(static_cast<double>(tokens[2]), logps[1], 1e-5);
  EXPECT_NEAR(static_cast<double>(tokens[3]), logps[2], 1e-5);
  EXPECT_NEAR(static_cast<double>(tokens[4]) + static_cast<double>(tokens[5]) + static_cast<double>(tokens[6]),
              logps[3], 1e-5);
}

TEST_F(ScoresCApi, ScoreSaysWhichCompletionsGreedyDecodingGives) {
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
                         .num_completions = 3,
                         .preamble = nullptr,
                         .preamble_length = 0};
  std::vector<double> logps(3);
  std::vector<double> scored(3);
  std::vector<uint8_t> is_greedy(3, 7);
  ASSERT_EQ(mmpo_model_score(model_, &batch, scored.data(), is_greedy.data(), &err_), MMPO_OK) << err_.message;
  ASSERT_EQ(mmpo_model_logps(model_, &batch, logps.data(), nullptr, &err_), MMPO_OK) << err_.message;
  EXPECT_EQ(is_greedy, (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(scored, logps);
}

TEST_F(ScoresCApi, ScoreRefusesBadArgumentsAndClearsItsOutputs) {
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

// The second prompt's text ends with its second token, which the listener has asked for; the first's is as it was.
TEST_F(GenerateCApi, TellsEachTokenAndEndsWhereItIsAskedTo) {
  ASSERT_EQ(run(valid_), MMPO_OK) << err_.message;
  const std::vector<int32_t>& whole = tokens_;
  using Heard = std::vector<std::pair<int64_t, int32_t>>;
  struct Listener {
    Heard heard;
    int64_t ends;  // with its second token
    int32_t how;
  };
  const mmpo_hear_token hear = [](void* context, int64_t prompt, int32_t token) {
    auto& listener = *static_cast<Listener*>(context);
    listener.heard.emplace_back(prompt, token);
    const bool ends =
        prompt == listener.ends && std::ranges::count(listener.heard, prompt, &Heard::value_type::first) == 2;
    return ends ? listener.how : int32_t{MMPO_GENERATION_GOES_ON};
  };
  const auto stream = [&](mmpo_hear_token listener, void* context, const int64_t* streams, int64_t batch_size) {
    return mmpo_model_stream(model_, valid_.tokens, valid_.prompt_lengths, streams, valid_.num_prompts, batch_size,
                             nullptr, 0, &sampling_, listener, context, &err_);
  };
  const auto of = [](const Heard& heard, int64_t prompt) {
    std::vector<int32_t> tokens;
    for (const auto& [place, token] : heard) {
      if (place == prompt) tokens.push_back(token);
    }
    return tokens;
  };
  const std::vector<int32_t> first(whole.begin(), whole.begin() + 4);
  const std::vector<int32_t> second(whole.begin() + 4, whole.begin() + 8);
  Listener listener{{}, 1, MMPO_GENERATION_ENDS_PROMPT};
  ASSERT_EQ(stream(hear, &listener, nullptr, 0), MMPO_OK) << err_.message;
  EXPECT_EQ(of(listener.heard, 0), first);
  EXPECT_EQ(of(listener.heard, 1), (std::vector<int32_t>{second[0], second[1]}));
  // One at a time, the longer first, from the same streams.
  const std::vector<int64_t> streams = {0, 1};
  listener = {{}, -1, MMPO_GENERATION_GOES_ON};
  ASSERT_EQ(stream(hear, &listener, streams.data(), 1), MMPO_OK) << err_.message;
  EXPECT_EQ(of(listener.heard, 0), first);
  EXPECT_EQ(of(listener.heard, 1), second);
  // All end: what comes after it in the step, and prompts that have not begun, too.
  const int64_t begins = listener.heard.front().first;
  listener = {{}, begins, MMPO_GENERATION_ENDS};
  ASSERT_EQ(stream(hear, &listener, nullptr, 1), MMPO_OK) << err_.message;
  EXPECT_EQ(listener.heard.size(), 2U);
  expect_failure(stream(nullptr, nullptr, nullptr, 0), err_, MMPO_INVALID_ARGUMENT, {"hear must not be NULL"});
  expect_failure(stream(hear, &listener, nullptr, -1), err_, MMPO_INVALID_ARGUMENT, {"batch_size"});
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
