package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class PackedBatchTest {
    @Test
    void packsGroupByGroup() {
        PackedBatch batch = PackedBatch.of(
                List.of(new int[] {1, 2}, new int[] {7}), List.of(new int[][] {{3}, {4, 5, 6}}, new int[][] {{8, 9}}));
        assertThat(batch.tokens()).containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 9);
        assertThat(batch.promptLengths()).containsExactly(2, 1);
        assertThat(batch.groupSizes()).containsExactly(2, 1);
        assertThat(batch.completionLengths()).containsExactly(1, 3, 2);
        assertThat(batch.numGroups()).isEqualTo(2);
        assertThat(batch.numCompletions()).isEqualTo(3);
    }

    /** Of a rank whose share of a micro-batch is empty. */
    @Test
    void mayHaveNoGroups() {
        assertThat(PackedBatch.of(List.of(), List.of()).numGroups()).isZero();
    }

    @Test
    void refusesWhatDoesNotAddUp() {
        assertThatThrownBy(() -> PackedBatch.of(List.of(new int[] {1}), List.of()))
                .hasMessage("every prompt needs its completions, got 1 prompts and completions of 0");
        assertThatThrownBy(() -> one(new int[0], new int[] {1}))
                .hasMessage("every prompt length must be >= 1, number 0 is 0");
        assertThatThrownBy(() -> one(new int[] {1}, new int[] {1}, new int[0]))
                .hasMessage("every completion length must be >= 1, number 1 is 0");
        assertThatThrownBy(() -> one(new int[] {1})).hasMessage("every group size must be >= 1, number 0 is 0");
        assertThatThrownBy(() -> new PackedBatch(new int[3], new int[] {1}, new int[] {1}, new int[] {1}))
                .hasMessage("the lengths add up to 2 tokens, got 3");
        assertThatThrownBy(() -> new PackedBatch(new int[2], new int[] {1}, new int[] {2}, new int[] {1}))
                .hasMessage("the group sizes add up to 2 completions, got 1 completion lengths");
        assertThatThrownBy(() -> new PackedBatch(new int[2], new int[] {1}, new int[] {1, 1}, new int[] {1}))
                .hasMessage("a batch needs one prompt length and one group size a group, got 1 and 2");
    }

    @Test
    void lengthsThatOverflowAnIntDoNotWrapAround() {
        int huge = Integer.MAX_VALUE;
        assertThatThrownBy(() -> new PackedBatch(
                        new int[0], new int[] {huge, huge, 2}, new int[] {1, 1, 1}, new int[] {1, 1, 1}))
                .hasMessage("the lengths add up to 4294967299 tokens, got 0");
    }

    private static PackedBatch one(int[] prompt, int[]... completions) {
        return PackedBatch.of(List.of(prompt), List.<int[][]>of(completions));
    }
}
