package io.mmpo.nativelib;

/**
 * What one micro-batch of G groups with C completions gave. The arrays belong to the caller.
 *
 * @param losses [G] of each pair (SFT: of each group, summed over its tokens), not scaled; NaN where MMPO was given no
 *     references, which it needs none of when the rejected completions are left out
 * @param logps [C] summed over tokens, nats
 * @param rewards [C] the loss's implicit rewards (MMPO: the scores s), NaN for SFT
 */
public record BatchResult(double[] losses, double[] logps, double[] rewards) {}
