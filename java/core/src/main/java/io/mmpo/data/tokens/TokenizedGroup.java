package io.mmpo.data.tokens;

/**
 * A prompt and its completions, as token ids. A preference pair has two completions, chosen before rejected; SFT has one. The
 * loss is over the completions' tokens, but for those that are only read (a user's turn between two answers): they are the
 * complements of their ids ({@link Ids}).
 *
 * @param row 0-based row of the file, before any row was dropped
 * @param prompt at least one id
 * @param completions each at least one id that is learnt
 */
public record TokenizedGroup(int row, int[] prompt, int[][] completions) {}
