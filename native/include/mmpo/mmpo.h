/* The C ABI of the mmpo core: everything that crosses from the JVM (or any other caller) into libmmpo.
 *
 * Conventions
 *   - Every function that can fail returns an mmpo_status and takes a caller-owned mmpo_error* last; err may be NULL.
 *   - Outputs are cleared first, so they hold NULL, 0 or NaN after a failure. Nothing is thrown across the boundary.
 *   - Handles are created by *_create and released by *_free; *_free(NULL) is legal.
 *   - A handle may be used from any thread, by one thread at a time.
 *   - Log-probabilities are natural logarithms (nats). Sizes and counts are elements unless a name says bytes.
 */
#ifndef MMPO_MMPO_H
#define MMPO_MMPO_H

#include <stdint.h>

#include "mmpo/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define MMPO_API __declspec(dllexport)
#else
#define MMPO_API __attribute__((visibility("default")))
#endif

/* Raised by one whenever a struct or a signature below changes; callers refuse a library with another number. */
#define MMPO_ABI_VERSION 14

typedef struct mmpo_model mmpo_model;
typedef struct mmpo_trainer mmpo_trainer;

/* The MMPO_ABI_VERSION that the library was built with. */
MMPO_API int32_t mmpo_abi_version(void);

/* One line: LibTorch's version, the CPU capability in use, and whether the CUDA side is there. Static storage. */
MMPO_API const char* mmpo_build_info(void);

/* Threads that tensor operations use in this process; num_threads >= 1. */
MMPO_API int32_t mmpo_set_num_threads(int32_t num_threads, mmpo_error* err);
MMPO_API int32_t mmpo_get_num_threads(void);

/* What the device is. */
MMPO_API int32_t mmpo_device_describe(int32_t device, mmpo_device_info* out_info, mmpo_error* err);

/* The most memory that LibTorch has held there so far; 0 for the CPU, and where nothing was computed yet. Costs next to nothing. */
MMPO_API int32_t mmpo_device_peak_bytes(int32_t device, int64_t* out_bytes, mmpo_error* err);

/* Computes a matrix product and an attention of a few rows there, and a product in fp8 where it has them, forward and backward, and
 * compares them with what is right.
 * MMPO_INVALID_ARGUMENT: the device cannot be used; MMPO_INTERNAL: what failed or is wrong, and LibTorch's words for it. */
MMPO_API int32_t mmpo_device_check(int32_t device, mmpo_error* err);

/* Copies the weights, converted to compute_type (an mmpo_compute), into memory of the device that the model owns.
 * tensors: every parameter of the config by its Hugging Face name, in any order; unknown names are an error, save a
 * lm_head.weight beside tied embeddings and rotary inv_freq buffers.
 * device: an mmpo_device.
 * MMPO_INVALID_ARGUMENT: config or device; MMPO_UNSUPPORTED: fp8, on a GPU below compute capability 8.9 or of sizes that are no
 * multiples of 16; MMPO_INVALID_MODEL: tensors, naming the one; MMPO_OUT_OF_MEMORY. */
MMPO_API int32_t mmpo_model_create(const mmpo_model_config* config, const mmpo_tensor* tensors, int64_t num_tensors,
                                   int32_t compute_type, int32_t device, mmpo_model** out_model, mmpo_error* err);
/* Copies num_bytes bytes of tensor number index, from its byte offset on, to out_data. Not 0: they cannot be read. Called in
 * the order of tensors and bytes, by the thread that loads. */
typedef int32_t (*mmpo_read_weights)(void* context, int64_t index, int64_t offset, int64_t num_bytes, void* out_data);

/* The same of weights that are read a piece at a time, so that they are never in memory all at once: data of the tensors is not
 * looked at. MMPO_INTERNAL: read failed; it is not called again. */
MMPO_API int32_t mmpo_model_load(const mmpo_model_config* config, const mmpo_tensor* tensors, int64_t num_tensors,
                                 mmpo_read_weights read, void* context, int32_t compute_type, int32_t device,
                                 mmpo_model** out_model, mmpo_error* err);
