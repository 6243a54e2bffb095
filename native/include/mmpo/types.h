/* The words of the C ABI: numbers and structs that the functions of mmpo.h take and give. Its conventions are stated there. */
#ifndef MMPO_TYPES_H
#define MMPO_TYPES_H

#include <stdint.h>

enum mmpo_status {
  MMPO_OK = 0,
  MMPO_INVALID_ARGUMENT = 1, /* an argument breaks its contract; nothing was changed */
  MMPO_INVALID_MODEL = 2, /* a weight is missing, of the wrong shape or dtype, or not finite */
  MMPO_OUT_OF_MEMORY = 3,
  MMPO_NON_FINITE =
      4, /* a gradient, a generated token's logits or a rounded weight are not finite; nothing was changed */
  MMPO_INTERNAL = 5,
  MMPO_COLLECTIVE = 6, /* an exchange with other ranks failed: one of them is gone, or did not come in time */
  MMPO_UNSUPPORTED =
      7 /* the arguments have a meaning, and this device, or a model of these sizes, cannot be computed so */
};

enum mmpo_dtype { MMPO_FLOAT32 = 0, MMPO_BFLOAT16 = 1, MMPO_FLOAT16 = 2, MMPO_UINT8 = 3 /* optimizer state only */ };

/* In what a model computes; weights and activations are of one type, save in two whose weights are frozen. BFLOAT16_OVER_FP8 holds the
 * matrices of the projections (q, k, v, o, gate, up, down) in e4m3 with a float32 scale for each of their rows, and what they multiply is
 * rounded in the same way, a token at a time (docs/numerics.md). FLOAT32_OVER_BFLOAT16, on the CPU, holds all weights in bfloat16, in which
 * they must be given: half the memory, and to the bit what FLOAT32 computes. The first two are mmpo_dtype's, and its others name no way to
 * compute. */
enum mmpo_compute {
  MMPO_COMPUTE_FLOAT32 = 0,
  MMPO_COMPUTE_BFLOAT16 = 1,
  MMPO_COMPUTE_BFLOAT16_OVER_FP8 = 4,
  MMPO_COMPUTE_FLOAT32_OVER_BFLOAT16 = 5
};

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
 * such a token is given as its complement, -1 - id. One at least of each completion is learnt.
 * A preamble is what all prompts begin with, given and computed once: prompts, then, are what comes behind it, at positions from
 * preamble_length on. On the CPU no bit of a score depends on how much of a prompt is given so. */
typedef struct mmpo_batch {
  const int32_t* tokens; /* [num_tokens], each in [0, vocab_size), or the complement of one that is */
  const int32_t* prompt_lengths; /* [num_groups], each >= 1 */
  const int32_t* group_sizes; /* [num_groups] completions of each group, each >= 1 */
  const int32_t* completion_lengths; /* [num_completions], each >= 1 */
  int64_t num_tokens; /* T: sum of all lengths */
  int64_t num_groups; /* G */
  int64_t num_completions; /* C: sum of group_sizes */
  const int32_t* preamble; /* [preamble_length], each in [0, vocab_size); NULL where there is none */
  int64_t preamble_length; /* 0: none, which is what every call but mmpo_model_logps and mmpo_model_score takes */
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

/* What a device is. problem: why it cannot be used, empty where it can. description: one line, empty where it cannot. */
typedef struct mmpo_device_info {
  int32_t is_built; /* 1: this library was built for it */
  int32_t
      bf16_is_faster; /* 1: it multiplies bfloat16 in less time than float32; a CPU without instructions for it does not */
  char description[248]; /* of a CPU: the instructions that are used, "AVX2", "AVX512", "AVX512_BF16" or "AMX" */
  char problem[512];
} mmpo_device_info;

/* What a trainer holds, as named tensors. PARAMETERS: what is trained, in float32 (a bfloat16 model's master weights, an
 * adapter's own, else the model's own) or in bfloat16 without master weights, by the model's or the adapter's names. GRADIENTS: their gradients, by the same names.
 * OPTIMIZER: the optimizer's state, "exp_avg.<parameter>" say; all zeros at first. PARAMETERS and OPTIMIZER, with the
 * number of updates, are what a checkpoint needs, since every update begins a gradient of its own: between two, GRADIENTS
 * are those of the last, and the next micro-batch writes over them; an update without a micro-batch has none. */
enum mmpo_state { MMPO_STATE_PARAMETERS = 0, MMPO_STATE_GRADIENTS = 1, MMPO_STATE_OPTIMIZER = 2 };

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

#endif
