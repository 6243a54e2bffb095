#include <functional>

#include "c_api/c_api_testing.h"

namespace mmpo {
namespace {

using testing::CApi;
using testing::expect_failure;

class TrainerCApi : public CApi {
 protected:
  struct Call {
    mmpo_trainer* trainer;
    mmpo_model* model;
    const mmpo_batch* batch;
    const mmpo_objective* objective;
    const double* ref_logps;
    const double* reward_range;
    double* out_losses;
    double* out_logps;
    double* out_rewards;
  };

  Call valid() {
    losses_.assign(2, 1.0);
    logps_.assign(4, 1.0);
    rewards_.assign(4, 1.0);
    return {trainer_, model_,         &batch_,       &objective_,    ref_logps_.data(),
            nullptr,  losses_.data(), logps_.data(), rewards_.data()};
  }

  int32_t accumulate(const Call& c) {
    return mmpo_trainer_accumulate(c.trainer, c.batch, c.objective, c.ref_logps, c.reward_range, c.out_losses,
                                   c.out_logps, c.out_rewards, &err_);
  }

  int32_t evaluate(const Call& c) {
    return mmpo_model_evaluate(c.model, c.batch, c.objective, c.ref_logps, c.reward_range, c.out_losses, c.out_logps,
                               c.out_rewards, &err_);
  }

  std::vector<mmpo_tensor> tensors(int32_t state) {
    int64_t count = 0;
    EXPECT_EQ(mmpo_trainer_num_tensors(trainer_, state, &count, &err_), MMPO_OK);
    std::vector<mmpo_tensor> tensors(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i)
      EXPECT_EQ(mmpo_trainer_tensor(trainer_, state, i, &tensors[static_cast<size_t>(i)], &err_), MMPO_OK);
    return tensors;
  }

  static Tensor values(const mmpo_tensor& tensor) {
    std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.num_dims);
    return at::from_blob(const_cast<void*>(tensor.data), shape, at::kFloat);
  }

  int64_t num_nonzero_gradients() {
    int64_t count = 0;
    for (const mmpo_tensor& tensor : tensors(MMPO_STATE_GRADIENTS))
      count += values(tensor).count_nonzero().item<int64_t>();
    return count;
  }

