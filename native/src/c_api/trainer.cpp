#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "c_api/guard.h"
#include "c_api/handles.h"
#include "dist/exchange_record.h"
#include "dist/rank_group.h"

using mmpo::guard;
using mmpo::reader_of;
using mmpo::require;
using mmpo::require_not_null;

namespace {

// The caller's arrays for a micro-batch's results, NaN until there are any.
struct Results {
  double* losses;
  double* logps;
  double* rewards;

  void clear(const mmpo_batch* batch) const {
    require_not_null(batch, "batch");
    require_not_null(losses, "out_losses");
    require_not_null(logps, "out_logps");
    require_not_null(rewards, "out_rewards");
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::fill_n(losses, batch->num_groups, nan);
    std::fill_n(logps, batch->num_completions, nan);
    std::fill_n(rewards, batch->num_completions, nan);
  }

  void write(const mmpo::Trainer::Result& result) const {
    std::ranges::copy(result.losses, losses);
    std::ranges::copy(result.logps, logps);
    std::ranges::copy(result.rewards, rewards);
  }
};

mmpo::Objective make_objective(const mmpo_objective* objective, const mmpo_batch& batch, const double* ref_logps,
                               const double* reward_range) {
  require_not_null(objective, "objective");
  const auto count = static_cast<size_t>(ref_logps == nullptr ? 0 : batch.num_completions);
  std::optional<mmpo::RewardRange> range;
  if (reward_range != nullptr) range = mmpo::RewardRange{reward_range[0], reward_range[1]};
  return {*objective, batch, {ref_logps, count}, range};
}

const mmpo::NamedTensor& state_tensor(const mmpo::Trainer& trainer, int32_t state, int64_t index) {
  const auto& tensors = trainer.state(state);
  require(index >= 0 && index < static_cast<int64_t>(tensors.size()), "tensor ", index, " of ", tensors.size());
  return tensors[static_cast<size_t>(index)];
}

int32_t dtype_of(const at::Tensor& state) {
  if (state.scalar_type() == at::kByte) return MMPO_UINT8;
  return state.scalar_type() == at::kBFloat16 ? MMPO_BFLOAT16 : MMPO_FLOAT32;
}

// The caller's memory as a tensor like another.
at::Tensor in_memory(void* data, const at::Tensor& like) {
  return at::from_blob(data, like.sizes(), at::TensorOptions().dtype(like.scalar_type()));
}

}  // namespace

extern "C" {

int32_t mmpo_trainer_create(mmpo_model* model, const mmpo_optimizer_config* config, mmpo_trainer** out_trainer,
                            mmpo_error* err) {
  if (out_trainer != nullptr) *out_trainer = nullptr;
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(config, "config");
    require_not_null(out_trainer, "out_trainer");
    *out_trainer = new mmpo_trainer{{model->model, *config}};
  });
}

int32_t mmpo_trainer_create_sharded(mmpo_model* model, const mmpo_optimizer_config* config,
                                    const mmpo_sharding* sharding, mmpo_trainer** out_trainer, mmpo_error* err) {
  if (out_trainer != nullptr) *out_trainer = nullptr;
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(config, "config");
    require_not_null(sharding, "sharding");
    require_not_null(out_trainer, "out_trainer");
    *out_trainer = new mmpo_trainer{{model->model, *config, sharding}};
  });
}

void mmpo_trainer_free(mmpo_trainer* trainer) { delete trainer; }

int32_t mmpo_backend_gather(void* backend, const char* what, const double* values, int64_t num_values, double* out_all,
                            mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(backend, "backend");
    require_not_null(what, "what");
    require_not_null(values, "values");
    require_not_null(out_all, "out_all");
    mmpo::RankGroup group(*static_cast<c10d::Backend*>(backend), at::kCPU);
    std::ranges::copy(group.gather({values, static_cast<size_t>(num_values)}, what).wait(), out_all);
  });
}

int32_t mmpo_exchanges(char* out_text, int64_t capacity, mmpo_error* err) {
  if (out_text != nullptr && capacity > 0) *out_text = '\0';
  return guard(err, [&] {
    require_not_null(out_text, "out_text");
    require(capacity >= 1, "capacity must be >= 1, got ", capacity);
    const std::string text = mmpo::ExchangeRecord::of_process().text();
    out_text[text.copy(out_text, static_cast<size_t>(capacity - 1))] = '\0';
  });
}

int32_t mmpo_trainer_expect_groups(mmpo_trainer* trainer, const int64_t* numbers, int64_t num_groups, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require(num_groups >= 0, "num_groups must be >= 0, got ", num_groups);
    if (num_groups > 0) require_not_null(numbers, "numbers");
    trainer->trainer.expect_groups({numbers, static_cast<size_t>(num_groups)});
  });
}

int32_t mmpo_trainer_expect_step(mmpo_trainer* trainer, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    trainer->trainer.expect_step();
  });
}

