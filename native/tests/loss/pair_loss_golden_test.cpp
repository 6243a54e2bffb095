// Every loss against shared/golden/losses.json: made by PyTorch autograd in float64, checked there by closed forms in numpy.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "loss/dpo.h"
#include "loss/mmpo.h"
#include "loss/pair_loss.h"
#include "loss/simpo.h"
#include "shared.h"

namespace mmpo {
namespace {

using nlohmann::json;

// Owns what the spans of BasicPairInputs point to.
template <typename T>
struct Batch {
  std::vector<T> chosen, rejected, ref_chosen, ref_rejected;
  std::vector<int32_t> chosen_lengths, rejected_lengths;

  explicit Batch(const json& inputs)
      : chosen(inputs["chosen_logps"]), rejected(inputs["rejected_logps"]), ref_chosen(inputs["ref_chosen_logps"]),
        ref_rejected(inputs["ref_rejected_logps"]), chosen_lengths(inputs["chosen_len"]),
        rejected_lengths(inputs["rejected_len"]) {}

  BasicPairInputs<T> inputs() const {
    return {chosen, rejected, ref_chosen, ref_rejected, chosen_lengths, rejected_lengths};
  }
};

mmpo_objective mmpo_objective_of(double aux_weight, bool normalize, bool length_normalize) {
  mmpo_objective objective{};
  objective.loss = MMPO_LOSS_MMPO;
  objective.beta = 0.01;
  objective.reward_epsilon = 0.9;
  objective.aux_weight = aux_weight;
  objective.normalize = normalize;
  objective.length_normalize = length_normalize;
  return objective;
}

mmpo_objective dpo_objective(double label_smoothing) {
  mmpo_objective objective{};
  objective.loss = MMPO_LOSS_DPO;
  objective.beta = 0.1;
  objective.label_smoothing = label_smoothing;
  return objective;
}

mmpo_objective simpo_objective(bool length_normalize) {
  mmpo_objective objective{};
  objective.loss = MMPO_LOSS_SIMPO;
  objective.beta = 2;
  objective.gamma = 1;
  objective.length_normalize = length_normalize;
  return objective;
}

template <typename T>
using Loss = std::function<BasicPairOutputs<T>(const BasicPairInputs<T>&)>;

template <typename T>
Loss<T> by_objective(const mmpo_objective& objective) {
  return [objective](const BasicPairInputs<T>& inputs) { return pair_loss<T>(objective, inputs); };
}

// The variant whose reference is not divided by length is not an objective: the pure function has both flags.
template <typename T>
Loss<T> mmpo_policy_by_length(double aux_weight) {
  return [aux_weight](const BasicPairInputs<T>& inputs) {
    return mmpo_losses<T>({.beta = 0.01,
                           .reward_epsilon = 0.9,
                           .aux_weight = aux_weight,
                           .normalize = true,
                           .length_normalize_policy = true,
                           .length_normalize_reference = false},
                          inputs, std::nullopt);
  };
}

template <typename T>
std::map<std::string, Loss<T>> variants() {
  return {{"mmpo", by_objective<T>(mmpo_objective_of(1, true, false))},
          {"mmpo_no_aux", by_objective<T>(mmpo_objective_of(0, true, false))},
          {"mmpo_no_norm", by_objective<T>(mmpo_objective_of(1, false, false))},
          {"mmpo_no_aux_no_norm", by_objective<T>(mmpo_objective_of(0, false, false))},
          {"mmpo_lennorm_policy", mmpo_policy_by_length<T>(1)},
          {"mmpo_no_aux_lennorm_policy", mmpo_policy_by_length<T>(0)},
          {"mmpo_lennorm_both", by_objective<T>(mmpo_objective_of(1, true, true))},
          {"mmpo_no_aux_lennorm_both", by_objective<T>(mmpo_objective_of(0, true, true))},
          {"dpo", by_objective<T>(dpo_objective(0))},
          {"dpo_label_smoothing_0.1", by_objective<T>(dpo_objective(0.1))},
          {"simpo_length_normalised", by_objective<T>(simpo_objective(true))},
          {"simpo_paper_variant", by_objective<T>(simpo_objective(false))}};
}

struct Tolerance {
  double relative;
  double losses;  // absolute, as the next two
  double gradients;
  double rewards;
};

template <typename T>
void expect_close(const std::vector<T>& actual, const json& wanted, double factor, double absolute, double relative,
                  const std::string& what) {
  ASSERT_EQ(actual.size(), wanted.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double expected = wanted[i].get<double>() * factor;
    EXPECT_NEAR(static_cast<double>(actual[i]), expected, absolute + relative * std::abs(expected))
        << what << '[' << i << ']';
  }
}

// The file's gradients are those of the mean loss, ours each pair's own.
template <typename T>
void expect_equal(const BasicPairOutputs<T>& actual, const json& wanted, const Tolerance& tolerance,
                  const std::string& what) {
  const double num_pairs = static_cast<double>(actual.losses.size());
  expect_close(actual.losses, wanted["losses"], 1, tolerance.losses, tolerance.relative, what + " losses");
  expect_close(actual.grad_chosen, wanted["grad_chosen_logps"], num_pairs, tolerance.gradients, tolerance.relative,
               what + " grad_chosen");
  expect_close(actual.grad_rejected, wanted["grad_rejected_logps"], num_pairs, tolerance.gradients, tolerance.relative,
               what + " grad_rejected");
  expect_close(actual.chosen_rewards, wanted["chosen_rewards"], 1, tolerance.rewards, tolerance.relative,
               what + " chosen_rewards");
  expect_close(actual.rejected_rewards, wanted["rejected_rewards"], 1, tolerance.rewards, tolerance.relative,
               what + " rejected_rewards");
}

// 16 pairs' worth of autograd's own rounding, at most 7e-15 a pair, is in the stored gradients.
constexpr Tolerance kDouble{.relative = 1e-12, .losses = 1e-12, .gradients = 1e-13, .rewards = 1e-12};
// Differences of inputs that reach thousands carry their float rounding into z, hence the absolute part.
constexpr Tolerance kFloat{.relative = 1e-5, .losses = 1e-5, .gradients = 1e-5, .rewards = 1e-5};

template <typename T>
void compare_all(const json& golden, const Tolerance& tolerance) {
  const auto losses = variants<T>();
  size_t num_compared = 0;
  for (const json& test_case : golden["cases"]) {
    const Batch<T> batch(test_case["inputs"]);
    for (const auto& [variant, wanted] : test_case["outputs"].items()) {
      // TRL's `robust` DPO is no loss of this project: DESIGN names label_smoothing alone, which is the conservative form.
      if (variant == "dpo_robust_0.1") continue;
      ASSERT_TRUE(losses.contains(variant)) << "golden variant " << variant << " has no loss here";
      expect_equal(losses.at(variant)(batch.inputs()), wanted, tolerance,
                   test_case["name"].get<std::string>() + ' ' + variant);
      ++num_compared;
    }
  }
  EXPECT_EQ(num_compared, 9U * 12U);
}

TEST(PairLossGolden, EveryVariantInDouble) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  compare_all<double>(golden, kDouble);
}

TEST(PairLossGolden, EveryVariantInFloat) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  compare_all<float>(golden, kFloat);
}

