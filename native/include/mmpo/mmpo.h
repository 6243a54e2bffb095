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

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define MMPO_API __declspec(dllexport)
#else
#define MMPO_API __attribute__((visibility("default")))
#endif

/* Raised by one whenever a struct or a signature below changes; callers refuse a library with another number. */
#define MMPO_ABI_VERSION 11

enum mmpo_status {
  MMPO_OK = 0,
  MMPO_INVALID_ARGUMENT = 1, /* an argument breaks its contract; nothing was changed */
  MMPO_INVALID_MODEL = 2,    /* a weight is missing, of the wrong shape or dtype, or not finite */
  MMPO_OUT_OF_MEMORY = 3,
  MMPO_NON_FINITE =
      4, /* a gradient, a generated token's logits or a rounded weight are not finite; nothing was changed */
  MMPO_INTERNAL = 5,
  MMPO_COLLECTIVE = 6 /* an exchange with other ranks failed: one of them is gone, or did not come in time */
};

enum mmpo_dtype { MMPO_FLOAT32 = 0, MMPO_BFLOAT16 = 1, MMPO_FLOAT16 = 2, MMPO_UINT8 = 3 /* optimizer state only */ };

/* Where a model computes: the CPU, or the first GPU that CUDA shows the process. */
enum mmpo_device { MMPO_CPU = 0, MMPO_CUDA = 1 };

/* How rotary frequencies are scaled: not at all; as Llama 3.1 does; all of them divided by the factor; YaRN (arXiv 2309.00071). */
enum mmpo_rope { MMPO_ROPE_DEFAULT = 0, MMPO_ROPE_LLAMA3 = 1, MMPO_ROPE_LINEAR = 2, MMPO_ROPE_YARN = 3 };

/* What a layer has beside Llama's. SLIDING: its tokens see sliding_window tokens, themselves included. UNROTATED: its queries and
 * keys have no rotary positions. A set of them is the sum of its members. */
enum mmpo_layer { MMPO_LAYER_SLIDING = 1, MMPO_LAYER_UNROTATED = 2 };

/* SFT is of completions, the others of pairs. TRL's names: DPO is "sigmoid", CHOSEN_NLL is "sft" among several losses. */
enum mmpo_loss {
  MMPO_LOSS_MMPO = 0,
  MMPO_LOSS_DPO = 1,
  MMPO_LOSS_SIMPO = 2,
  MMPO_LOSS_SFT = 3,
  MMPO_LOSS_HINGE = 4,
  MMPO_LOSS_IPO = 5,
  MMPO_LOSS_SIGMOID_NORM = 6,
  MMPO_LOSS_EXO_PAIR = 7,
  MMPO_LOSS_ROBUST = 8,
  MMPO_LOSS_DISCOPOP = 9,
  MMPO_LOSS_NCA_PAIR = 10,
  MMPO_LOSS_BCO_PAIR = 11,
  MMPO_LOSS_SPPO_HARD = 12,
  MMPO_LOSS_APO_ZERO = 13,
  MMPO_LOSS_APO_DOWN = 14,
  MMPO_LOSS_AOT = 15,
  MMPO_LOSS_AOT_UNPAIRED = 16,
  MMPO_LOSS_ORPO = 17, /* the odds-ratio part; ORPO is this and CHOSEN_NLL */
  MMPO_LOSS_CHOSEN_NLL = 18, /* mean over the chosen tokens of the micro-batch */
  MMPO_NUM_LOSSES = 19
};

/* The most losses that an objective may add up. */
#define MMPO_MAX_LOSSES 8

/* The f-divergence of losses of implicit rewards' margin: DPO, HINGE, IPO, SIGMOID_NORM, EXO_PAIR, ROBUST, DISCOPOP. */
enum mmpo_divergence { MMPO_REVERSE_KL = 0, MMPO_FORWARD_KL = 1, MMPO_JENSEN_SHANNON = 2, MMPO_ALPHA_DIVERGENCE = 3 };

/* What backward keeps of forward. FULL keeps a layer's input and runs the layer again; SELECTIVE keeps the matrix
 * products' outputs and recomputes normalised inputs and activations; NONE keeps all. */
enum mmpo_recompute { MMPO_RECOMPUTE_NONE = 0, MMPO_RECOMPUTE_SELECTIVE = 1, MMPO_RECOMPUTE_FULL = 2 };

/* Owned by the caller; message is NUL-terminated UTF-8, cut at its end if longer. */
typedef struct mmpo_error {
  int32_t code; /* the mmpo_status that was returned */
  char message[4092];
} mmpo_error;

