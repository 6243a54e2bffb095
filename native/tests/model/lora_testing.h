// Adapters against the decoder's twin (twin.h), which adds f * (mask * x) A^T B^T to a module's output and leaves the derivatives to
// autograd. The masks are the kernel's own (kernels/dropout_test.cpp says what they are), taken at the rows' numbers.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <optional>

#include "kernels/dropout_linear.h"
#include "model/lora.h"
#include "model/twin.h"
#include "train/trainer.h"

namespace mmpo::testing {

inline constexpr int32_t kAttention = module_set({MMPO_MODULE_Q, MMPO_MODULE_K, MMPO_MODULE_V, MMPO_MODULE_O});
inline const std::vector<std::string> kModuleNames = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                                      "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                                      "mlp.down_proj"};

inline UniformLora lora(int64_t rank, double dropout, int32_t targets = kAllLinear) {
  return {rank, 2.0 / static_cast<double>(rank), dropout, 77, targets};
}

// A model with an adapter whose B is not zero.
inline std::unique_ptr<Model> adapted_model(const UniformLora& settings, at::ScalarType dtype = at::kFloat,
                                            const mmpo_model_config& config = random_config(),
                                            WeightForm form = WeightForm::kPlain) {
  auto model = random_model(config, 4, dtype, form);
  set_adapter(*model, settings);
  Adapter& adapter = *model->decoder().adapter();
  for (const Parameter& parameter : adapter.layout().parameters()) {
    if (parameter.name.ends_with("lora_B.weight")) {
      adapter.flat().narrow(0, parameter.offset, parameter.size()).normal_(0, 0.2);
    }
  }
  adapter.refresh();
  return model;
}

// A mask [rows, columns] of ones and zeros, of the pass's rows.
inline Tensor mask(const DropoutPass& pass, const std::string& module, int64_t columns) {
  const size_t dot = module.find('.', std::string("model.layers.").size());
  const auto layer = static_cast<uint32_t>(std::stoul(module.substr(std::string("model.layers.").size())));
  const auto number = std::ranges::find(kModuleNames, module.substr(dot + 1)) - kModuleNames.begin();
  const int64_t num_rows = pass.numbers_T.size(0);
  Tensor kept = at::empty({num_rows, columns});
  dropout(at::ones({num_rows, columns}),
          {pass.key, layer * 7 + static_cast<uint32_t>(number), pass.threshold, 0,
           pass.numbers_T.const_data_ptr<int64_t>()},
          kept);
  return kept.to(at::kDouble);
}

// Summed log-probability of every completion by the twin, completions of the groups in order, under the masks of the update after
// num_steps, in which the first group has that number; none: without dropout.
struct Masks {
  int64_t num_steps = 0;
  int64_t first_group = 0;
};
inline std::vector<Tensor> twin_logps(Twin& twin, const Model& model,
                                      const std::function<double(const std::string& module)>& scaling,
                                      const std::vector<Group>& groups, std::optional<Masks> masks) {
  std::vector<Tensor> sums;
  int64_t number = masks ? masks->first_group << 32 : 0;  // of the group's first token
  for (const Group& group : groups) {
    const auto prompt_rows = static_cast<int64_t>(group.prompt.size());
    int64_t of_completion = number + prompt_rows;
    for (const auto& completion : group.completions) {
      const auto rows = static_cast<int64_t>(completion.size());
      const Tensor numbers = at::cat({at::arange(number, number + prompt_rows, at::kLong),
                                      at::arange(of_completion, of_completion + rows, at::kLong)});
      of_completion += rows;
      const DropoutPass pass =
          masks ? model.decoder().adapter()->dropout_pass(masks->num_steps, numbers) : DropoutPass();
      twin.set_addition([&](const std::string& module, const Tensor& x) {
        const std::string name = "base_model.model." + module;
        if (!twin.has_parameter(name + ".lora_A.weight")) return at::zeros({1}, at::kDouble);
        const Tensor kept = pass.drops() ? x * mask(pass, module, x.size(1)) * pass.scale() : x;
        const Tensor low = kept.mm(twin.parameter(name + ".lora_A.weight").t());
        return scaling(module) * low.mm(twin.parameter(name + ".lora_B.weight").t());
      });
      sums.push_back(twin.token_logps(group.prompt, completion).sum());
    }
    number += int64_t{1} << 32;
  }
  EXPECT_TRUE(model.decoder().adapter() != nullptr);
  return sums;
}

inline std::vector<Tensor> twin_logps(Twin& twin, const Model& model, const UniformLora& settings,
                                      const std::vector<Group>& groups, std::optional<Masks> masks) {
  return twin_logps(twin, model, [&](const std::string&) { return settings.scaling; }, groups, masks);
}

inline Tensor sum(const std::vector<Tensor>& values) { return at::stack(values).sum(); }

inline Trainer::Result accumulate_sft(Trainer& trainer, const std::vector<Group>& groups, double scale = 1) {
  const BatchBuilder builder = packed(groups);
  const mmpo_batch batch = builder.batch();
  mmpo_objective settings = objective(MMPO_LOSS_SFT, 1);
  settings.scale = scale;
  return trainer.accumulate(batch, Objective(settings, batch, {}, std::nullopt));
}

inline void expect_gradients(const Twin& twin, Trainer& trainer, double limit) {
  for (const Parameter& parameter : trainer.layout().parameters()) {
    SCOPED_TRACE(parameter.name);
    const Tensor expected = twin.parameter(parameter.name).grad();
    const Tensor found = trainer.gradients().cpu().narrow(0, parameter.offset, parameter.size());
    ASSERT_GT(expected.norm().item<double>(), 1e-4);
    EXPECT_LT(relative_difference(found, expected), limit);
  }
}

}  // namespace mmpo::testing
