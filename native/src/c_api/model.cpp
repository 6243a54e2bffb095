#include <algorithm>
#include <limits>
#include <memory>

#include "c_api/guard.h"
#include "c_api/handles.h"
#include "common/device.h"
#include "generate/generator.h"
#include "generate/sampler.h"
#include "mmpo/streaming.h"
#include "model/rounding.h"

using mmpo::guard;
using mmpo::reader_of;
using mmpo::require;
using mmpo::require_not_null;

namespace {

struct ComputeType {
  at::ScalarType dtype;
  mmpo::WeightForm form;
};

ComputeType compute_type(int32_t type) {
  switch (type) {
    case MMPO_COMPUTE_FLOAT32:
      return {at::kFloat, mmpo::WeightForm::kPlain};
    case MMPO_COMPUTE_BFLOAT16:
      return {at::kBFloat16, mmpo::WeightForm::kPlain};
    case MMPO_COMPUTE_FLOAT32_OVER_BFLOAT16:
      return {at::kFloat, mmpo::WeightForm::kBfloat16};
    case MMPO_COMPUTE_BFLOAT16_OVER_FP8:
      return {at::kBFloat16, mmpo::WeightForm::kQuantized};
    default:
      mmpo::fail(MMPO_INVALID_ARGUMENT, "compute_type must be an mmpo_compute, got ", type);
  }
}

mmpo_model* make_model(const mmpo_model_config* config, std::span<const mmpo_tensor> tensors, int32_t type,
                       int32_t device, const mmpo::ReadWeights& read) {
  const mmpo::ModelConfig checked(*config);
  const ComputeType compute = compute_type(type);
  return new mmpo_model{{checked, tensors, compute.dtype, mmpo::device_of(device), read, compute.form}};
}

// Parameter index of a flat buffer, borrowed.
void describe_parameter(const mmpo::ParameterLayout& layout, const at::Tensor& flat, int64_t index, mmpo_tensor& out) {
  const auto& parameters = layout.parameters();
  require(index >= 0 && index < static_cast<int64_t>(parameters.size()), "parameter ", index, " of ",
          parameters.size());
  const mmpo::Parameter& parameter = parameters[static_cast<size_t>(index)];
  const bool is_float = flat.scalar_type() == at::kFloat;
  out.name = parameter.name.c_str();
  out.data = nullptr;
  if (flat.is_cpu()) out.data = static_cast<const char*>(flat.const_data_ptr()) + parameter.offset * (is_float ? 4 : 2);
  out.shape[0] = parameter.rows;
  out.shape[1] = parameter.columns;
  out.num_dims = parameter.columns == 0 ? 1 : 2;
  out.dtype = is_float ? MMPO_FLOAT32 : MMPO_BFLOAT16;
}

void clear_token_logps(const mmpo_batch& batch, float* out) {
  for (int64_t c = 0; c < batch.num_completions; ++c) {
    out = std::fill_n(out, batch.completion_lengths[c], std::numeric_limits<float>::quiet_NaN());
  }
}

struct GenerateArguments {
  const int32_t* tokens;
  const int32_t* prompt_lengths;
  int64_t num_prompts;
  const int32_t* stop_tokens;
  int64_t num_stop_tokens;
  const mmpo_sampling* sampling;
  const int64_t* streams = nullptr;
  int64_t batch_size = 0;