/* A named, contiguous, row-major array. As an input it is borrowed for the call. As an output name and data are borrowed
 * from the handle and live as long as it does; the contents change with every optimizer step. Data of a model on a GPU is NULL:
 * mmpo_model_read and mmpo_trainer_read copy it. */
typedef struct mmpo_tensor {
  const char* name; /* Hugging Face's parameter name, e.g. "model.layers.0.self_attn.q_proj.weight" */
  const void* data;
  int64_t shape[2]; /* [rows, columns]; a vector is [n, 0] */
  int32_t num_dims; /* 1 or 2 */
  int32_t dtype; /* mmpo_dtype */
} mmpo_tensor;

/* A decoder of LlamaForCausalLM's parts: RMSNorm, rotary embedding, grouped-query attention, SwiGLU. What is zero below qkv_bias
 * is Llama's. */
typedef struct mmpo_model_config {
  const int32_t* layers; /* [num_layers] sets of mmpo_layer, borrowed for the call; NULL: all are empty */
  int64_t vocab_size;
  int64_t hidden_size;
  int64_t intermediate_size;
  int64_t num_layers;
  int64_t num_heads;
  int64_t num_kv_heads; /* divides num_heads */
  int64_t head_dim; /* even */
  int64_t max_positions; /* that the model was made for; rows may be longer */
  int64_t sliding_window; /* >= 1 where a layer slides */
  double rms_norm_eps;
  double rope_theta;
  double rope_factor; /* of all but MMPO_ROPE_DEFAULT */
  double rope_low_freq_factor; /* this and the next: MMPO_ROPE_LLAMA3 only */
  double rope_high_freq_factor;
  double rope_original_max_positions; /* MMPO_ROPE_LLAMA3 and MMPO_ROPE_YARN */
  double rope_attention_factor; /* this and what follows: MMPO_ROPE_YARN only; multiplies every cosine and sine */
  double rope_beta_fast; /* turns over the original positions above which a frequency is kept */
  double rope_beta_slow; /* those below which it is divided by the factor */
  int32_t rope_type; /* mmpo_rope */
  int32_t rope_truncate; /* 1: the bounds between kept and divided frequencies are whole channels */
  int32_t tie_embeddings; /* 1: the output head is the embedding matrix */
  int32_t qkv_bias; /* 1: q, k and v projections have a bias */
  int32_t output_bias; /* 1: the attention's output projection has a bias */
  int32_t qk_norm; /* 1: each head's query and key go through an RMSNorm (q_norm, k_norm) before they are rotated */
} mmpo_model_config;

/* Packed prompts with their completions, without padding. Group g is a prompt followed by its completions, one after
 * another: tokens = [prompt 0 | completion 0 of 0 | completion 1 of 0 | ... | prompt 1 | ...]. Completions of a group start
 * at position prompt_length and see their prompt and themselves only. A preference pair is a group of two: chosen, rejected.
 * Of a completion that is trained on with SFT, tokens may be read without being learnt (a user's turn between two answers):
 * such a token is given as its complement, -1 - id. One at least of each completion is learnt. */
typedef struct mmpo_batch {
  const int32_t* tokens; /* [num_tokens], each in [0, vocab_size), or the complement of one that is */
  const int32_t* prompt_lengths; /* [num_groups], each >= 1 */
  const int32_t* group_sizes; /* [num_groups] completions of each group, each >= 1 */
  const int32_t* completion_lengths; /* [num_completions], each >= 1 */
  int64_t num_tokens; /* T: sum of all lengths */
  int64_t num_groups; /* G */
  int64_t num_completions; /* C: sum of group_sizes */
} mmpo_batch;

