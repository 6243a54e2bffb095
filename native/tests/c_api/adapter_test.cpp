#include <functional>

#include "c_api/c_api_testing.h"

namespace mmpo {
namespace {

using testing::CApi;
using testing::expect_failure;

class AdapterCApi : public CApi {
 protected:
  void SetUp() override {
    CApi::SetUp();
    mmpo_trainer_free(trainer_);
    trainer_ = nullptr;
  }

  int32_t set_adapter(const mmpo_lora_config& lora, const std::vector<mmpo_tensor>& tensors = {}) {
    return mmpo_model_set_adapter(model_, &lora, tensors.empty() ? nullptr : tensors.data(),
                                  static_cast<int64_t>(tensors.size()), &err_);
  }

  // What the model's adapter holds, as an input for another model: names and data are the adapter's own.
  std::vector<mmpo_tensor> parameters() {
    int64_t count = 0;
    EXPECT_EQ(mmpo_adapter_num_parameters(model_, &count, &err_), MMPO_OK);
    std::vector<mmpo_tensor> tensors(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(mmpo_adapter_parameter(model_, i, &tensors[static_cast<size_t>(i)], &err_), MMPO_OK);
    }
    return tensors;
  }

  mmpo_lora_config lora_{4, 2, 0.1, 9, MMPO_MODULE_Q | MMPO_MODULE_DOWN};
};

TEST_F(AdapterCApi, SettingsNameWhatIsWrong) {
  const std::vector<std::pair<std::string, std::function<void(mmpo_lora_config&)>>> breaches = {
      {"rank", [](auto& c) { c.rank = 0; }},
      {"scaling", [](auto& c) { c.scaling = 0; }},
      {"scaling", [](auto& c) { c.scaling = std::numeric_limits<double>::infinity(); }},
      {"lora_dropout", [](auto& c) { c.dropout = 1; }},
      {"lora_dropout", [](auto& c) { c.dropout = std::numeric_limits<double>::quiet_NaN(); }},
      {"targets", [](auto& c) { c.targets = 0; }},
      {"targets", [](auto& c) { c.targets = 128; }}};
  for (const auto& [name, breach] : breaches) {
    mmpo_lora_config lora = lora_;
    breach(lora);
    expect_failure(set_adapter(lora), err_, MMPO_INVALID_ARGUMENT, {name});
  }
  EXPECT_TRUE(parameters().empty());
}

TEST_F(AdapterCApi, RefusesWeightsThatDoNotFitAndNamesThem) {
  ASSERT_EQ(set_adapter(lora_), MMPO_OK) << err_.message;
  const std::vector<mmpo_tensor> whole = parameters();
  EXPECT_EQ(whole.size(), 2U * 2 * 2);  // layers, modules, A and B
  mmpo_model* model = nullptr;
  ASSERT_EQ(
      mmpo_model_create(&config_, weights_.tensors().data(), num_tensors(), MMPO_FLOAT32, MMPO_CPU, &model, &err_),
      MMPO_OK);
  const auto try_set = [&](const std::vector<mmpo_tensor>& tensors) {
    return mmpo_model_set_adapter(model, &lora_, tensors.data(), static_cast<int64_t>(tensors.size()), &err_);
  };
  std::vector<mmpo_tensor> tensors = whole;
  tensors.pop_back();
  expect_failure(try_set(tensors), err_, MMPO_INVALID_MODEL, {whole.back().name, "missing", "adapter_config.json"});
  tensors = whole;
  tensors[0].shape[0] = 5;
  expect_failure(try_set(tensors), err_, MMPO_INVALID_MODEL, {whole[0].name, "[5, 40]", "[4, 40]"});
  tensors = whole;
  tensors[0].name = "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight";
  expect_failure(try_set(tensors), err_, MMPO_INVALID_MODEL, {tensors[0].name, "does not belong"});
  EXPECT_EQ(try_set(whole), MMPO_OK) << err_.message;
  expect_failure(try_set(whole), err_, MMPO_INVALID_ARGUMENT, {"adapter already"});
  mmpo_model_free(model);
}

TEST_F(AdapterCApi, ATrainerTrainsTheAdapterAlone) {
  ASSERT_EQ(set_adapter(lora_), MMPO_OK) << err_.message;
  const mmpo_optimizer_config optimizer{0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_SELECTIVE, MMPO_ADAMW, 0};
  ASSERT_EQ(mmpo_trainer_create(model_, &optimizer, &trainer_, &err_), MMPO_OK) << err_.message;
  const std::vector<mmpo_tensor> tensors = parameters();
  int64_t num_trained = 0;
  ASSERT_EQ(mmpo_trainer_num_tensors(trainer_, MMPO_STATE_PARAMETERS, &num_trained, &err_), MMPO_OK);
  ASSERT_EQ(num_trained, static_cast<int64_t>(tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    mmpo_tensor trained{};
    ASSERT_EQ(mmpo_trainer_tensor(trainer_, MMPO_STATE_PARAMETERS, static_cast<int64_t>(i), &trained, &err_), MMPO_OK);
    EXPECT_STREQ(trained.name, tensors[i].name);
    EXPECT_EQ(trained.data, tensors[i].data) << tensors[i].name;
    EXPECT_EQ(tensors[i].dtype, MMPO_FLOAT32);
  }
}

TEST(MergeCApi, AddsTheProductInFloat32) {
  mmpo_error err{};
  for (const auto& [dtype, code] : {std::pair(at::kFloat, MMPO_FLOAT32), std::pair(at::kBFloat16, MMPO_BFLOAT16),
                                    std::pair(at::kHalf, MMPO_FLOAT16)}) {
    at::manual_seed(3);
    const Tensor weight = at::randn({47, 31}).to(dtype);
    const Tensor a = at::randn({3, 31});
    const Tensor b = at::randn({47, 3});
    Tensor out = at::empty({47, 31});
    const auto matrix = [](const Tensor& x, int32_t type) {
      return mmpo_tensor{"x", x.const_data_ptr(), {x.size(0), x.size(1)}, 2, type};
    };
    const mmpo_tensor w = matrix(weight, code);
    const mmpo_tensor left = matrix(a, MMPO_FLOAT32);
    const mmpo_tensor right = matrix(b, MMPO_FLOAT32);
    ASSERT_EQ(mmpo_lora_merge(&w, &left, &right, 0.25, out.mutable_data_ptr<float>(), &err), MMPO_OK) << err.message;
    const Tensor exact = weight.to(at::kDouble) + 0.25 * b.to(at::kDouble).mm(a.to(at::kDouble));
    EXPECT_LE((out.to(at::kDouble) - exact).abs().max().item<double>(), 1e-6);
    expect_failure(mmpo_lora_merge(&w, &right, &left, 0.25, out.mutable_data_ptr<float>(), &err), err,
                   MMPO_INVALID_ARGUMENT, {"[47, 31]", "[47, 3]", "[3, 31]"});
    expect_failure(mmpo_lora_merge(&w, &left, nullptr, 1, out.mutable_data_ptr<float>(), &err), err,
                   MMPO_INVALID_ARGUMENT, {"tensor"});
  }
}

TEST_F(AdapterCApi, WithoutAnAdapterThereAreNoParameters) {
  EXPECT_TRUE(parameters().empty());
  mmpo_tensor tensor{};
  expect_failure(mmpo_adapter_parameter(model_, 0, &tensor, &err_), err_, MMPO_INVALID_ARGUMENT, {"no adapter"});
  EXPECT_EQ(tensor.name, nullptr);
  expect_failure(mmpo_model_set_adapter(nullptr, &lora_, nullptr, 0, &err_), err_, MMPO_INVALID_ARGUMENT, {"model"});
  expect_failure(mmpo_model_set_adapter(model_, nullptr, nullptr, 0, &err_), err_, MMPO_INVALID_ARGUMENT, {"config"});
  expect_failure(mmpo_model_set_adapter(model_, &lora_, nullptr, 3, &err_), err_, MMPO_INVALID_ARGUMENT, {"tensors"});
}

}  // namespace
}  // namespace mmpo