/* A trainer made from the model must be freed first. */
MMPO_API void mmpo_model_free(mmpo_model* model);

/* Parameters in the order of the flat buffer, which is fixed for a config; of a model over fp8 those that it does not hold in that. */
MMPO_API int32_t mmpo_model_num_parameters(const mmpo_model* model, int64_t* out_num, mmpo_error* err);
MMPO_API int32_t mmpo_model_parameter(const mmpo_model* model, int64_t index, mmpo_tensor* out_tensor, mmpo_error* err);

/* How attention is computed, and why a faster way is not taken: one line, of static storage. */
MMPO_API int32_t mmpo_model_attention(const mmpo_model* model, const char** out_text, mmpo_error* err);

/* Parameter index of the model (adapter 0) or of its adapter (1), copied from its device. out_data: as large as the tensor. */
MMPO_API int32_t mmpo_model_read(const mmpo_model* model, int32_t adapter, int64_t index, void* out_data,
                                 mmpo_error* err);

/* Gives a model that has none an adapter (float32), before a trainer is made of it: from now on everything is computed with
 * it, and a trainer trains it alone. tensors: every A and B by PEFT's name
 * ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"), in any order; none of them: A is drawn from
 * U(-1/sqrt(inputs), 1/sqrt(inputs)) and B is zero, as PEFT begins. Whole matrices are named
 * "base_model.model.model.embed_tokens.weight" (of the tied one, too) and "base_model.model.lm_head.weight"; one that is not
 * given begins as the model's own.
 * MMPO_INVALID_ARGUMENT: config; MMPO_INVALID_MODEL: tensors, naming the one; MMPO_OUT_OF_MEMORY. */
MMPO_API int32_t mmpo_model_set_adapter(mmpo_model* model, const mmpo_lora_config* config, const mmpo_tensor* tensors,
                                        int64_t num_tensors, mmpo_error* err);
/* Parameters of the adapter in the order of its flat buffer, which is fixed for a config; none where there is no adapter. */
MMPO_API int32_t mmpo_adapter_num_parameters(const mmpo_model* model, int64_t* out_num, mmpo_error* err);
MMPO_API int32_t mmpo_adapter_parameter(const mmpo_model* model, int64_t index, mmpo_tensor* out_tensor,
                                        mmpo_error* err);

/* weight [outputs, inputs] + scaling * b a in float32: what a module with an adapter computes, as one matrix; mmpo_round gives it
 * a file's type. a: [rank, inputs], b: [outputs, rank]. out_data: float of weight's shape; it may not overlap. */
MMPO_API int32_t mmpo_lora_merge(const mmpo_tensor* weight, const mmpo_tensor* a, const mmpo_tensor* b, double scaling,
                                 float* out_data, mmpo_error* err);

/* trained in the type dtype, a float type. start: the same tensor before training, of any float type.
 * out_data: as large as trained in that type; it may not overlap.
 * MMPO_NON_FINITE: a number is not finite in that type (65,504 is float16's largest); the message names the tensor. */
MMPO_API int32_t mmpo_round(const mmpo_tensor* trained, const mmpo_tensor* start, int32_t dtype, int32_t mode,
                            uint64_t seed, void* out_data, mmpo_rounding* out_rounding, mmpo_error* err);

/* Log-probabilities of completions under the model, summed over tokens.
 * out_logps: [C] double. out_token_logps: [sum of completion_lengths] float in batch order, or NULL. Caller allocates. */
MMPO_API int32_t mmpo_model_logps(mmpo_model* model, const mmpo_batch* batch, double* out_logps, float* out_token_logps,
                                  mmpo_error* err);

/* The sums of mmpo_model_logps, and of each completion whether greedy decoding after its prompt gives it: every token has the
 * largest logit of all, the first of equal ones. The head's memory is read once more for that.
 * out_logps: [C] double. out_greedy: [C] 1 or 0. Caller allocates. */
MMPO_API int32_t mmpo_model_score(mmpo_model* model, const mmpo_batch* batch, double* out_logps, uint8_t* out_greedy,
                                  mmpo_error* err);