/* What is optimized: a loss, or the weighted sum of several. Fields that a loss does not use are ignored. Equations: docs/losses.md. */
typedef struct mmpo_objective {
  double beta; /* MMPO: weight of the reference in the reward; else inverse temperature; > 0 */
  double reward_epsilon; /* MMPO: constant of the chosen reward (the rejected one's is 0.1) */
  double aux_weight; /* MMPO: lambda, weight of the -log sigmoid term, >= 0; exactly 1: the loss is -s_w */
  double label_smoothing; /* DPO, SIMPO, ROBUST, AOT: in [0, 0.5); EXO_PAIR: in (0, 0.5) */
  double gamma; /* SIMPO: target margin */
  double discopop_tau; /* DISCOPOP: temperature of the blend, > 0 */
  double divergence_alpha; /* MMPO_ALPHA_DIVERGENCE: not 1 */
  double
      ld_alpha; /* in [0, 1]: how much the tokens of a completion count that the pair's other one has no counterpart of; 1: as all */
  double reward_alpha; /* losses without a reference: AlphaPO's shape of the reward; 0: the log-probability itself */
  double
      entropy_weight; /* how much of the chosen completions' entropy (SFT: of all) the gradient raises, per pair; 0: none. Losses are reported without it */
  double scale; /* multiplies every pair's (SFT: every token's) gradient: 1 / their number in the optimizer step */
  double loss_weights[MMPO_MAX_LOSSES];
  int32_t losses[MMPO_MAX_LOSSES]; /* mmpo_loss; MMPO and SFT stand alone; rewards are those of the first */
  int32_t num_losses; /* >= 1 */
  int32_t divergence; /* mmpo_divergence */
  int32_t reference_free; /* 1: DPO, HINGE, IPO without a reference, as CPO has them */
  int32_t
      length_normalize; /* 1: MMPO, SIMPO and losses without a reference divide log-probabilities by the completion's length, MMPO's reference ones too */
  int32_t normalize; /* MMPO: 1 min-max normalisation of the rewards, 0 none */
  int32_t
      use_weighting; /* 1: WPO, a pair counts by how likely the policy itself is to write it; losses of a reference, AOT aside */
  int32_t score_rejected; /* MMPO with aux_weight 1: 0 leaves the rejected completions out (their outputs are NaN) */
} mmpo_objective;

/* Linear modules of a layer that an adapter may have a part in. */
enum mmpo_module {
  MMPO_MODULE_Q = 0,
  MMPO_MODULE_K = 1,
  MMPO_MODULE_V = 2,
  MMPO_MODULE_O = 3,
  MMPO_MODULE_GATE = 4,
  MMPO_MODULE_UP = 5,
  MMPO_MODULE_DOWN = 6
};

/* Matrices that an adapter may hold whole, in place of the model's own: the embedding, the output head, or one matrix that
 * is both. A set of them is the sum of its members; TIED stands alone. */
enum mmpo_whole { MMPO_WHOLE_EMBEDDING = 1, MMPO_WHOLE_HEAD = 2, MMPO_WHOLE_TIED = 4 };

/* An adapted module of one layer: its output grows by scaling * dropout(x) A^T B^T, A [rank, inputs] and B [outputs, rank]. */
typedef struct mmpo_lora_module {
  int64_t layer; /* from 0 */
  int64_t rank; /* r */
  double scaling; /* alpha / r, or what else multiplies the product; > 0 */
  int32_t module; /* mmpo_module */
} mmpo_lora_module;

/* LoRA as PEFT has it. */
typedef struct mmpo_lora_config {
  const mmpo_lora_module* modules; /* [num_modules], in any order, none of them twice */
  int64_t num_modules; /* >= 1 */
  double dropout; /* in [0, 1), in training only; to a 65536th */
  uint64_t seed; /* of the masks, and of A where it is not given */
  int32_t whole; /* a set of mmpo_whole: what is trained whole beside A and B */
} mmpo_lora_config;

/* ADAMW keeps two float32 moments an element. ADAMW_8BIT keeps 8-bit codes of them and a float32 scale for 256 codes; parameters
 * of fewer than 4,096 elements and the embedding keep float32 ones. */
enum mmpo_optimizer { MMPO_ADAMW = 0, MMPO_ADAMW_8BIT = 1 };

typedef struct mmpo_optimizer_config {
  double beta1;
  double beta2;
  double epsilon;
  double weight_decay; /* decoupled, of matrices only */
  int32_t recompute; /* mmpo_recompute */
  int32_t optimizer; /* mmpo_optimizer */
  int32_t
      no_master_weights; /* of a bfloat16 model without an adapter. 0: it is trained in float32 master weights; 1: in its
                              * own weights, and every update is rounded to bfloat16 */
} mmpo_optimizer_config;

typedef struct mmpo_sampling {
  double temperature; /* 0: greedy */
  double top_p; /* in (0, 1]; 1: off */
  int64_t top_k; /* 0: off */
  uint64_t seed;
  int64_t max_new_tokens;
} mmpo_sampling;

/* When gradients are reduced over ranks. STEP: once an update, beside the backward pass of its last slice where that is announced
 * (mmpo_trainer_expect_step): a rank has the whole gradient. MICRO_BATCH, of zero_stage 2: every slice's, so that a rank keeps the sums
 * of its own parts alone. */
enum mmpo_reduce { MMPO_REDUCE_STEP = 0, MMPO_REDUCE_MICRO_BATCH = 1 };

