package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.mmpo.data.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerWriterTest {
    private static final List<String> TEXTS =
            List.of("The sky is blue.", "The sea is blue.", "3 plus 4 is 7. 3 plus 4 is 7.");

    @TempDir
    Path directory;

    @Test
    void theMostFrequentPairIsMergedFirst() {
        // i-s, l-u (of blue and plus) and space-i stand four times each: the first in the alphabet, where the space is
        // Ġ, goes first.
        List<BytePairTrainer.Merge> merges = BytePairTrainer.learn(TEXTS, 2);
        assertThat(merges).containsExactly(new BytePairTrainer.Merge("i", "s"), new BytePairTrainer.Merge("l", "u"));
    }

    @Test
    void learningEndsWhereNothingOccursTwice() {
        assertThat(BytePairTrainer.learn(List.of("abcd"), 10)).isEmpty();
        assertThat(BytePairTrainer.learn(List.of("aaa aaa"), 10))
                .extracting(BytePairTrainer.Merge::token)
                .startsWith("aa");
    }

    @Test
    void theAlphabetIsThatOfTheTokenizersLibrary() {
        assertThat(BytePairTrainer.alphabet()).hasSize(256).doesNotHaveDuplicates();
        assertThat(BytePairTrainer.alphabet().get(' ')).isEqualTo("Ġ");
        assertThat(BytePairTrainer.alphabet().get('\n')).isEqualTo("Ċ");
        assertThat(BytePairTrainer.alphabet().get('a')).isEqualTo("a");
    }

    @Test
    void everyTextComesBack() {
        int numTokens = TokenizerWriter.write(directory, BytePairTrainer.learn(TEXTS, 100), 256);
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            for (String text : List.of("The sky is blue.", "Ärger, 日本 🙂!", "  two  spaces\n\n", "<|im_end|>")) {
                int[] ids = tokenizer.encode(text, true);
                assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
                assertThat(IntStream.of(ids).max().orElseThrow()).isLessThan(numTokens);
            }
            assertThat(tokenizer.encode("The sky is", false))
                    .as("a learned word is one token")
                    .hasSizeLessThan(7);
            assertThat(tokenizer.bosTokenId()).hasValue(TokenizerWriter.BOS_TOKEN_ID);
            assertThat(tokenizer.eosTokenId()).hasValue(TokenizerWriter.EOS_TOKEN_ID);
            assertThat(tokenizer.padTokenId()).hasValue(TokenizerWriter.PAD_TOKEN_ID);
            String text = tokenizer
                    .chatTemplate()
                    .orElseThrow()
                    .render(List.of(Map.of("role", "user", "content", "Hi")), true);
            assertThat(text).isEqualTo("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
        }
    }

    /** The same ids in Python's tokenizers library. */
    @Test
    void pythonReadsTheSameIds() throws IOException, InterruptedException {
        TokenizerWriter.write(directory, BytePairTrainer.learn(TEXTS, 100), 256);
        String text = "<|im_start|>user\nThe sky is blue, Ärger 日本 3 plus 4?<|im_end|>";
        String python = "from tokenizers import Tokenizer; import sys; "
                + "print(*Tokenizer.from_file(sys.argv[1]).encode(sys.argv[2]).ids)";
        String interpreter = Optional.ofNullable(System.getenv("MMPO_PYTHON")).orElse("python3");
        Process process = new ProcessBuilder(
                        interpreter,
                        "-c",
                        python,
                        directory.resolve("tokenizer.json").toString(),
                        text)
                .start();
        String out = new String(process.getInputStream().readAllBytes()).strip();
        String err = new String(process.getErrorStream().readAllBytes());
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assumeTrue(!err.contains("No module named"), "skipped: Python has no tokenizers package (set MMPO_PYTHON)");
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            String ids = IntStream.of(tokenizer.encode(text, true))
                    .mapToObj(Integer::toString)
                    .collect(Collectors.joining(" "));
            assertThat(out).as(err).isEqualTo(ids);
        }
    }

    @Test
    void aTokenHasOneId() {
        Set<String> tokens = new HashSet<>();
        List<BytePairTrainer.Merge> merges = BytePairTrainer.learn(TEXTS, 100);
        merges.forEach(merge -> tokens.add(merge.token()));
        assertThat(TokenizerWriter.write(directory, merges, 256)).isEqualTo(3 + 256 + tokens.size());
    }
}
