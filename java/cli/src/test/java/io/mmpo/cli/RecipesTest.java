package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The recipes of examples/recipes: their numbers are the paper's, and each trains with the arguments of smoke.args. */
@Timeout(120)
class RecipesTest {
    private static final Path RECIPES = Path.of("../../examples/recipes");

    @TempDir
    private Path directory;

    private static List<String> recipes() throws IOException {
        try (Stream<Path> files = Files.list(RECIPES)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".yaml"))
                    .sorted()
                    .toList();
        }
    }

    /** The arguments as the README hands them over, with the tests' model and rows in the place of quickstart's. */
    private List<Object> smoke(String recipe) throws IOException {
        Map<String, String> ours = Map.of(
                "model_name_or_path", SharedFiles.path("models/stories260k").toString(),
                "output_dir", directory.resolve("run").toString());
        List<Object> words = new ArrayList<>(List.of("train", RECIPES.resolve(recipe)));
        for (String argument : Files.readAllLines(RECIPES.resolve("smoke.args"))) {
            String key = argument.substring(0, argument.indexOf('='));
            words.add(ours.containsKey(key) ? key + "=" + ours.get(key) : argument);
        }
        words.add("dataset_name=" + rows(recipe.endsWith("-sft.yaml")));
        words.add("cache_dir=no");
        return words;
    }

    private Path rows(boolean sft) throws IOException {
        String row = sft
                ? "{\"prompt\": \"Once upon a time %d\", \"completion\": \" there was a cat.\"}"
                : "{\"prompt\": \"Once upon a time %d\", \"chosen\": \" there was a cat.\", \"rejected\": \" no.\"}";
        return Files.write(
                directory.resolve("rows.jsonl"),
                IntStream.range(0, 8).mapToObj(row::formatted).toList());
    }

    @ParameterizedTest
    @MethodSource("recipes")
    void trainsWithTheSmokeArguments(String recipe) throws IOException {
        Cli.run(smoke(recipe).toArray()).succeeds();
        Path run = directory.resolve("run");
        List<JsonNode> metrics = Cli.readJsonLines(run.resolve("metrics.jsonl"));
        assertThat(metrics).extracting(line -> line.path("step").intValue()).contains(1, 2);
        assertThat(metrics.getFirst().get("loss").doubleValue()).isFinite();
        assertThat(run.resolve("final")).isDirectory();
    }

    /** Table 3 of arXiv 2510.22881; γ is γ/β times β. */
    @ParameterizedTest
    @CsvSource({
        "smollm2-135m, 5e-4, 5e-4, 1e-4, 1.6",
        "smollm2-360m, 5e-4, 5e-5, 1e-4, 1.6",
        "llama-3.2-1b, 5e-4, 5e-4, 5e-4, 1.0",
        "llama-3-8b, 1e-4, 1e-5, 1e-4, 1.0",
    })
    void numbersAreTheTables(String model, double mmpo, double dpo, double simpo, double gammaOfBeta) {
        assertThat(learningRate(model + "-mmpo")).isEqualTo(mmpo);
        assertThat(learningRate(model + "-dpo")).isEqualTo(dpo);
        assertThat(learningRate(model + "-simpo")).isEqualTo(simpo);
        Map<String, String> keys = keys(model + "-simpo");
        assertThat(Double.parseDouble(keys.get("simpo_gamma")))
                .isEqualTo(gammaOfBeta * Double.parseDouble(keys.get("beta")));
        assertThat(keys(model + "-mmpo")).containsEntry("mmpo_reward_epsilon", "0.9");
    }

    @Test
    void aStepHasThePapersPairs() throws IOException {
        for (String recipe : recipes()) {
            if (!recipe.endsWith("-sft.yaml")) {
                TrainingConfig config = TrainingConfig.load(RECIPES.resolve(recipe));
                assertThat(config.batches().trainBatchSize() * config.batches().gradientAccumulationSteps())
                        .as(recipe)
                        .isEqualTo(128);
            }
        }
    }

    private static double learningRate(String recipe) {
        return Double.parseDouble(keys(recipe).get("learning_rate"));
    }

    /** The file's own scalar lines: what a reader sees. */
    private static Map<String, String> keys(String recipe) {
        try (Stream<String> lines = Files.lines(RECIPES.resolve(recipe + ".yaml"))) {
            return lines.filter(line -> line.matches("[a-z0-9_]+: [^#]+.*"))
                    .collect(Collectors.toMap(
                            line -> line.substring(0, line.indexOf(':')),
                            line -> line.substring(line.indexOf(':') + 1)
                                    .replaceFirst("#.*", "")
                                    .strip()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