/* A trainer that shares its work with those of other processes (ranks), all made with the same settings. Weights are on every rank;
 * zero_stage 0: gradients and the optimizer's state, too; 1: a rank has the optimizer's state of its own parts, and float32 master
 * weights of a bfloat16 model without an adapter; 2: and their gradients. All ranks make the same calls of the trainer in the same order. */
typedef struct mmpo_sharding {
  void*
      backend; /* a c10d::Backend of this process, borrowed for the trainer's life: Gloo's for the CPU, NCCL's for CUDA */
  int64_t bucket_bytes; /* gradients that are sent together, as float32; changes no result */
  int32_t zero_stage; /* 0, 1 or 2 */
  int32_t reduce; /* mmpo_reduce */
  int32_t reduce_dtype; /* in which gradients are sent: MMPO_FLOAT32, or MMPO_BFLOAT16; they are added up in float32 */
  int32_t overlap; /* 0: every bucket is waited for at once; changes no result */
} mmpo_sharding;

/* What of the named parameter a tensor of a trainer's state holds: count of its elements from begin on, in its order. Of block-wise scales
 * ("exp_avg_absmax." ...) begin is a block's number. */
typedef struct mmpo_range {
  int64_t begin;
  int64_t count;
} mmpo_range;

typedef struct mmpo_model mmpo_model;
typedef struct mmpo_trainer mmpo_trainer;

/* The MMPO_ABI_VERSION that the library was built with. */
MMPO_API int32_t mmpo_abi_version(void);

/* One line: LibTorch's version, the CPU capability in use, and whether the CUDA side is there. Static storage. */
MMPO_API const char* mmpo_build_info(void);

/* Threads that tensor operations use in this process; num_threads >= 1. */
MMPO_API int32_t mmpo_set_num_threads(int32_t num_threads, mmpo_error* err);
MMPO_API int32_t mmpo_get_num_threads(void);

/* What a device is. problem: why it cannot be used, empty where it can. description: one line, empty where it cannot. */
typedef struct mmpo_device_info {
  int32_t is_built; /* 1: this library was built for it */
  char description[252];
  char problem[512];
} mmpo_device_info;
MMPO_API int32_t mmpo_device_describe(int32_t device, mmpo_device_info* out_info, mmpo_error* err);

/* The most memory that LibTorch has held there so far; 0 for the CPU, and where nothing was computed yet. Costs next to nothing. */
MMPO_API int32_t mmpo_device_peak_bytes(int32_t device, int64_t* out_bytes, mmpo_error* err);

/* Computes a matrix product and an attention of a few rows there, forward and backward, and compares them with what is right.
 * MMPO_INVALID_ARGUMENT: the device cannot be used; MMPO_INTERNAL: what failed or is wrong, and LibTorch's words for it. */
MMPO_API int32_t mmpo_device_check(int32_t device, mmpo_error* err);

/* Copies the weights, converted to compute_dtype (MMPO_FLOAT32 or MMPO_BFLOAT16), into memory of the device that the model owns.
 * tensors: every parameter of the config by its Hugging Face name, in any order; unknown names are an error, save a
 * lm_head.weight beside tied embeddings and rotary inv_freq buffers.
 * device: an mmpo_device.
 * MMPO_INVALID_ARGUMENT: config or device; MMPO_INVALID_MODEL: tensors, naming the one; MMPO_OUT_OF_MEMORY. */
MMPO_API int32_t mmpo_model_create(const mmpo_model_config* config, const mmpo_tensor* tensors, int64_t num_tensors,
                                   int32_t compute_dtype, int32_t device, mmpo_model** out_model, mmpo_error* err);
/* Copies num_bytes bytes of tensor number index, from its byte offset on, to out_data. Not 0: they cannot be read. Called in
 * the order of tensors and bytes, by the thread that creates the model. */
typedef int32_t (*mmpo_read_weights)(void* context, int64_t index, int64_t offset, int64_t num_bytes, void* out_data);

/* The same of weights that are read a piece at a time, so that they are never in memory all at once: data of the tensors is not
 * looked at. MMPO_INTERNAL: read failed; it is not called again. */
MMPO_API int32_t mmpo_model_load(const mmpo_model_config* config, const mmpo_tensor* tensors, int64_t num_tensors,
                                 mmpo_read_weights read, void* context, int32_t compute_dtype, int32_t device,
                                 mmpo_model** out_model, mmpo_error* err);
/* A trainer made from the model must be freed first. */
MMPO_API void mmpo_model_free(mmpo_model* model);

/* Parameters in the order of the flat buffer, which is fixed for a config. */
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

/* How numbers between two of a narrower type are rounded. STOCHASTIC: to either of them, with the probability that makes the number
 * the mean; a function of the seed, of the tensor's name and of the place in it. */
