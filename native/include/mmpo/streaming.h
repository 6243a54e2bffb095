/* Generation that is heard while it goes on. The conventions are those of mmpo.h. */
#ifndef MMPO_STREAMING_H
#define MMPO_STREAMING_H

#include "mmpo/mmpo.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Hears a token that was produced for a prompt, on the thread that generates. Not 0: that prompt's text ends with it. It may not call
 * anything of the model's. */
typedef int32_t (*mmpo_hear_token)(void* context, int64_t prompt, int32_t token);

/* mmpo_model_generate, and hear hears each token when it is there. hear: not NULL; context: handed to it as it is. */
MMPO_API int32_t mmpo_model_stream(mmpo_model* model, const int32_t* tokens, const int32_t* prompt_lengths,
                                   int64_t num_prompts, const int32_t* stop_tokens, int64_t num_stop_tokens,
                                   const mmpo_sampling* sampling, mmpo_hear_token hear, void* context,
                                   int32_t* out_tokens, int32_t* out_lengths, mmpo_error* err);

#ifdef __cplusplus
}
#endif

#endif
