package io.mmpo.nativelib;

/**
 * What a model makes of a batch's completions.
 *
 * @param logps [C] summed over tokens, nats
 * @param greedy [C] whether greedy decoding after the prompt gives the completion, the first of equal logits being taken
 */
public record CompletionScores(double[] logps, boolean[] greedy) {}
