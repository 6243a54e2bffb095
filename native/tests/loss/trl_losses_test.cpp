// TRL's losses against shared/golden/trl_losses.json: its trainers' own lines, differentiated in float64.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "loss/loss_testing.h"
#include "shared.h"

namespace mmpo {
namespace {

using namespace mmpo::testing;
using nlohmann::json;

const std::map<std::string, int32_t> kLosses{{"sigmoid", MMPO_LOSS_DPO},       {"hinge", MMPO_LOSS_HINGE},
                                             {"ipo", MMPO_LOSS_IPO},           {"sigmoid_norm", MMPO_LOSS_SIGMOID_NORM},
                                             {"exo_pair", MMPO_LOSS_EXO_PAIR}, {"robust", MMPO_LOSS_ROBUST},
                                             {"discopop", MMPO_LOSS_DISCOPOP}, {"nca_pair", MMPO_LOSS_NCA_PAIR},
                                             {"bco_pair", MMPO_LOSS_BCO_PAIR}, {"sppo_hard", MMPO_LOSS_SPPO_HARD},
                                             {"apo_zero", MMPO_LOSS_APO_ZERO}, {"apo_down", MMPO_LOSS_APO_DOWN},
                                             {"aot", MMPO_LOSS_AOT},           {"aot_unpaired", MMPO_LOSS_AOT_UNPAIRED},
                                             {"sft", MMPO_LOSS_CHOSEN_NLL},    {"simpo", MMPO_LOSS_SIMPO}};
const std::map<std::string, int32_t> kDivergences{{"reverse_kl", MMPO_REVERSE_KL},
                                                  {"forward_kl", MMPO_FORWARD_KL},
                                                  {"js_divergence", MMPO_JENSEN_SHANNON},
                                                  {"alpha_divergence", MMPO_ALPHA_DIVERGENCE}};

void add_loss(mmpo_objective& objective, int32_t loss, double weight) {
  objective.losses[objective.num_losses] = loss;
  objective.loss_weights[objective.num_losses++] = weight;
}

// A variant's settings, in TRL's names, as an objective.
mmpo_objective objective_of(const json& settings) {
  mmpo_objective objective{};
  objective.ld_alpha = 1;
  objective.beta = settings["beta"];
  objective.label_smoothing = settings.value("label_smoothing", 0.0);
  objective.gamma = settings.value("simpo_gamma", 0.0);
  objective.discopop_tau = settings.value("discopop_tau", 0.05);
  objective.divergence = kDivergences.at(settings.value("f_divergence_type", "reverse_kl"));
  objective.divergence_alpha = settings.value("f_alpha_divergence_coef", 0.5);
  const std::string trainer = settings.value("trainer", "dpo");
  if (trainer == "orpo") {
    add_loss(objective, MMPO_LOSS_ORPO, 1);
    add_loss(objective, MMPO_LOSS_CHOSEN_NLL, 1);
  } else if (trainer == "cpo") {
    const std::string name = settings["loss_type"];
    add_loss(objective, kLosses.at(name), 1);
    objective.reference_free = 1;
    objective.length_normalize = name == "simpo" || name == "ipo";
    if (settings["cpo_alpha"] != 0.0) add_loss(objective, MMPO_LOSS_CHOSEN_NLL, settings["cpo_alpha"]);
  } else {
    const json& names = settings["loss_type"];
    for (size_t i = 0; i < names.size(); ++i) {
      const double weight = settings.contains("loss_weights") ? settings["loss_weights"][i].get<double>() : 1.0;
      add_loss(objective, kLosses.at(names[i]), weight);
    }
  }
  return objective;
}

std::vector<Pair> pairs_of(const json& inputs) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < inputs["chosen_logps"].size(); ++i) {
    pairs.push_back({inputs["chosen_logps"][i], inputs["rejected_logps"][i], inputs["ref_chosen_logps"][i],
                     inputs["ref_rejected_logps"][i], inputs["chosen_len"][i], inputs["rejected_len"][i]});
  }
  return pairs;
}

void expect_close(double found, const json& wanted, const std::string& what) {
  const double expected = wanted;
  EXPECT_NEAR(found, expected, 1e-12 + 1e-12 * std::abs(expected)) << what;
}

TEST(TrlLosses, EveryVariantHasTrlsValueAndGradient) {
  MMPO_READ_SHARED_JSON(golden, "golden/trl_losses.json");
  size_t num_compared = 0;
  for (const json& test_case : golden["cases"]) {
    const std::vector<Pair> pairs = pairs_of(test_case["inputs"]);
    const double count = static_cast<double>(pairs.size());
    for (const auto& [variant, wanted] : test_case["outputs"].items()) {
      const mmpo_objective objective = objective_of(golden["variants"][variant]);
      check_objective(objective);
      const BatchFacts facts = facts_of(objective, pairs);
      const std::string what = variant + " of " + std::to_string(pairs.size());
      const std::vector<PairTerms> terms = pair_losses(objective, facts, pairs);
      double sum = 0;
      for (size_t i = 0; i < pairs.size(); ++i) {
        sum += terms[i].loss;
        expect_close(terms[i].grad_chosen / count, wanted["grad_chosen_logps"][i], what + " chosen");
        expect_close(terms[i].grad_rejected / count, wanted["grad_rejected_logps"][i], what + " rejected");
      }
      expect_close(sum / count, wanted["mean_loss"], what);
      ++num_compared;
    }
  }
  EXPECT_EQ(num_compared, 5U * 30U);
}

}  // namespace
}  // namespace mmpo
