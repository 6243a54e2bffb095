package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class TruncationTest {
    private static TokenizationOptions maxLength(int max, TruncationMode mode) {
        return new TokenizationOptions(OptionalInt.of(max), OptionalInt.empty(), OptionalInt.empty(), mode);
    }

    private static Truncation.Result apply(TokenizationOptions options, int[] prompt, int[]... completions) {
        return new Truncation(options)
                .apply(new SampleTokenizer.Encoded(prompt, completions, false, SampleTokenizer.Parting.NONE));
    }

    private static int[] concat(int[] a, int[] b) {
        return IntStream.concat(Arrays.stream(a), Arrays.stream(b)).toArray();
    }

    /** What TRL's collator leaves of a sequence, keep_start. */
    @Property
    void keepStartIsAPrefixOfEverySequence(
            @ForAll @Size(min = 1, max = 12) int[] prompt,
            @ForAll @Size(min = 1, max = 12) int[] chosen,
            @ForAll @Size(min = 1, max = 12) int[] rejected,
            @ForAll @IntRange(min = 2, max = 20) int max) {
        Truncation.Result result = apply(maxLength(max, TruncationMode.KEEP_START), prompt, chosen, rejected);
        if (prompt.length >= max) {
            assertThat(result.verdict()).isEqualTo(Truncation.Verdict.LONG_PROMPT);
            return;
        }
        assertThat(result.verdict()).isEqualTo(Truncation.Verdict.KEPT);
        int[][] original = {chosen, rejected};
        for (int i = 0; i < 2; i++) {
            int[] whole = concat(prompt, original[i]);
            assertThat(concat(result.prompt(), result.completions()[i]))
                    .isEqualTo(Arrays.copyOf(whole, Math.min(max, whole.length)));
        }
        assertThat(result.promptCut()).isFalse();
        assertThat(result.completionCut()).isEqualTo(prompt.length + Math.max(chosen.length, rejected.length) > max);
    }

    @Property
    void keepEndIsASuffixOfEverySequenceWithOnePrompt(
            @ForAll @Size(min = 1, max = 12) int[] prompt,
            @ForAll @Size(min = 1, max = 12) int[] chosen,
            @ForAll @Size(min = 1, max = 12) int[] rejected,
            @ForAll @IntRange(min = 2, max = 20) int max) {
        Truncation.Result result = apply(maxLength(max, TruncationMode.KEEP_END), prompt, chosen, rejected);
        assertThat(result.verdict()).isEqualTo(Truncation.Verdict.KEPT);
        int kept = result.prompt().length;
        assertThat(result.prompt())
                .isEqualTo(Arrays.copyOfRange(prompt, prompt.length - kept, prompt.length))
                .isNotEmpty();
        int[][] original = {chosen, rejected};
        for (int i = 0; i < 2; i++) {
            int[] completion = result.completions()[i];
            int length = original[i].length;
            assertThat(completion)
                    .isEqualTo(Arrays.copyOfRange(original[i], length - completion.length, length))
                    .isNotEmpty();
            assertThat(kept + completion.length).isLessThanOrEqualTo(max);
        }
        int longest = Math.max(chosen.length, rejected.length);
        assertThat(kept).isEqualTo(Math.clamp(max - longest, 1, prompt.length)); // nothing is cut without need
    }

    /** A single completion is cut as TRL's SFTTrainer cuts; its first token has no loss there either. */
    @Property
    void singleCompletionEqualsASliceOfTheSequence(
            @ForAll @Size(max = 8) int[] anyPrompt,
            @ForAll @Size(min = 2, max = 12) int[] anyCompletion,
            @ForAll @IntRange(min = 2, max = 12) int max,
            @ForAll TruncationMode mode) {
        int[] prompt = Ids.plain(anyPrompt); // a token that is less than 0 is only read
        int[] completion = Ids.plain(anyCompletion);
        Truncation.Result result = apply(maxLength(max, mode), prompt, completion);
        int[] whole = concat(prompt, completion);
        int from = mode == TruncationMode.KEEP_END ? Math.max(0, whole.length - max) : 0;
        int to = mode == TruncationMode.KEEP_END ? whole.length : Math.min(whole.length, max);
        int scoredFrom = Math.max(from + 1, prompt.length); // first position that is both predicted and trained on
        if (scoredFrom >= to) {
            assertThat(result.verdict()).isNotEqualTo(Truncation.Verdict.KEPT);
            return;
        }
        assertThat(result.verdict()).isEqualTo(Truncation.Verdict.KEPT);
        assertThat(result.prompt()).isEqualTo(Arrays.copyOfRange(whole, from, scoredFrom));
        assertThat(result.completions()[0]).isEqualTo(Arrays.copyOfRange(whole, scoredFrom, to));
    }

    @Property
    void promptLosesItsStartAndCompletionsTheirEnd(
            @ForAll @Size(min = 1, max = 10) int[] prompt,
            @ForAll @Size(min = 1, max = 10) int[] chosen,
            @ForAll @Size(min = 1, max = 10) int[] rejected,
            @ForAll @IntRange(min = 1, max = 12) int maxPrompt,
            @ForAll @IntRange(min = 1, max = 12) int maxCompletion) {
        TokenizationOptions options = new TokenizationOptions(
                OptionalInt.empty(),
                OptionalInt.of(maxPrompt),
                OptionalInt.of(maxCompletion),
                TruncationMode.KEEP_START);
        Truncation.Result result = apply(options, prompt, chosen, rejected);
        assertThat(result.prompt())
                .isEqualTo(Arrays.copyOfRange(prompt, Math.max(0, prompt.length - maxPrompt), prompt.length));
        assertThat(result.completions()[0]).isEqualTo(Arrays.copyOf(chosen, Math.min(chosen.length, maxCompletion)));
        assertThat(result.completions()[1])
                .isEqualTo(Arrays.copyOf(rejected, Math.min(rejected.length, maxCompletion)));
        assertThat(result.promptCut()).isEqualTo(prompt.length > maxPrompt);
        assertThat(result.completionCut()).isEqualTo(Math.max(chosen.length, rejected.length) > maxCompletion);
    }

    @Test
    void pairWithoutAPromptSharesItsFirstToken() {
        Truncation.Result shared =
                apply(TokenizationOptions.UNLIMITED, new int[0], new int[] {1, 2}, new int[] {1, 3, 4});
        assertThat(shared.prompt()).containsExactly(1);
        assertThat(shared.completions()).isDeepEqualTo(new int[][] {{2}, {3, 4}});
        assertThat(apply(TokenizationOptions.UNLIMITED, new int[0], new int[] {1, 2}, new int[] {2, 2})
                        .verdict())
                .isEqualTo(Truncation.Verdict.NO_PROMPT);
        assertThat(apply(TokenizationOptions.UNLIMITED, new int[0], new int[] {1}, new int[] {1, 2})
                        .verdict())
                .isEqualTo(Truncation.Verdict.EMPTY_COMPLETION);
    }

    @Test
    void limitsAreChecked() {
        assertThatThrownBy(() -> maxLength(1, TruncationMode.KEEP_START))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("max_length must be at least 2, got 1");
    }
}