  void check() const {
    require_not_null(sampling, "sampling");
    require(num_prompts > 0, "num_prompts must be > 0, got ", num_prompts);
    mmpo::check_sampling(*sampling);
  }
};

std::vector<std::vector<int32_t>> generate(mmpo_model* model, const GenerateArguments& in, const mmpo::Hear& hear) {
  require_not_null(model, "model");
  require_not_null(in.tokens, "tokens");
  require_not_null(in.prompt_lengths, "prompt_lengths");
  require(in.num_stop_tokens >= 0, "num_stop_tokens must be >= 0, got ", in.num_stop_tokens);
  require(in.num_stop_tokens == 0 || in.stop_tokens != nullptr, "stop_tokens must not be NULL");
  require(hear != nullptr, "hear must not be NULL");
  const auto num_prompts = static_cast<size_t>(in.num_prompts);
  const mmpo::Prompts prompts{in.tokens,
                              {in.prompt_lengths, num_prompts},
                              {in.streams, in.streams == nullptr ? 0 : num_prompts},
                              in.batch_size};
  const std::span<const int32_t> stops(in.stop_tokens, static_cast<size_t>(in.num_stop_tokens));
  return mmpo::generate(model->model, prompts, stops, *in.sampling, hear);
}

}  // namespace

extern "C" {

int32_t mmpo_model_create(const mmpo_model_config* config, const mmpo_tensor* tensors, int64_t num_tensors,
                          int32_t compute_type, int32_t device, mmpo_model** out_model, mmpo_error* err) {
  if (out_model != nullptr) *out_model = nullptr;
  return guard(err, [&] {
    require_not_null(config, "config");
    require_not_null(tensors, "tensors");
    require_not_null(out_model, "out_model");
    require(num_tensors >= 0, "num_tensors must be >= 0, got ", num_tensors);
    *out_model = make_model(config, {tensors, static_cast<size_t>(num_tensors)}, compute_type, device, nullptr);
  });
}

int32_t mmpo_model_load(const mmpo_model_config* config, const mmpo_tensor* tensors, int64_t num_tensors,
                        mmpo_read_weights read, void* context, int32_t compute_type, int32_t device,
                        mmpo_model** out_model, mmpo_error* err) {
  if (out_model != nullptr) *out_model = nullptr;
  return guard(err, [&] {
    require_not_null(config, "config");
    require_not_null(tensors, "tensors");
    require_not_null(out_model, "out_model");
    require(read != nullptr, "read must not be NULL");
    require(num_tensors >= 0, "num_tensors must be >= 0, got ", num_tensors);
    *out_model = make_model(config, {tensors, static_cast<size_t>(num_tensors)}, compute_type, device,
                            reader_of(tensors, read, context));
  });
}

void mmpo_model_free(mmpo_model* model) { delete model; }

int32_t mmpo_model_num_parameters(const mmpo_model* model, int64_t* out_num, mmpo_error* err) {
  if (out_num != nullptr) *out_num = 0;
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(out_num, "out_num");
    *out_num = static_cast<int64_t>(model->model.decoder().layout().parameters().size());
  });
}

int32_t mmpo_model_parameter(const mmpo_model* model, int64_t index, mmpo_tensor* out_tensor, mmpo_error* err) {
  if (out_tensor != nullptr) *out_tensor = {};
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(out_tensor, "out_tensor");
    const mmpo::Decoder& decoder = model->model.decoder();
    describe_parameter(decoder.layout(), decoder.flat(), index, *out_tensor);
  });
}

int32_t mmpo_model_attention(const mmpo_model* model, const char** out_text, mmpo_error* err) {
  if (out_text != nullptr) *out_text = nullptr;
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(out_text, "out_text");
    const mmpo::Decoder& decoder = model->model.decoder();
    *out_text = mmpo::describe_attention(decoder.device(), decoder.dtype(), decoder.attention_shape(0));
  });
}

int32_t mmpo_model_read(const mmpo_model* model, int32_t adapter, int64_t index, void* out_data, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(out_data, "out_data");
    const mmpo::Decoder& decoder = model->model.decoder();
    require(adapter == 0 || decoder.adapter() != nullptr, "the model has no adapter");
    const mmpo::ParameterLayout& layout = adapter == 0 ? decoder.layout() : decoder.adapter()->layout();
    const at::Tensor& flat = adapter == 0 ? decoder.flat() : decoder.adapter()->flat();
    mmpo_tensor described{};
    describe_parameter(layout, flat, index, described);
    described.data = out_data;
    const mmpo::Parameter& parameter = layout.parameters()[static_cast<size_t>(index)];
    mmpo::borrow(described).flatten().copy_(flat.narrow(0, parameter.offset, parameter.size()));
  });
}

