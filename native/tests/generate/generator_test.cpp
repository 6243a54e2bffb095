// Cached, batched decoding against scoring without a cache, and sequences against the same alone.
#include "generate/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/error.h"
#include "model_testing.h"

namespace mmpo {
namespace {

using testing::BatchBuilder;
using testing::random_config;
using Tokens = BatchBuilder::Tokens;
using Sequences = std::vector<Tokens>;

mmpo_sampling greedy(int64_t max_new_tokens) {
  return {.temperature = 0, .top_p = 1, .top_k = 0, .seed = 0, .max_new_tokens = max_new_tokens};
}

mmpo_sampling random(uint64_t seed, int64_t max_new_tokens) {
  return {.temperature = 1, .top_p = 1, .top_k = 0, .seed = seed, .max_new_tokens = max_new_tokens};
}

Sequences generate_all(Model& model, const Sequences& prompts, const mmpo_sampling& sampling,
                       const Tokens& stops = {}) {
  Tokens tokens;
  Tokens lengths;
  for (const Tokens& prompt : prompts) {
    tokens.insert(tokens.end(), prompt.begin(), prompt.end());
    lengths.push_back(static_cast<int32_t>(prompt.size()));
  }
  return generate(model, {tokens.data(), lengths}, stops, sampling);
}

// Each prompt with a stream of its own, so many at a time.
Sequences generate_in_batches(Model& model, const Sequences& prompts, const std::vector<int64_t>& streams,
                              int64_t batch_size, const mmpo_sampling& sampling, const Tokens& stops) {
  Tokens tokens;
  Tokens lengths;
  for (const Tokens& prompt : prompts) {
    tokens.insert(tokens.end(), prompt.begin(), prompt.end());
    lengths.push_back(static_cast<int32_t>(prompt.size()));
  }
  return generate(model, {tokens.data(), lengths, streams, batch_size}, stops, sampling);
}

Sequences random_prompts(const std::vector<size_t>& lengths) {
  at::manual_seed(31);
  Sequences prompts;
  for (const size_t length : lengths) prompts.push_back(testing::random_tokens(length, random_config().vocab_size));
  return prompts;
}

// Log-probability of every token of the vocabulary after the prefix: as many completions of one token.
Tensor next_logps(Model& model, const Tokens& prefix) {
  Sequences completions;
  for (int32_t token = 0; token < random_config().vocab_size; ++token) completions.push_back({token});
  BatchBuilder builder;
  builder.add(prefix, completions);
  std::vector<float> logps;
  for (const auto& values : testing::token_logps(model, builder.batch())) logps.push_back(values[0]);
  return at::tensor(logps);
}

class Greedy : public ::testing::TestWithParam<std::tuple<at::ScalarType, bool>> {};

TEST_P(Greedy, EqualsTheArgmaxOfAFullForwardAtEachPosition) {
  const auto [type, is_llama] = GetParam();
  const auto model = testing::random_model(is_llama ? random_config() : testing::unlike_llama(), 12, type);
  const Sequences prompts = random_prompts({1, 9, 64, 130});
  const Sequences sequences = generate_all(*model, prompts, greedy(12));
  std::set<int32_t> distinct;
  for (size_t i = 0; i < prompts.size(); ++i) {
    ASSERT_EQ(sequences[i].size(), 12U);
    Tokens prefix = prompts[i];
    for (const int32_t token : sequences[i]) {
      const Tensor logps = next_logps(*model, prefix);
      if (type == at::kFloat) {
        EXPECT_EQ(logps.argmax().item<int64_t>(), token);
      }
      // bfloat16 logits near 4 are 1/64 apart: the two roads may round to other neighbours, or a tie.
      EXPECT_GE(logps[token].item<double>(), logps.max().item<double>() - 0.05) << "sequence " << i;
      prefix.push_back(token);
      distinct.insert(token);
    }
  }
  // Not one token over and over.
  EXPECT_GT(distinct.size(), 8U);
}

INSTANTIATE_TEST_SUITE_P(Types, Greedy,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kBFloat16), ::testing::Bool()),
                         [](const auto& test) {
                           return std::string(c10::toString(std::get<0>(test.param))) +
                                  (std::get<1>(test.param) ? "" : "UnlikeLlama");
                         });

// Texts that end at different times and give their places to others; prompts whose beginnings are those of others, as they are where all
// have one instruction: some begin with all of another prompt, and two are the same.
class Batches : public ::testing::TestWithParam<std::tuple<at::ScalarType, double>> {};

TEST_P(Batches, NoTextDependsOnTheBatch) {
  const auto [type, temperature] = GetParam();
  const auto model = testing::random_model(random_config(), 13, type);
  Sequences prompts = random_prompts({1,  5,  63, 2, 64, 1,  130, 17, 3,  40, 70, 9, 22, 8,  300, 12, 31, 33,
                                      50, 65, 90, 4, 11, 19, 26,  80, 97, 6,  7,  2, 15, 29, 36,  41, 58, 66});
  for (const size_t i : {1, 2, 4, 7, 9, 10, 12, 20}) {
    prompts[i].insert(prompts[i].begin(), prompts[6].begin(), prompts[6].begin() + static_cast<int64_t>(5 * i));
  }
  prompts[22] = prompts[18];
  prompts[22].push_back(77);
  prompts[23] = prompts[18];
  const Tokens stops = {7, 70, 100, 101, 102, 103};
  const mmpo_sampling sampling{.temperature = temperature, .top_p = 0.95, .top_k = 50, .seed = 3, .max_new_tokens = 20};
  std::vector<int64_t> streams;
  for (size_t i = 0; i < prompts.size(); ++i) streams.push_back(static_cast<int64_t>(1000 + 3 * i));
  Sequences alone;
  std::set<size_t> lengths;
  for (size_t i = 0; i < prompts.size(); ++i) {
    alone.push_back(generate_in_batches(*model, {prompts[i]}, {streams[i]}, 1, sampling, stops)[0]);
    lengths.insert(alone.back().size());
  }
  EXPECT_GT(lengths.size(), 5U);
  for (const int64_t batch_size : {1, 7, 32, 0}) {
    const Sequences together = generate_in_batches(*model, prompts, streams, batch_size, sampling, stops);
    for (size_t i = 0; i < prompts.size(); ++i)
      EXPECT_EQ(together[i], alone[i]) << "sequence " << i << ", batches of " << batch_size;
  }
  // In another order they are other neighbours.
  std::ranges::reverse(prompts);
  std::ranges::reverse(streams);
  Sequences reversed = generate_in_batches(*model, prompts, streams, 7, sampling, stops);
  std::ranges::reverse(reversed);
  EXPECT_EQ(reversed, alone);
}