/* Continues prompts. tokens: prompts one after another, prompt_lengths [num_prompts], each >= 1.
 * stop_tokens: a sequence ends with the first of them that it produces, which is kept.
 * out_tokens: [num_prompts, max_new_tokens], row by row, the rest of a row is -1; out_lengths: [num_prompts].
 * Sequence i draws from its own stream, made from seed and i, so its text does not depend on its neighbours. */
MMPO_API int32_t mmpo_model_generate(mmpo_model* model, const int32_t* tokens, const int32_t* prompt_lengths,
                                     int64_t num_prompts, const int32_t* stop_tokens, int64_t num_stop_tokens,
                                     const mmpo_sampling* sampling, int32_t* out_tokens, int32_t* out_lengths,
                                     mmpo_error* err);

/* A trainer updates the model's weights in place, so the model stays usable for scoring between steps; of a model with an
 * adapter the adapter's, the rest is frozen. A model over fp8 must have one. It owns gradients (fp32), the optimizer's state and,
 * for a bfloat16 model without an adapter, fp32 master weights (unless no_master_weights), each of the size of what it trains. The
 * masters begin as the model's weights; mmpo_trainer_load gives them what a file has beyond bfloat16. */
MMPO_API int32_t mmpo_trainer_create(mmpo_model* model, const mmpo_optimizer_config* config, mmpo_trainer** out_trainer,
                                     mmpo_error* err);
MMPO_API void mmpo_trainer_free(mmpo_trainer* trainer);
/* The same of several ranks; one rank makes no collective. Each accumulates its share of every micro-batch's rows, which may be
 * none (num_groups 0). The objective's scale is that of all ranks' rows: gradients are
 * summed over ranks. MMPO's reward_range is passed, or gathered; AOT's pairs and CHOSEN_NLL's lengths are gathered. A failed collective is
 * MMPO_COLLECTIVE, and names it: the trainer is then of no use. */
MMPO_API int32_t mmpo_trainer_create_sharded(mmpo_model* model, const mmpo_optimizer_config* config,
                                             const mmpo_sharding* sharding, mmpo_trainer** out_trainer,
                                             mmpo_error* err);
/* Which of the update's groups, of all ranks, those of the next micro-batch are (numbers [num_groups], from 0): what dropout leaves of a group
 * is a function of its number, so that it is the same however rows are shared out. Not called: they follow those of the last micro-batch. */
MMPO_API int32_t mmpo_trainer_expect_groups(mmpo_trainer* trainer, const int64_t* numbers, int64_t num_groups,
                                            mmpo_error* err);
/* The next micro-batch is the last one before mmpo_trainer_step, so that its gradients may be reduced as they are made. */
MMPO_API int32_t mmpo_trainer_expect_step(mmpo_trainer* trainer, mmpo_error* err);
/* Values of every rank, as many on each, in the order of ranks: out_all [ranks * num_values]. backend: a c10d::Backend of the CPU; what: names
 * the exchange in messages. MMPO_COLLECTIVE where it fails. */
MMPO_API int32_t mmpo_backend_gather(void* backend, const char* what, const double* values, int64_t num_values,
                                     double* out_all, mmpo_error* err);
/* The last exchanges that this process made, by trainers and by mmpo_backend_gather, as a table for people: a line each, the newest first,
 * with number, beginning (UTC), seconds, state, bytes sent and name. out_text: [capacity], ends in NUL, cut where it is longer. */
MMPO_API int32_t mmpo_exchanges(char* out_text, int64_t capacity, mmpo_error* err);
/* Bytes that this rank has sent to others since it was created; 0 of one rank. */
MMPO_API int32_t mmpo_trainer_bytes_sent(const mmpo_trainer* trainer, int64_t* out_bytes, mmpo_error* err);