int32_t mmpo_trainer_bytes_sent(const mmpo_trainer* trainer, int64_t* out_bytes, mmpo_error* err) {
  if (out_bytes != nullptr) *out_bytes = 0;
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_bytes, "out_bytes");
    *out_bytes = trainer->trainer.bytes_sent();
  });
}

int32_t mmpo_trainer_accumulate(mmpo_trainer* trainer, const mmpo_batch* batch, const mmpo_objective* objective,
                                const double* ref_logps, const double* reward_range, double* out_losses,
                                double* out_logps, double* out_rewards, mmpo_error* err) {
  return guard(err, [&] {
    const Results results{out_losses, out_logps, out_rewards};
    results.clear(batch);
    require_not_null(trainer, "trainer");
    // A rank of several may have no rows of a micro-batch.
    if (batch->num_groups != 0 || !trainer->trainer.is_sharded()) {
      mmpo::check_batch_for(trainer->trainer.model(), batch);
    }
    results.write(trainer->trainer.accumulate(*batch, make_objective(objective, *batch, ref_logps, reward_range)));
  });
}

int32_t mmpo_model_evaluate(mmpo_model* model, const mmpo_batch* batch, const mmpo_objective* objective,
                            const double* ref_logps, const double* reward_range, double* out_losses, double* out_logps,
                            double* out_rewards, mmpo_error* err) {
  return guard(err, [&] {
    const Results results{out_losses, out_logps, out_rewards};
    results.clear(batch);
    require_not_null(model, "model");
    mmpo::check_batch_for(model->model, batch);
    results.write(mmpo::evaluate(model->model, *batch, make_objective(objective, *batch, ref_logps, reward_range)));
  });
}

int32_t mmpo_trainer_step(mmpo_trainer* trainer, double learning_rate, double max_grad_norm, double* out_grad_norm,
                          mmpo_error* err) {
  if (out_grad_norm != nullptr) *out_grad_norm = std::numeric_limits<double>::quiet_NaN();
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_grad_norm, "out_grad_norm");
    *out_grad_norm = trainer->trainer.step(learning_rate, max_grad_norm);
  });
}

int32_t mmpo_trainer_num_tensors(const mmpo_trainer* trainer, int32_t state, int64_t* out_num, mmpo_error* err) {
  if (out_num != nullptr) *out_num = 0;
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_num, "out_num");
    *out_num = static_cast<int64_t>(trainer->trainer.state(state).size());
  });
}

int32_t mmpo_trainer_tensor(const mmpo_trainer* trainer, int32_t state, int64_t index, mmpo_tensor* out_tensor,
                            mmpo_error* err) {
  if (out_tensor != nullptr) *out_tensor = {};
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_tensor, "out_tensor");
    const auto& [name, values, begin] = state_tensor(trainer->trainer, state, index);
    out_tensor->name = name.c_str();
    out_tensor->data = values.is_cpu() ? values.const_data_ptr() : nullptr;
    out_tensor->shape[0] = values.size(0);
    out_tensor->shape[1] = values.dim() == 2 ? values.size(1) : 0;
    out_tensor->num_dims = static_cast<int32_t>(values.dim());
    out_tensor->dtype = dtype_of(values);
  });
}

int32_t mmpo_trainer_range(const mmpo_trainer* trainer, int32_t state, int64_t index, mmpo_range* out_range,
                           mmpo_error* err) {
  if (out_range != nullptr) *out_range = {};
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_range, "out_range");
    const mmpo::NamedTensor& tensor = state_tensor(trainer->trainer, state, index);
    *out_range = {tensor.begin, tensor.values.numel()};
  });
}

int32_t mmpo_trainer_read(const mmpo_trainer* trainer, int32_t state, int64_t index, void* out_data, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_data, "out_data");
    const at::Tensor& values = state_tensor(trainer->trainer, state, index).values;
    in_memory(out_data, values).copy_(values);
  });
}

int32_t mmpo_trainer_write(mmpo_trainer* trainer, int32_t state, int64_t index, const void* data, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(data, "data");
    const at::Tensor& values = state_tensor(trainer->trainer, state, index).values;
    values.copy_(in_memory(const_cast<void*>(data), values));
  });
}

int32_t mmpo_trainer_load(mmpo_trainer* trainer, const mmpo_tensor* tensors, int64_t num_tensors,
                          mmpo_read_weights read, void* context, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(tensors, "tensors");
    require(num_tensors >= 0, "num_tensors must be >= 0, got ", num_tensors);
    trainer->trainer.load({tensors, static_cast<size_t>(num_tensors)}, reader_of(tensors, read, context));
  });
}

int32_t mmpo_trainer_num_steps(const mmpo_trainer* trainer, int64_t* out_num_steps, mmpo_error* err) {
  if (out_num_steps != nullptr) *out_num_steps = 0;
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    require_not_null(out_num_steps, "out_num_steps");
    *out_num_steps = trainer->trainer.num_steps();
  });
}

int32_t mmpo_trainer_restore(mmpo_trainer* trainer, int64_t num_steps, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(trainer, "trainer");
    trainer->trainer.restore(num_steps);
  });
}

}  // extern "C"