TEST(PairLossGolden, AtAuxWeightOneTheGradientIsExact) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  for (const json& test_case : golden["cases"]) {
    const Batch<double> batch(test_case["inputs"]);
    const PairOutputs out = pair_loss(mmpo_objective_of(1, true, false), batch.inputs());
    for (size_t pair = 0; pair < out.losses.size(); ++pair) {
      EXPECT_EQ(out.grad_chosen[pair], -1.0);
      EXPECT_EQ(out.grad_rejected[pair], 0.0);
      EXPECT_EQ(out.losses[pair], -out.chosen_rewards[pair]);
    }
  }
}

// Two ranks of four pairs normalise with the minimum of one and the maximum of the other.
TEST(PairLossGolden, RanksNormaliseWithTheRangeOfAll) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  const json& two_rank = golden["two_rank"];
  for (const double aux_weight : {1.0, 0.0}) {
    const json& wanted = two_rank["variants"][aux_weight == 1.0 ? "mmpo" : "mmpo_no_aux"];
    const MmpoLoss loss{.beta = 0.01,
                        .reward_epsilon = 0.9,
                        .aux_weight = aux_weight,
                        .normalize = true,
                        .length_normalize_policy = false,
                        .length_normalize_reference = false};
    const Batch<double> ranks[] = {Batch<double>(two_rank["inputs"][0]), Batch<double>(two_rank["inputs"][1])};
    const RewardRange own[] = {mmpo_reward_range(loss, ranks[0].inputs()), mmpo_reward_range(loss, ranks[1].inputs())};
    const RewardRange all{std::min(own[0].min, own[1].min), std::max(own[0].max, own[1].max)};
    EXPECT_NEAR(all.min, wanted["gathered_min"].get<double>(), 1e-12);
    EXPECT_NEAR(all.max, wanted["gathered_max"].get<double>(), 1e-12);
    double sum = 0;
    for (size_t rank = 0; rank < 2; ++rank) {
      const PairOutputs out = pair_loss(mmpo_objective_of(aux_weight, true, false), ranks[rank].inputs(), all);
      expect_equal(out, wanted["ranks"][rank], kDouble, "rank " + std::to_string(rank));
      for (const double value : out.losses) sum += value;
    }
    EXPECT_NEAR(sum / 8, wanted["global_mean_loss"].get<double>(), 1e-10);
  }
}

}  // namespace
}  // namespace mmpo