enum mmpo_rounding_mode { MMPO_ROUND_NEAREST = 0, MMPO_ROUND_STOCHASTIC = 1 };

/* What rounding left of an update, the difference of trained weights from those that training began with. The rounded update is
 * that of the two after both were rounded, the beginning always to the nearest. */
typedef struct mmpo_rounding {
  int64_t num_weights;
  int64_t num_moved; /* weights whose update is not 0 */
  int64_t num_kept; /* of them, those whose rounded update is not 0 either */
  double update_squares; /* sum of squares of the update */
  double rounded_squares; /* the same of the rounded update */
} mmpo_rounding;

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
 * adapter the adapter's, the rest is frozen. It owns gradients (fp32), the optimizer's state and, for a bfloat16 model without
 * an adapter, fp32 master weights (unless no_master_weights), each of the size of what it trains. The masters begin as the model's
 * weights; mmpo_trainer_load gives them what a file has beyond bfloat16. */
MMPO_API int32_t mmpo_trainer_create(mmpo_model* model, const mmpo_optimizer_config* config, mmpo_trainer** out_trainer,
                                     mmpo_error* err);
MMPO_API void mmpo_trainer_free(mmpo_trainer* trainer);
/* The same of several ranks; one rank makes no collective. Rank r of N accumulates rows [r b, (r + 1) b) of each micro-batch of N b, as
 * many of them as there are: a batch may be empty (num_groups 0). The objective's scale is that of all ranks' rows: gradients are
 * summed over ranks. MMPO's reward_range is passed, or gathered; AOT's pairs and CHOSEN_NLL's lengths are gathered. A failed collective is
 * MMPO_COLLECTIVE, and names it: the trainer is then of no use. */
MMPO_API int32_t mmpo_trainer_create_sharded(mmpo_model* model, const mmpo_optimizer_config* config,
                                             const mmpo_sharding* sharding, mmpo_trainer** out_trainer,
                                             mmpo_error* err);
/* Groups of the next micro-batch are numbers first_group and on of the update's, of all ranks: what dropout leaves of them is a function of
 * that, so that it is the same however rows are shared out. Not called: they follow those of the last micro-batch. */
MMPO_API int32_t mmpo_trainer_expect_groups(mmpo_trainer* trainer, int64_t first_group, mmpo_error* err);
/* The next micro-batch is the last one before mmpo_trainer_step, so that its gradients may be reduced as they are made. */
MMPO_API int32_t mmpo_trainer_expect_step(mmpo_trainer* trainer, mmpo_error* err);
/* Values of every rank, as many on each, in the order of ranks: out_all [ranks * num_values]. backend: a c10d::Backend of the CPU; what: names
 * the exchange in messages. MMPO_COLLECTIVE where it fails. */
MMPO_API int32_t mmpo_backend_gather(void* backend, const char* what, const double* values, int64_t num_values,
                                     double* out_all, mmpo_error* err);
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

/* What a trainer holds, as named tensors. PARAMETERS: what is trained, in float32 (a bfloat16 model's master weights, an
 * adapter's own, else the model's own) or in bfloat16 without master weights, by the model's or the adapter's names. GRADIENTS: their gradients, by the same names.
 * OPTIMIZER: the optimizer's state, "exp_avg.<parameter>" say; all zeros at first. PARAMETERS and OPTIMIZER, with the
 * number of updates, are what a checkpoint needs, since every update begins a gradient of its own: between two, GRADIENTS
 * are those of the last, and the next micro-batch writes over them; an update without a micro-batch has none. */
enum mmpo_state { MMPO_STATE_PARAMETERS = 0, MMPO_STATE_GRADIENTS = 1, MMPO_STATE_OPTIMIZER = 2 };
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
/* PARAMETERS from tensors of any float type, as mmpo_model_create takes them; the model's weights follow.
 * MMPO_INVALID_MODEL: tensors, naming the one. */
MMPO_API int32_t mmpo_trainer_load(mmpo_trainer* trainer, const mmpo_tensor* tensors, int64_t num_tensors,
                                   mmpo_error* err);
/* Number of updates done: the t of Adam's bias correction. */
MMPO_API int32_t mmpo_trainer_num_steps(const mmpo_trainer* trainer, int64_t* out_num_steps, mmpo_error* err);
/* After the state was written from a checkpoint: sets the number of updates and refreshes the model's weights, from all ranks' parts. */
MMPO_API int32_t mmpo_trainer_restore(mmpo_trainer* trainer, int64_t num_steps, mmpo_error* err);

#ifdef __cplusplus
}
#endif

#endif