INSTANTIATE_TEST_SUITE_P(Types, Batches,
                         ::testing::Combine(::testing::Values(at::kFloat, at::kBFloat16), ::testing::Values(0.0, 1.5)),
                         [](const auto& test) {
                           return std::string(c10::toString(std::get<0>(test.param))) +
                                  (std::get<1>(test.param) == 0 ? "Greedy" : "Sampled");
                         });

// Prompts are read 8,192 tokens at a time.
TEST(Generate, PromptsBeyondOneReadEqualTheSameAlone) {
  const auto model = testing::random_model(random_config(), 14);
  const Sequences prompts = random_prompts({900, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 800, 4});
  const Sequences together = generate_all(*model, prompts, greedy(5));
  for (const size_t i : {0, 7, 8, 9, 10}) EXPECT_EQ(generate_all(*model, {prompts[i]}, greedy(5))[0], together[i]) << i;
}

TEST(Generate, AStopTokenIsKeptAndEndsItsSequence) {
  const auto model = testing::random_model(random_config(), 15);
  const Sequences prompts = random_prompts({6, 30});
  const Sequences free = generate_all(*model, prompts, greedy(16));
  const int32_t stop = free[0][4];
  const Sequences stopped = generate_all(*model, prompts, greedy(16), {stop});
  const auto first = std::find(free[0].begin(), free[0].end(), stop) + 1;
  EXPECT_EQ(stopped[0], Tokens(free[0].begin(), first));
  const auto other = std::find(free[1].begin(), free[1].end(), stop);
  EXPECT_EQ(stopped[1], Tokens(free[1].begin(), other == free[1].end() ? other : other + 1));
}

// Rotary positions have no end: neither prompts nor answers are cut, and the cache grows with them, to the same tokens.
TEST(Generate, GoesOnBeyondTheModelsPositions) {
  const auto roomy = testing::random_model(random_config(), 16);
  mmpo_model_config config = random_config();
  config.max_positions = 20;
  const auto model = testing::random_model(config, 16);
  const Sequences prompts = random_prompts({19, 12, 1, 45});
  EXPECT_EQ(generate_all(*model, prompts, greedy(60)), generate_all(*roomy, prompts, greedy(60)));
}

TEST(Generate, ALimitThatNoSequenceReachesTakesNoMemory) {
  const auto model = testing::random_model(random_config(), 16);
  const Sequences prompts = random_prompts({19, 12});
  const Tokens free = generate_all(*model, prompts, greedy(8))[0];
  const Sequences stopped = generate_all(*model, {prompts[0]}, greedy(2147483647), {free[5]});
  const auto first = std::find(free.begin(), free.end(), free[5]) + 1;
  EXPECT_EQ(stopped[0], Tokens(free.begin(), first));
}

TEST(Generate, SampledTextDependsOnSeedAndPlaceNotOnNeighbours) {
  const auto model = testing::random_model(random_config(), 17);
  const Sequences prompts = random_prompts({6, 30, 11, 6});
  const Sequences first = generate_all(*model, prompts, random(1, 12));
  EXPECT_EQ(generate_all(*model, prompts, random(1, 12)), first);
  EXPECT_NE(generate_all(*model, prompts, random(2, 12)), first);
  const Sequences other_neighbour =
      generate_all(*model, {prompts[0], prompts[2], prompts[2], prompts[3]}, random(1, 12));
  EXPECT_EQ(other_neighbour[0], first[0]);
  EXPECT_NE(other_neighbour[1], first[1]);
  EXPECT_EQ(other_neighbour[2], first[2]);
  EXPECT_EQ(other_neighbour[3], first[3]);
  // The same prompt in two places draws from two streams.
  EXPECT_NE(other_neighbour[1], other_neighbour[2]);
}

TEST(Generate, NamesThePromptThatDoesNotFit) {
  const auto model = testing::random_model(random_config(), 18);
  const auto message = [&](const Sequences& prompts) -> std::string {
    try {
      generate_all(*model, prompts, greedy(1));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), MMPO_INVALID_ARGUMENT);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({{1}, {}}), "prompt 1 is empty");
  EXPECT_EQ(message({{1}, {2, 131}}), "prompt 1 holds token 131, outside the model's vocabulary of 131");
  EXPECT_EQ(message({{-1}}), "prompt 0 holds token -1, outside the model's vocabulary of 131");
}

// A training run that went wrong must not end the process when it generates.
TEST(Generate, DamagedWeightsAreAnError) {
  const auto model = testing::random_model(random_config(), 19);
  model->decoder().flat().fill_(std::numeric_limits<float>::quiet_NaN());
  try {
    generate_all(*model, {{1, 2}}, random(1, 4));
    ADD_FAILURE() << "generated from NaN";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), MMPO_NON_FINITE);
  }
}

}  // namespace
}  // namespace mmpo
