/* Generation that is heard while it goes on. The conventions are those of mmpo.h. */
#ifndef MMPO_STREAMING_H
#define MMPO_STREAMING_H

#include "mmpo/mmpo.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What follows a token that was heard: that prompt's text goes on; ends with it; all texts end, and prompts that have not begun stay
 * without one. */
enum mmpo_generation { MMPO_GENERATION_GOES_ON = 0, MMPO_GENERATION_ENDS_PROMPT = 1, MMPO_GENERATION_ENDS = 2 };

/* Hears a token that was produced for a prompt, on the thread that generates, and returns an mmpo_generation. It may not call anything of
 * the model's. */
typedef int32_t (*mmpo_hear_token)(void* context, int64_t prompt, int32_t token);

/* Continues prompts as mmpo_model_generate does, batch_size of them at a time (0: all): a text that ends gives its place to the next prompt,
 * the longest first. hear hears each token when it is there, and nothing else is returned.
 * streams: [num_prompts] numbers of the random streams that prompts draw from, made with the seed; NULL: their places. A prompt's text
 * depends on itself, its stream and the sampling alone, to the bit where the products do (docs/numerics.md).
 * hear: not NULL; context: handed to it as it is. */
MMPO_API int32_t mmpo_model_stream(mmpo_model* model, const int32_t* tokens, const int32_t* prompt_lengths,
                                   const int64_t* streams, int64_t num_prompts, int64_t batch_size,
                                   const int32_t* stop_tokens, int64_t num_stop_tokens, const mmpo_sampling* sampling,
                                   mmpo_hear_token hear, void* context, mmpo_error* err);

#ifdef __cplusplus
}
#endif

#endif