int32_t mmpo_model_set_adapter(mmpo_model* model, const mmpo_lora_config* config, const mmpo_tensor* tensors,
                               int64_t num_tensors, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(config, "config");
    require(num_tensors >= 0, "num_tensors must be >= 0, got ", num_tensors);
    require(num_tensors == 0 || tensors != nullptr, "tensors must not be NULL");
    require(model->model.decoder().adapter() == nullptr, "the model has an adapter already");
    model->model.set_adapter(*config, {tensors, static_cast<size_t>(num_tensors)});
  });
}

int32_t mmpo_adapter_num_parameters(const mmpo_model* model, int64_t* out_num, mmpo_error* err) {
  if (out_num != nullptr) *out_num = 0;
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(out_num, "out_num");
    const mmpo::Adapter* adapter = model->model.decoder().adapter();
    if (adapter != nullptr) *out_num = static_cast<int64_t>(adapter->layout().parameters().size());
  });
}

int32_t mmpo_adapter_parameter(const mmpo_model* model, int64_t index, mmpo_tensor* out_tensor, mmpo_error* err) {
  if (out_tensor != nullptr) *out_tensor = {};
  return guard(err, [&] {
    require_not_null(model, "model");
    require_not_null(out_tensor, "out_tensor");
    const mmpo::Adapter* adapter = model->model.decoder().adapter();
    require(adapter != nullptr, "the model has no adapter");
    describe_parameter(adapter->layout(), adapter->flat(), index, *out_tensor);
  });
}

int32_t mmpo_lora_merge(const mmpo_tensor* weight, const mmpo_tensor* a, const mmpo_tensor* b, double scaling,
                        float* out_data, mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(out_data, "out_data");
    for (const mmpo_tensor* tensor : {weight, a, b}) {
      require_not_null(tensor, "a tensor");
      require(tensor->data != nullptr && tensor->num_dims == 2, "merging takes matrices");
    }
    const int64_t rank = a->shape[0];
    require(b->shape[1] == rank && b->shape[0] == weight->shape[0] && a->shape[1] == weight->shape[1],
            "merging takes W [N, K], A [r, K] and B [N, r], got [", weight->shape[0], ", ", weight->shape[1], "], [",
            rank, ", ", a->shape[1], "] and [", b->shape[0], ", ", b->shape[1], "]");
    mmpo_tensor result = *weight;
    result.data = out_data;
    result.dtype = MMPO_FLOAT32;
    at::Tensor out = mmpo::borrow(result);
    mmpo::merge(mmpo::borrow(*weight), mmpo::borrow(*a), mmpo::borrow(*b), scaling, out);
  });
}

int32_t mmpo_round(const mmpo_tensor* trained, const mmpo_tensor* start, int32_t dtype, int32_t mode, uint64_t seed,
                   void* out_data, mmpo_rounding* out_rounding, mmpo_error* err) {
  if (out_rounding != nullptr) *out_rounding = {};
  return guard(err, [&] {
    require_not_null(out_data, "out_data");
    require_not_null(out_rounding, "out_rounding");
    for (const mmpo_tensor* tensor : {trained, start}) {
      require_not_null(tensor, "a tensor");
      require(tensor->name != nullptr && tensor->data != nullptr, "a tensor's name and data must not be NULL");
    }
    require(mode == MMPO_ROUND_NEAREST || mode == MMPO_ROUND_STOCHASTIC, "unknown rounding mode ", mode);
    mmpo_tensor result = *trained;
    result.data = out_data;
    result.dtype = dtype;
    at::Tensor out = mmpo::borrow(result);
    const mmpo::Rounding rounding{.stochastic = mode == MMPO_ROUND_STOCHASTIC, .seed = seed};
    *out_rounding = mmpo::round(mmpo::borrow(*trained), mmpo::borrow(*start), rounding, trained->name, out);
  });
}

