// Every loss against shared/golden/losses.json: made by PyTorch autograd in float64, checked there by closed forms in numpy.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "loss/loss_testing.h"
#include "shared.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;
using nlohmann::json;

mmpo_objective mmpo_objective_of(double aux_weight, bool normalize, bool length_normalize) {
  mmpo_objective objective = objective_of(MMPO_LOSS_MMPO, 0.01);
  objective.aux_weight = aux_weight;
  objective.normalize = normalize;
  objective.length_normalize = length_normalize;
  return objective;
}

mmpo_objective dpo_objective(int32_t loss, double label_smoothing) {
  mmpo_objective objective = objective_of(loss, 0.1);
  objective.label_smoothing = label_smoothing;
  return objective;
}

mmpo_objective simpo_objective(bool length_normalize) {
  mmpo_objective objective = objective_of(MMPO_LOSS_SIMPO, 2);
  objective.gamma = 1;
  objective.length_normalize = length_normalize;
  return objective;
}

struct Outcome {
  std::vector<PairTerms> terms;
  std::vector<PairRewards> rewards;
};
using Loss = std::function<Outcome(const std::vector<Pair>&)>;

Loss by_objective(const mmpo_objective& objective) {
  return [objective](const std::vector<Pair>& pairs) {
    const BatchFacts facts = facts_of(objective, pairs);
    Outcome out{pair_losses(objective, facts, pairs), {}};
    for (const Pair& pair : pairs) out.rewards.push_back(pair_rewards(objective, facts, pair));
    return out;
  };
}

// The variant whose reference is not divided by length is not an objective: the pure function has both flags.
Loss mmpo_policy_by_length(double aux_weight) {
  return [aux_weight](const std::vector<Pair>& pairs) {
    const MmpoLoss loss{.beta = 0.01,
                        .reward_epsilon = 0.9,
                        .aux_weight = aux_weight,
                        .normalize = true,
                        .length_normalize_policy = true,
                        .length_normalize_reference = false};
    const RewardRange range = facts_of(mmpo_objective_of(aux_weight, true, false), pairs).reward_range;
    Outcome out;
    for (const Pair& pair : pairs) {
      out.terms.push_back(mmpo_terms(loss, pair, range));
      out.rewards.push_back(mmpo_scores(loss, pair, range));
    }
    return out;
  };
}

std::map<std::string, Loss> variants() {
  return {{"mmpo", by_objective(mmpo_objective_of(1, true, false))},
          {"mmpo_no_aux", by_objective(mmpo_objective_of(0, true, false))},
          {"mmpo_no_norm", by_objective(mmpo_objective_of(1, false, false))},
          {"mmpo_no_aux_no_norm", by_objective(mmpo_objective_of(0, false, false))},
          {"mmpo_lennorm_policy", mmpo_policy_by_length(1)},
          {"mmpo_no_aux_lennorm_policy", mmpo_policy_by_length(0)},
          {"mmpo_lennorm_both", by_objective(mmpo_objective_of(1, true, true))},
          {"mmpo_no_aux_lennorm_both", by_objective(mmpo_objective_of(0, true, true))},
          {"dpo", by_objective(dpo_objective(MMPO_LOSS_DPO, 0))},
          {"dpo_label_smoothing_0.1", by_objective(dpo_objective(MMPO_LOSS_DPO, 0.1))},
          {"dpo_robust_0.1", by_objective(dpo_objective(MMPO_LOSS_ROBUST, 0.1))},
          {"simpo_length_normalised", by_objective(simpo_objective(true))},
          {"simpo_paper_variant", by_objective(simpo_objective(false))}};
}

std::vector<Pair> pairs_of(const json& inputs) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < inputs["chosen_logps"].size(); ++i) {
    pairs.push_back({inputs["chosen_logps"][i], inputs["rejected_logps"][i], inputs["ref_chosen_logps"][i],
                     inputs["ref_rejected_logps"][i], inputs["chosen_len"][i], inputs["rejected_len"][i]});
  }
  return pairs;
}

