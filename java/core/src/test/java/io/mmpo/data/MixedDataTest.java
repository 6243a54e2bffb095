package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.tokens.TokenizationOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MixedDataTest {
    @TempDir
    private Path directory;

    private TokenizedDataset rows(String name, int... prompts) throws IOException {
        StringBuilder lines = new StringBuilder();
        IntStream.of(prompts).forEach(prompt -> lines.append(TestRows.pair(prompt)));
        Path file = Files.writeString(directory.resolve(name), lines);
        return RowKind.PREFERENCE.open(file, TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED);
    }

    @Test
    void weightsSayHowOftenARowIsVisited() throws IOException {
        try (MixedData mixed = new MixedData(
                List.of(
                        new MixedData.Part(rows("a.jsonl", 10, 11), 2),
                        new MixedData.Part(rows("b.jsonl", 20, 21, 22, 23), 0.5),
                        new MixedData.Part(rows("c.jsonl", 30), 1)),
                7)) {
            List<Integer> prompts = TestRows.prompts(mixed);
            assertThat(prompts).hasSize(mixed.size()).hasSize(7);
            assertThat(prompts.subList(0, 4)).containsExactly(10, 11, 10, 11);
            assertThat(prompts.subList(4, 6)).doesNotHaveDuplicates().allMatch(prompt -> prompt >= 20 && prompt < 24);
            assertThat(mixed.get(6).row()).as("counted through all data sets").isEqualTo(6);
            assertThat(mixed.get(6).prompt()).containsExactly(30);
            assertThat(mixed.numTokens(6)).isEqualTo(3);
            assertThat(mixed.summary().rows()).isEqualTo(7);
            assertThat(mixed.summary().medianTokens()).isEqualTo(3);
        }
    }

    @Test
    void sampleIsEvenWithoutRepetitionAndAFunctionOfTheSeed() {
        int[] hits = new int[10];
        Random random = new Random(1);
        for (int trial = 0; trial < 10_000; trial++) {
            int[] chosen = MixedData.choose(10, 0.3, random);
            assertThat(chosen).hasSize(3).doesNotHaveDuplicates().isSorted();
            IntStream.of(chosen).forEach(group -> hits[group]++);
        }
        // 3,000 expected, standard deviation 46
        assertThat(IntStream.of(hits).boxed()).allMatch(count -> count > 2770 && count < 3230);
        assertThat(MixedData.choose(1000, 1.25, new Random(5))).isEqualTo(MixedData.choose(1000, 1.25, new Random(5)));
        assertThat(MixedData.choose(3, 0.01, random)).as("at least one").hasSize(1);
    }
}
