package io.mmpo.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.config.SavedConfig;
import io.mmpo.files.JsonFile;
import io.mmpo.run.MetricsHistory;
import io.mmpo.run.RunDirectory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Reads a run's directory, whatever state the run left it in. */
final class RunReader {
    private static final String CONFIG = RunDirectory.CONFIG;
    private static final String METRICS = RunDirectory.METRICS;

    private final Path path;
    private final RunDirectory directory;
    private final List<String> notes = new ArrayList<>();

    private RunReader(Path path) {
        this.path = path;
        this.directory = new RunDirectory(path);
    }

    static Run read(Path directory, String name) {
        return new RunReader(directory).run(name);
    }

    private Run run(String name) {
        if (!Files.isDirectory(path)) {
            throw MmpoException.data(
                    "%s is no directory; give the output_dir of a training run, which holds %s and %s.",
                    path, CONFIG, METRICS);
        }
        Optional<JsonNode> state = directory.newestState();
        boolean hasMetrics = Files.isRegularFile(directory.metrics());
        boolean hasConfig = Files.isRegularFile(directory.config());
        if (!hasMetrics && !hasConfig && state.isEmpty()) {
            throw MmpoException.data(
                    "%s is no training run: it has neither %s nor %s nor a checkpoint with trainer_state.json. Give the output_dir of a run.",
                    path, CONFIG, METRICS);
        }
        Map<String, String> settings = settings(hasConfig);
        MetricsHistory metrics = metrics(hasMetrics, state);
        notes.addAll(metrics.notes());
        if (metrics.lines().isEmpty()) {
            notes.add("There are no metrics to show.");
        }
        RunEvaluations evaluations = RunEvaluations.of(path, metrics);
        notes.addAll(evaluations.notes());
        RunAnswers answers = RunAnswers.of(path);
        notes.addAll(answers.notes());
        return new Run(
                name,
                path,
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
            return SavedConfig.read(directory.config()).values();
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
            return MetricsHistory.read(directory.metrics());
        }
        notes.add("There is no " + METRICS
                + (state.isPresent() ? "; what is shown is the log of its newest checkpoint." : "."));
        return MetricsHistory.ofTrainerState(state.orElse(JsonFile.MAPPER.missingNode()));
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
}