// The file's gradients are those of the mean loss, ours each pair's own; 16 pairs' worth of autograd's own rounding, at most
// 7e-15 a pair, is in the stored ones.
void expect_equal(const Outcome& actual, const json& wanted, const std::string& what) {
  const double num_pairs = static_cast<double>(actual.terms.size());
  const auto expect_close = [&](double found, double expected, double absolute) {
    EXPECT_NEAR(found, expected, absolute + 1e-12 * std::abs(expected)) << what;
  };
  ASSERT_EQ(actual.terms.size(), wanted["losses"].size()) << what;
  for (size_t i = 0; i < actual.terms.size(); ++i) {
    expect_close(actual.terms[i].loss, wanted["losses"][i], 1e-12);
    expect_close(actual.terms[i].grad_chosen, wanted["grad_chosen_logps"][i].get<double>() * num_pairs, 1e-13);
    expect_close(actual.terms[i].grad_rejected, wanted["grad_rejected_logps"][i].get<double>() * num_pairs, 1e-13);
    expect_close(actual.rewards[i].chosen, wanted["chosen_rewards"][i], 1e-12);
    expect_close(actual.rewards[i].rejected, wanted["rejected_rewards"][i], 1e-12);
  }
}

TEST(PairLossGolden, EveryVariantInDouble) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  const auto losses = variants();
  size_t num_compared = 0;
  for (const json& test_case : golden["cases"]) {
    for (const auto& [variant, wanted] : test_case["outputs"].items()) {
      ASSERT_TRUE(losses.contains(variant)) << "golden variant " << variant << " has no loss here";
      expect_equal(losses.at(variant)(pairs_of(test_case["inputs"])), wanted,
                   test_case["name"].get<std::string>() + ' ' + variant);
      ++num_compared;
    }
  }
  EXPECT_EQ(num_compared, 9U * 13U);
}

TEST(PairLossGolden, AtAuxWeightOneTheGradientIsExact) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  for (const json& test_case : golden["cases"]) {
    const Outcome out = by_objective(mmpo_objective_of(1, true, false))(pairs_of(test_case["inputs"]));
    for (size_t i = 0; i < out.terms.size(); ++i) {
      EXPECT_EQ(out.terms[i].grad_chosen, -1.0);
      EXPECT_EQ(out.terms[i].grad_rejected, 0.0);
      EXPECT_EQ(out.terms[i].loss, -out.rewards[i].chosen);
    }
  }
}

// Two ranks of four pairs normalise with the minimum of one and the maximum of the other.
TEST(PairLossGolden, RanksNormaliseWithTheRangeOfAll) {
  MMPO_READ_SHARED_JSON(golden, "golden/losses.json");
  const json& two_rank = golden["two_rank"];
  for (const double aux_weight : {1.0, 0.0}) {
    const json& wanted = two_rank["variants"][aux_weight == 1.0 ? "mmpo" : "mmpo_no_aux"];
    const mmpo_objective objective = mmpo_objective_of(aux_weight, true, false);
    const std::vector<Pair> ranks[] = {pairs_of(two_rank["inputs"][0]), pairs_of(two_rank["inputs"][1])};
    const RewardRange own[] = {facts_of(objective, ranks[0]).reward_range, facts_of(objective, ranks[1]).reward_range};
    const RewardRange all{std::min(own[0].min, own[1].min), std::max(own[0].max, own[1].max)};
    EXPECT_NEAR(all.min, wanted["gathered_min"].get<double>(), 1e-12);
    EXPECT_NEAR(all.max, wanted["gathered_max"].get<double>(), 1e-12);
    double sum = 0;
    for (size_t rank = 0; rank < 2; ++rank) {
      const BatchFacts facts = facts_of(objective, ranks[rank], all);
      Outcome out{pair_losses(objective, facts, ranks[rank]), {}};
      for (const Pair& pair : ranks[rank]) out.rewards.push_back(pair_rewards(objective, facts, pair));
      expect_equal(out, wanted["ranks"][rank], "rank " + std::to_string(rank));
      for (const PairTerms& terms : out.terms) sum += terms.loss;
    }
    EXPECT_NEAR(sum / 8, wanted["global_mean_loss"].get<double>(), 1e-10);
  }
}

}  // namespace
}  // namespace mmpo
