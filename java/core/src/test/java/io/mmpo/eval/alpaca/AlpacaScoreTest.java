package io.mmpo.eval.alpaca;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AlpacaScoreTest {
    private static final String DATA = "data/alpaca_eval/";

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"FuseChat-Llama-3.2-1B-Instruct", "gpt-3.5-turbo-1106_verbose", "alpaca-7b"})
    void isThePublishedScore(String name) throws IOException {
        GamedRows gamed = GamedRows.read(SharedFiles.path(DATA + "df_gamed_reconstructed.csv"));
        AlpacaScore score = AlpacaScore.of(annotations(name), Optional.of(gamed), Optional.empty());
        JsonNode leaderboard =
                SharedFiles.json(DATA + "expected.json").path(name).path("leaderboard");
        HeadToHead rates = score.headToHead();
        assertThat(score.model()).isEqualTo(name);
        assertThat(rates.winRate()).isCloseTo(leaderboard.path("win_rate").doubleValue(), within(1e-9));
        assertThat(rates.standardError())
                .isCloseTo(leaderboard.path("standard_error").doubleValue(), within(1e-9));
        assertThat(rates.discreteWinRate())
                .isCloseTo(leaderboard.path("discrete_win_rate").doubleValue(), within(1e-9));
        assertThat(rates.wins()).isEqualTo(leaderboard.path("n_wins").intValue());
        assertThat(rates.baselineWins())
                .isEqualTo(leaderboard.path("n_wins_base").intValue());
        assertThat(rates.draws()).isEqualTo(leaderboard.path("n_draws").intValue());
        assertThat(rates.judged()).isEqualTo(leaderboard.path("n_total").intValue());
        assertThat(score.averageLength())
                .isEqualTo(leaderboard.path("avg_length").longValue());

        JsonNode published = SharedFiles.json(DATA + "lc_published.json").path(name);
        LengthControl control = score.lengthControl();
        assertThat(control.winRate())
                .isCloseTo(
                        published
                                .path("published")
                                .path("length_controlled_winrate")
                                .doubleValue(),
                        within(0.02));
        assertThat(control.standardError())
                .isCloseTo(
                        published
                                .path("reference_code_on_reconstruction")
                                .path("lc_standard_error")
                                .doubleValue(),
                        within(1e-3));
        JsonNode optimum = published.path("exact_optimum_at_C");
        assertThat(control.inversePenalty()).isCloseTo(optimum.path("C").doubleValue(), within(1e-9));
        assertThat(control.winRate())
                .isCloseTo(optimum.path("length_controlled_winrate").doubleValue(), within(1e-6));
        control.coefficients()
                .forEach((key, value) -> assertThat(value)
                        .as(key)
                        .isCloseTo(optimum.path("coefficients").path(key).doubleValue(), within(1e-6)));
    }

    static Stream<Object[]> models() {
        return Stream.of("FuseChat-Llama-3.2-1B-Instruct", "gpt-3.5-turbo-1106_verbose", "alpaca-7b")
                .flatMap(name -> Stream.of(LengthControl.Model.values()).map(model -> new Object[] {name, model}));
    }

    /** liblinear stops early, which moves these rates by up to 0.06 points, and may take another C where the loss hardly depends on it. */
    @ParameterizedTest
    @MethodSource("models")
    void eachModelOfVerdictsIsTheReferenceImplementations(String name, LengthControl.Model model) throws IOException {
        GamedRows gamed = GamedRows.read(SharedFiles.path(DATA + "df_gamed_standin.csv"));
        LengthControl control = LengthControl.of(annotations(name), Optional.of(gamed), model);
        JsonNode expected = SharedFiles.json(DATA + "expected.json")
                .path(name)
                .path("length_controlled_" + model.name().toLowerCase(Locale.ROOT));
        assertThat(control.winRate())
                .isCloseTo(expected.path("length_controlled_winrate").doubleValue(), within(0.1));
        assertThat(control.standardError())
                .isCloseTo(expected.path("lc_standard_error").doubleValue(), within(1e-2));
        assertThat(control.coefficients()).hasSameSizeAs(expected.path("coefficients"));
    }

    /** Of shares 0, 1/4, 1/2, 1: mean 7/16; squares sum to 35/64, so the deviation is sqrt(35/192) and the error half of it. */
    @Test
    void ratesOfFourVerdicts() throws IOException {
        Path file = Files.writeString(directory.resolve("four.jsonl"), """
                {"index": 0, "len_1": 10, "len_2": 20, "preference": 1}
                {"index": 1, "len_1": 10, "len_2": 10, "preference": 1.25}
                {"index": 2, "len_1": 10, "len_2": 5, "preference": 0}
                {"index": 3, "len_1": 10, "len_2": 5, "preference": 2.0}
                {"index": 4, "len_1": 10, "len_2": 5, "preference": null}
                """);
        HeadToHead rates = HeadToHead.of(Annotations.read(file));
        assertThat(rates.winRate()).isEqualTo(100 * 7 / 16.0);
        assertThat(rates.standardError()).isCloseTo(100 * Math.sqrt(35 / 192.0) / 2, within(1e-12));
        assertThat(rates.discreteWinRate()).isEqualTo(100 * 1.5 / 4);
        assertThat(rates).extracting(HeadToHead::wins, HeadToHead::baselineWins).containsExactly(1, 2);
        assertThat(rates).extracting(HeadToHead::draws, HeadToHead::judged).containsExactly(1, 4);
    }

    @Test
    void lengthsOfAnswersAreCodePoints() throws IOException {
        Path file = Files.writeString(directory.resolve("annotations.json"), """
                [{"instruction": "a", "output_1": "\\ud83d\\ude00b", "output_2": "abc", "generator_2": "m/1", "preference": 1.5}]
                """);
        Annotations read = Annotations.read(file);
        String judge = directory.getFileName().toString();
        assertThat(read).isEqualTo(new Annotations("m/1", judge, List.of(new Annotation(0, 2, 3, 1.5))));
    }

    @Test
    void whatCannotBeAVerdictIsNamed() throws IOException {
        assertError(
                "{\"index\": 0, \"len_1\": 1, \"len_2\": 1, \"preference\": 2.5}",
                "bad.jsonl, line 1",
                "preference",
                "2.5");
        assertError("{\"index\": 0, \"len_1\": 1, \"preference\": 2}", "line 1", "output_2", "len_2");
        assertError(
                "{\"index\": 0, \"len_1\": 1, \"len_2\": 1, \"preference\": 2}\n".repeat(2),
                "line 2",
                "index 0",
                "twice");
        assertError("", "no rows");
    }

    private void assertError(String text, String... words) throws IOException {
        Path file = Files.writeString(directory.resolve("bad.jsonl"), text);
        assertThatThrownBy(() -> Annotations.read(file))
                .isInstanceOf(MmpoException.class)
                .hasMessageContainingAll(words);
    }

    private static Annotations annotations(String name) {
        return Annotations.read(SharedFiles.path(DATA + name + ".jsonl"));
    }
}