  std::vector<double> losses_, logps_, rewards_;
};

TEST_F(TrainerCApi, CreateNamesWhatIsWrong) {
  const std::vector<std::pair<std::string, std::function<void(mmpo_optimizer_config&)>>> breaches = {
      {"adam_beta1", [](auto& c) { c.beta1 = 1; }},
      {"adam_beta1", [](auto& c) { c.beta1 = -0.1; }},
      {"adam_beta2", [](auto& c) { c.beta2 = std::numeric_limits<double>::quiet_NaN(); }},
      {"adam_epsilon", [](auto& c) { c.epsilon = 0; }},
      {"weight_decay", [](auto& c) { c.weight_decay = -1; }},
      {"weight_decay", [](auto& c) { c.weight_decay = std::numeric_limits<double>::infinity(); }},
      {"recompute", [](auto& c) { c.recompute = 3; }},
      {"optimizer 2", [](auto& c) { c.optimizer = 2; }}};
  const mmpo_optimizer_config good{0.9, 0.999, 1e-8, 0, MMPO_RECOMPUTE_NONE, MMPO_ADAMW, 0};
  for (const auto& [field, breach] : breaches) {
    mmpo_optimizer_config config = good;
    breach(config);
    mmpo_trainer* trainer = trainer_;
    expect_failure(mmpo_trainer_create(model_, &config, &trainer, &err_), err_, MMPO_INVALID_ARGUMENT, {field});
    EXPECT_EQ(trainer, nullptr);
  }
  mmpo_trainer* trainer = nullptr;
  expect_failure(mmpo_trainer_create(nullptr, &good, &trainer, &err_), err_, MMPO_INVALID_ARGUMENT, {"model"});
  expect_failure(mmpo_trainer_create(model_, nullptr, &trainer, &err_), err_, MMPO_INVALID_ARGUMENT, {"config"});
  expect_failure(mmpo_trainer_create(model_, &good, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_trainer"});
}

TEST_F(TrainerCApi, EvaluateEqualsAccumulate) {
  ASSERT_EQ(evaluate(valid()), MMPO_OK) << err_.message;
  const std::vector<double> losses = losses_;
  const std::vector<double> logps = logps_;
  const std::vector<double> rewards = rewards_;
  ASSERT_EQ(accumulate(valid()), MMPO_OK) << err_.message;
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(losses_[i], losses[i], 1e-5);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(logps_[i], logps[i], 1e-5);
    EXPECT_NEAR(rewards_[i], rewards[i], 1e-5);
  }
}

// Both entry points: a message naming the argument, outputs NaN, no gradient.
TEST_F(TrainerCApi, BadArgumentsLeaveNoTrace) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> bad_refs = {-10, nan, -4, -13};
  const std::vector<double> bad_range = {1, 0};
  mmpo_objective objective = objective_;
  mmpo_batch batch = batch_;
  const std::vector<int32_t> sizes = {3, 1};
  const auto with = [&](auto change) {
    return [&objective, change](Call& c) {
      change(objective);
      c.objective = &objective;
    };
  };
  const std::vector<std::pair<std::string, std::function<void(Call&)>>> breaches = {
      {"objective must not be NULL", [](auto& c) { c.objective = nullptr; }},
      {"ref_logps is NULL", [](auto& c) { c.ref_logps = nullptr; }},
      {"one is nan for pair 0", [&](auto& c) { c.ref_logps = bad_refs.data(); }},
      {"group 0 has 3 completions",
       [&](auto& c) {
         batch.group_sizes = sizes.data();
         c.batch = &batch;
       }},
      {"loss must be", with([](auto& o) { o.losses[0] = MMPO_NUM_LOSSES; })},
      {"num_losses must be", with([](auto& o) { o.num_losses = 0; })},
      {"loss_weights must be", with([nan](auto& o) { o.loss_weights[0] = nan; })},
      {"beta must be > 0", with([](auto& o) { o.beta = 0; })},
      {"label_smoothing", with([](auto& o) { o.label_smoothing = 0.5; })},
      {"length_normalize", with([](auto& o) { o.length_normalize = 1; })},
      {"scale", with([nan](auto& o) { o.scale = nan; })},
      {"aux_weight", with([](auto& o) {
         o.losses[0] = MMPO_LOSS_MMPO;
         o.aux_weight = -1;
       })},
      {"gamma", with([nan](auto& o) {
         o.losses[0] = MMPO_LOSS_SIMPO;
         o.gamma = nan;
       })},
      {"reward_range", [&](auto& c) {
         objective.losses[0] = MMPO_LOSS_MMPO;
         c.objective = &objective;
         c.reward_range = bad_range.data();
       }}};
  for (const auto& [part, breach] : breaches) {
    for (const bool training : {true, false}) {
      SCOPED_TRACE(part + (training ? " accumulate" : " evaluate"));
      objective = objective_;
      Call call = valid();
      breach(call);
      expect_failure(training ? accumulate(call) : evaluate(call), err_, MMPO_INVALID_ARGUMENT, {part});
      EXPECT_TRUE(testing::all_nan(losses_) && testing::all_nan(logps_) && testing::all_nan(rewards_));
      EXPECT_EQ(num_nonzero_gradients(), 0);
    }
  }
}

TEST_F(TrainerCApi, NullHandlesAndOutputsAreNamed) {
  Call call = valid();
  call.trainer = nullptr;
  expect_failure(accumulate(call), err_, MMPO_INVALID_ARGUMENT, {"trainer must not be NULL"});
  EXPECT_TRUE(testing::all_nan(losses_) && testing::all_nan(logps_) && testing::all_nan(rewards_));
  call = valid();
  call.model = nullptr;
  expect_failure(evaluate(call), err_, MMPO_INVALID_ARGUMENT, {"model must not be NULL"});
  EXPECT_TRUE(testing::all_nan(losses_) && testing::all_nan(logps_) && testing::all_nan(rewards_));
  const std::vector<std::pair<std::string, std::function<void(Call&)>>> breaches = {
      {"batch must not be NULL", [](auto& c) { c.batch = nullptr; }},
      {"out_losses must not be NULL", [](auto& c) { c.out_losses = nullptr; }},
      {"out_logps must not be NULL", [](auto& c) { c.out_logps = nullptr; }},
      {"out_rewards must not be NULL", [](auto& c) { c.out_rewards = nullptr; }}};
  for (const auto& [part, breach] : breaches) {
    call = valid();
    breach(call);
    expect_failure(accumulate(call), err_, MMPO_INVALID_ARGUMENT, {part});
    expect_failure(evaluate(call), err_, MMPO_INVALID_ARGUMENT, {part});
  }
}

TEST_F(TrainerCApi, StepRefusesBadArguments) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  double norm = 1;
  expect_failure(mmpo_trainer_step(nullptr, 0.1, 1, &norm, &err_), err_, MMPO_INVALID_ARGUMENT, {"trainer"});
  EXPECT_TRUE(std::isnan(norm));
  expect_failure(mmpo_trainer_step(trainer_, 0.1, 1, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_grad_norm"});
  for (const double rate : {-0.1, nan, std::numeric_limits<double>::infinity()}) {
    expect_failure(mmpo_trainer_step(trainer_, rate, 1, &norm, &err_), err_, MMPO_INVALID_ARGUMENT, {"learning_rate"});
  }
  for (const double limit : {-1.0, nan}) {
    expect_failure(mmpo_trainer_step(trainer_, 0.1, limit, &norm, &err_), err_, MMPO_INVALID_ARGUMENT,
                   {"max_grad_norm"});
  }
  int64_t steps = -1;
  EXPECT_EQ(mmpo_trainer_num_steps(trainer_, &steps, &err_), MMPO_OK);
  EXPECT_EQ(steps, 0);
}

TEST_F(TrainerCApi, StepReportsAGradientThatIsNotFinite) {
  values(tensors(MMPO_STATE_GRADIENTS).back()).view(-1)[0] = std::numeric_limits<float>::quiet_NaN();
  double norm = 1;
  expect_failure(mmpo_trainer_step(trainer_, 0.1, 1, &norm, &err_), err_, MMPO_NON_FINITE, {"gradient", "step 1"});
  EXPECT_TRUE(std::isnan(norm));
}

TEST_F(TrainerCApi, StateAndRestoreRefuseBadArguments) {
  int64_t number = 3;
  mmpo_tensor tensor = tensors(MMPO_STATE_PARAMETERS).front();
  for (const int32_t state : {-1, 3}) {
    const std::string named = "state " + std::to_string(state);
    number = 3;
    expect_failure(mmpo_trainer_num_tensors(trainer_, state, &number, &err_), err_, MMPO_INVALID_ARGUMENT, {named});
    EXPECT_EQ(number, 0);
    expect_failure(mmpo_trainer_tensor(trainer_, state, 0, &tensor, &err_), err_, MMPO_INVALID_ARGUMENT, {named});
    EXPECT_EQ(tensor.data, nullptr);
  }
  expect_failure(mmpo_trainer_num_tensors(nullptr, 0, &number, &err_), err_, MMPO_INVALID_ARGUMENT, {"trainer"});
  expect_failure(mmpo_trainer_num_tensors(trainer_, 0, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_num"});
  expect_failure(mmpo_trainer_tensor(nullptr, 0, 0, &tensor, &err_), err_, MMPO_INVALID_ARGUMENT, {"trainer"});
  expect_failure(mmpo_trainer_tensor(trainer_, 0, 0, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_tensor"});
  for (const int64_t index : {int64_t{-1}, num_tensors()}) {
    expect_failure(mmpo_trainer_tensor(trainer_, MMPO_STATE_PARAMETERS, index, &tensor, &err_), err_,
                   MMPO_INVALID_ARGUMENT, {"tensor " + std::to_string(index)});
  }
  expect_failure(mmpo_trainer_num_steps(nullptr, &number, &err_), err_, MMPO_INVALID_ARGUMENT, {"trainer"});
  EXPECT_EQ(number, 0);
  expect_failure(mmpo_trainer_num_steps(trainer_, nullptr, &err_), err_, MMPO_INVALID_ARGUMENT, {"out_num_steps"});
  expect_failure(mmpo_trainer_restore(nullptr, 1, &err_), err_, MMPO_INVALID_ARGUMENT, {"trainer"});
  expect_failure(mmpo_trainer_restore(trainer_, -1, &err_), err_, MMPO_INVALID_ARGUMENT, {"num_steps", "-1"});
}

TEST_F(TrainerCApi, StateNamesEveryParameterWithItsShapeAndValues) {
  const auto parameters = tensors(MMPO_STATE_PARAMETERS);
  ASSERT_EQ(static_cast<int64_t>(parameters.size()), num_tensors());
  for (size_t i = 0; i < parameters.size(); ++i) {
    mmpo_tensor weight;
    ASSERT_EQ(mmpo_model_parameter(model_, static_cast<int64_t>(i), &weight, &err_), MMPO_OK);
    EXPECT_STREQ(parameters[i].name, weight.name);
    EXPECT_EQ(parameters[i].num_dims, weight.num_dims);
    EXPECT_EQ(parameters[i].dtype, MMPO_FLOAT32);
    EXPECT_TRUE(at::equal(values(parameters[i]).view(-1), weights_.values(i)));
  }
  const auto state = tensors(MMPO_STATE_OPTIMIZER);
  ASSERT_EQ(state.size(), 2 * parameters.size());
  EXPECT_EQ(state[0].name, std::string("exp_avg.") + parameters[0].name);
  EXPECT_EQ(state[1].name, std::string("exp_avg_sq.") + parameters[0].name);
  EXPECT_EQ(values(state[1]).sizes(), values(parameters[0]).sizes());
}

TEST(Library, ThreadsAreSetAndRefused) {
  const int32_t before = mmpo_get_num_threads();
  mmpo_error err{};
  EXPECT_EQ(mmpo_set_num_threads(before + 1, &err), MMPO_OK);
  EXPECT_EQ(mmpo_get_num_threads(), before + 1);
  for (const int32_t count : {0, -4}) {
    expect_failure(mmpo_set_num_threads(count, &err), err, MMPO_INVALID_ARGUMENT,
                   {"num_threads", std::to_string(count)});
  }
  EXPECT_EQ(mmpo_get_num_threads(), before + 1);
  EXPECT_EQ(mmpo_set_num_threads(before, &err), MMPO_OK);
  EXPECT_EQ(mmpo_abi_version(), MMPO_ABI_VERSION);
  EXPECT_NE(std::string(mmpo_build_info()).find("LibTorch 2."), std::string::npos);
}

}  // namespace
}  // namespace mmpo