/* Forward and backward of one micro-batch, a long one in slices (docs/abi.md); gradients are added up until the next
 * mmpo_trainer_step.
 * Preference losses take groups of two; SFT takes groups of any size.
 * ref_logps: [C] double, reference log-probabilities of the completions: of losses that have a reference; else may be NULL, and where MMPO
 * leaves the rejected completions out (score_rejected), whose gradients need none: its losses and rewards are then NaN.
 * reward_range: [2] minimum and maximum of the MMPO rewards to normalise with; NULL: those of this micro-batch.
 * out_losses: [G] loss of each pair (SFT: of each group, summed over its tokens), not scaled.
 * out_logps: [C]. out_rewards: [C] the loss's implicit rewards (MMPO: scores s), NaN for SFT. Caller allocates. */
MMPO_API int32_t mmpo_trainer_accumulate(mmpo_trainer* trainer, const mmpo_batch* batch,
                                         const mmpo_objective* objective, const double* ref_logps,
                                         const double* reward_range, double* out_losses, double* out_logps,
                                         double* out_rewards, mmpo_error* err);

/* The same losses without gradients, for evaluation. */
MMPO_API int32_t mmpo_model_evaluate(mmpo_model* model, const mmpo_batch* batch, const mmpo_objective* objective,
                                     const double* ref_logps, const double* reward_range, double* out_losses,
                                     double* out_logps, double* out_rewards, mmpo_error* err);

/* Clips the accumulated gradient to max_grad_norm (0: no clipping), does one update; the next micro-batch begins a new gradient.
 * out_grad_norm: the norm before clipping. MMPO_NON_FINITE: the norm is not finite; nothing is updated. */
MMPO_API int32_t mmpo_trainer_step(mmpo_trainer* trainer, double learning_rate, double max_grad_norm,
                                   double* out_grad_norm, mmpo_error* err);

/* How many tensors the trainer holds of that state, an mmpo_state. */
MMPO_API int32_t mmpo_trainer_num_tensors(const mmpo_trainer* trainer, int32_t state, int64_t* out_num,
                                          mmpo_error* err);
/* index: of the state's tensors, in an order that is fixed for a model and its settings. Name and data are borrowed for
 * the trainer's life; the data may be written, despite its type (on a GPU by mmpo_trainer_write), and mmpo_trainer_restore makes
 * it count. */
MMPO_API int32_t mmpo_trainer_tensor(const mmpo_trainer* trainer, int32_t state, int64_t index, mmpo_tensor* out_tensor,
                                     mmpo_error* err);
/* What it holds of its parameter: all of it, or of a sharded state this rank's part, which is then a vector. */
MMPO_API int32_t mmpo_trainer_range(const mmpo_trainer* trainer, int32_t state, int64_t index, mmpo_range* out_range,
                                    mmpo_error* err);
/* The tensor's contents, copied from and to the device of the model. data: as large as the tensor. */
MMPO_API int32_t mmpo_trainer_read(const mmpo_trainer* trainer, int32_t state, int64_t index, void* out_data,
                                   mmpo_error* err);
MMPO_API int32_t mmpo_trainer_write(mmpo_trainer* trainer, int32_t state, int64_t index, const void* data,
                                    mmpo_error* err);
/* PARAMETERS from tensors of any float type, as mmpo_model_load takes them, or with read NULL mmpo_model_create; the model's weights
 * follow. MMPO_INVALID_MODEL: tensors, naming the one; MMPO_INTERNAL: read failed. */
MMPO_API int32_t mmpo_trainer_load(mmpo_trainer* trainer, const mmpo_tensor* tensors, int64_t num_tensors,
                                   mmpo_read_weights read, void* context, mmpo_error* err);
/* Number of updates done: the t of Adam's bias correction. */
MMPO_API int32_t mmpo_trainer_num_steps(const mmpo_trainer* trainer, int64_t* out_num_steps, mmpo_error* err);
/* After the state was written from a checkpoint: sets the number of updates and refreshes the model's weights, from all ranks' parts. */
MMPO_API int32_t mmpo_trainer_restore(mmpo_trainer* trainer, int64_t num_steps, mmpo_error* err);

#ifdef __cplusplus
}
#endif

#endif
