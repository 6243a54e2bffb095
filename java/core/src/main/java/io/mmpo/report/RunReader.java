package io.mmpo.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.config.SavedConfig;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/** Reads a run's directory, whatever state the run left it in. */
final class RunReader {
    private static final String CONFIG = "config.yaml";
    private static final String STATE = "trainer_state.json";

    private final Path directory;
    private final List<String> notes = new ArrayList<>();

    private RunReader(Path directory) {
        this.directory = directory;
    }

    static Run read(Path directory, String name) {
        return new RunReader(directory).run(name);
    }

    private Run run(String name) {
        if (!Files.isDirectory(directory)) {
            throw MmpoException.data(
                    "%s is no directory; give the output_dir of a training run, which holds %s and %s.",
                    directory, CONFIG, MetricsHistory.FILE);
        }
        Optional<JsonNode> state = newestState();
        boolean hasMetrics = Files.isRegularFile(directory.resolve(MetricsHistory.FILE));
        boolean hasConfig = Files.isRegularFile(directory.resolve(CONFIG));
        if (!hasMetrics && !hasConfig && state.isEmpty()) {
            throw MmpoException.data(
                    "%s is no training run: it has neither %s nor %s nor a checkpoint with %s. Give the output_dir of a run.",
                    directory, CONFIG, MetricsHistory.FILE, STATE);
        }
        Map<String, String> settings = settings(hasConfig);
        MetricsHistory metrics = metrics(hasMetrics, state);
        notes.addAll(metrics.notes());
        if (metrics.lines().isEmpty()) {
            notes.add("There are no metrics to show.");
        }
        RunEvaluations evaluations = RunEvaluations.of(directory, metrics);
        notes.addAll(evaluations.notes());
        RunAnswers answers = RunAnswers.of(directory);
        notes.addAll(answers.notes());
        return new Run(
                name,
                directory,
                settings,
                metrics,
                plannedSteps(settings, state),
                evaluations.all(),
                answers.all(),
                List.copyOf(notes));
    }

    private Map<String, String> settings(boolean hasConfig) {
        if (!hasConfig) {
            notes.add("There is no " + CONFIG + ", so its settings and its loss are not known.");
            return Map.of();
        }
        try {
            return SavedConfig.read(directory.resolve(CONFIG)).values();
        } catch (MmpoException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s. A report reads the %s that a run wrote; put it back, or remove it to see the run without its settings.",
                    e.getMessage(),
                    CONFIG);
        }
    }

    private MetricsHistory metrics(boolean hasMetrics, Optional<JsonNode> state) {
        if (hasMetrics) {
            return MetricsHistory.read(directory.resolve(MetricsHistory.FILE));
        }
        notes.add("There is no " + MetricsHistory.FILE
                + (state.isPresent() ? "; what is shown is the log of its newest checkpoint." : "."));
        return MetricsHistory.of(state.map(json -> json.path("log_history")).orElse(JsonFile.MAPPER.missingNode()));
    }

    private static OptionalInt plannedSteps(Map<String, String> settings, Optional<JsonNode> state) {
        String maxSteps = settings.getOrDefault("max_steps", "");
        if (maxSteps.matches("[1-9]\\d{0,8}")) {
            return OptionalInt.of(Integer.parseInt(maxSteps));
        }
        return state.map(json -> json.path("max_steps").asInt(0))
                .filter(steps -> steps > 0)
                .map(OptionalInt::of)
                .orElse(OptionalInt.empty());
    }

    /** Of the newest checkpoint that has one. */
    private Optional<JsonNode> newestState() {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.filter(entry -> CheckpointName.stepOf(entry).isPresent())
                    .max(Comparator.comparingInt(
                            entry -> CheckpointName.stepOf(entry).getAsInt()))
                    .map(checkpoint -> checkpoint.resolve(STATE))
                    .filter(Files::isRegularFile)
                    .map(JsonFile::read);
        } catch (IOException e) {
            throw IoProblem.unreadable(directory, e);
        }
    }
}