int32_t mmpo_model_logps(mmpo_model* model, const mmpo_batch* batch, double* out_logps, float* out_token_logps,
                         mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(batch, "batch");
    require_not_null(out_logps, "out_logps");
    std::fill_n(out_logps, batch->num_completions, std::numeric_limits<double>::quiet_NaN());
    require_not_null(model, "model");
    mmpo::check_batch_for(model->model, batch);
    mmpo::require_all_learnt(*batch);
    if (out_token_logps != nullptr) clear_token_logps(*batch, out_token_logps);
    const mmpo::Model::Scores scores = model->model.score(*batch);
    if (out_token_logps != nullptr) std::ranges::copy(scores.token_logps, out_token_logps);
    std::ranges::copy(scores.logps, out_logps);
  });
}

int32_t mmpo_model_score(mmpo_model* model, const mmpo_batch* batch, double* out_logps, uint8_t* out_greedy,
                         mmpo_error* err) {
  return guard(err, [&] {
    require_not_null(batch, "batch");
    require_not_null(out_logps, "out_logps");
    std::fill_n(out_logps, batch->num_completions, std::numeric_limits<double>::quiet_NaN());
    require_not_null(out_greedy, "out_greedy");
    std::fill_n(out_greedy, batch->num_completions, uint8_t{0});
    require_not_null(model, "model");
    mmpo::check_batch_for(model->model, batch);
    mmpo::require_all_learnt(*batch);
    const mmpo::Model::Scores scores = model->model.score(*batch, {.greedy = true});
    std::ranges::copy(scores.logps, out_logps);
    std::ranges::copy(scores.greedy, out_greedy);
  });
}

int32_t mmpo_model_generate(mmpo_model* model, const int32_t* tokens, const int32_t* prompt_lengths,
                            int64_t num_prompts, const int32_t* stop_tokens, int64_t num_stop_tokens,
                            const mmpo_sampling* sampling, int32_t* out_tokens, int32_t* out_lengths, mmpo_error* err) {
  return guard(err, [&] {
    const GenerateArguments in{tokens, prompt_lengths, num_prompts, stop_tokens, num_stop_tokens, sampling};
    require_not_null(out_tokens, "out_tokens");
    require_not_null(out_lengths, "out_lengths");
    in.check();
    const int64_t row_length = sampling->max_new_tokens;
    std::fill_n(out_tokens, num_prompts * row_length, -1);
    std::fill_n(out_lengths, num_prompts, 0);
    const auto sequences = generate(model, in, mmpo::unheard);
    for (size_t i = 0; i < sequences.size(); ++i) {
      std::ranges::copy(sequences[i], out_tokens + static_cast<int64_t>(i) * row_length);
      out_lengths[i] = static_cast<int32_t>(sequences[i].size());
    }
  });
}

int32_t mmpo_model_stream(mmpo_model* model, const int32_t* tokens, const int32_t* prompt_lengths,
                          const int64_t* streams, int64_t num_prompts, int64_t batch_size, const int32_t* stop_tokens,
                          int64_t num_stop_tokens, const mmpo_sampling* sampling, mmpo_hear_token hear, void* context,
                          mmpo_error* err) {
  return guard(err, [&] {
    const GenerateArguments in{tokens,          prompt_lengths, num_prompts, stop_tokens,
                               num_stop_tokens, sampling,       streams,     batch_size};
    in.check();
    const auto heard = [&](size_t prompt, int32_t token) {
      const int32_t next = hear(context, static_cast<int64_t>(prompt), token);
      if (next == MMPO_GENERATION_GOES_ON) return mmpo::Heard::kGoesOn;
      return next == MMPO_GENERATION_ENDS ? mmpo::Heard::kEndsAll : mmpo::Heard::kEndsPrompt;
    };
    generate(model, in, hear == nullptr ? nullptr : mmpo::Hear(heard));
  });
}

}  // extern "C"
