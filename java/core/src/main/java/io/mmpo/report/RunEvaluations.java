package io.mmpo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import io.mmpo.run.CheckpointName;
import io.mmpo.run.MetricsHistory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;

/**
 * What mmpo eval left below a run's directory: results.json of tests of ability in lm-evaluation-harness's shape, score.json of
 * AlpacaEval. The checkpoint is the one that the file's path names, else the one that the file says; where neither says anything, it is the
 * final model. What the file says to be of another model, the one that training began with say, is none of the run's.
 *
 * @param all one an evaluated checkpoint, in the order of their steps
 */
record RunEvaluations(List<Evaluation> all, List<String> notes) {
    private static final double PERCENT = 100;
    private static final String ACCURACY = "acc,none";

    static RunEvaluations of(Path run, MetricsHistory metrics) {
        return new Reader(run, metrics).read();
    }

    private static final class Reader {
        private final Path run;
        private final MetricsHistory metrics;
        private final Map<String, ObjectNode> results = new TreeMap<>();
        private final Map<String, ObjectNode> scores = new TreeMap<>();
        private final List<String> notes = new ArrayList<>();

        Reader(Path run, MetricsHistory metrics) {
            this.run = run;
            this.metrics = metrics;
        }

        RunEvaluations read() {
            enter("results.json", "results", results);
            enter("score.json", "win_rate", scores);
            Set<String> checkpoints = new HashSet<>(results.keySet());
            checkpoints.addAll(scores.keySet());
            List<Evaluation> evaluations = new ArrayList<>();
            for (String checkpoint : checkpoints) {
                evaluations.add(evaluation(checkpoint));
            }
            evaluations.sort(Comparator.comparingInt(Evaluation::step).thenComparing(Evaluation::checkpoint));
            return new RunEvaluations(List.copyOf(evaluations), List.copyOf(notes));
        }

        private void enter(String name, String key, Map<String, ObjectNode> byCheckpoint) {
            for (Path file : ResultFiles.named(name, run)) {
                ObjectNode json = JsonFile.read(file);
                if (!json.has(key)) {
                    notes.add(run.relativize(file) + " has no " + key + ", so it is left out.");
                    continue;
                }
                String model = json.path("model_name").asText("").replace('\0', ' ');
                Optional<String> named =
                        CheckpointName.in(run.relativize(file)).or(() -> ownCheckpoint(Path.of(model)));
                if (named.isEmpty() && !model.isBlank()) {
                    notes.add(run.relativize(file) + " is of " + PrintableText.line(model)
                            + ", which is no model of this run, so it is left out.");
                    continue;
                }
                String checkpoint = named.orElse(CheckpointName.FINAL);
                if (byCheckpoint.putIfAbsent(checkpoint, json) != null) {
                    notes.add(run.relativize(file) + " is a second " + name + " of " + checkpoint
                            + ", so it is left out.");
                }
            }
        }

        /** Of a model's path, where it leads to one of this run's, whose directory may be named by a link. */
        private Optional<String> ownCheckpoint(Path model) {
            Path place = model.getParent();
            boolean isOwn = place == null
                    || place.endsWith(run.toAbsolutePath().normalize().getFileName())
                    || place.endsWith(realPath().getFileName());
            return isOwn ? CheckpointName.in(model) : Optional.empty();
        }

        private Path realPath() {
            try {
                return run.toRealPath();
            } catch (IOException e) {
                throw IoProblem.unreadable(run, e);
            }
        }

        private Evaluation evaluation(String checkpoint) {
            int step = CheckpointName.stepOf(checkpoint).orElse(metrics.lastStep());
            JsonNode result =
                    Optional.<JsonNode>ofNullable(results.get(checkpoint)).orElse(JsonFile.MAPPER.missingNode());
            JsonNode score =
                    Optional.<JsonNode>ofNullable(scores.get(checkpoint)).orElse(JsonFile.MAPPER.missingNode());
            Map<String, Double> accuracies = accuracies(result);
            return new Evaluation(
                    checkpoint,
                    step,
                    metrics.epochAt(step),
                    accuracies,
                    accuracies.values().stream()
                            .mapToDouble(accuracy -> accuracy)
                            .average(),
                    number(score.path("win_rate")),
                    number(score.path("length_controlled_winrate")),
                    Optional.empty());
        }

        /** Of whole tasks: the parts of a group that has its own accuracy there are not counted beside it. */
        private static Map<String, Double> accuracies(JsonNode result) {
            JsonNode tasks = result.path("results");
            Set<String> parts = new HashSet<>();
            result.path("group_subtasks").properties().forEach(group -> {
                if (tasks.path(group.getKey()).path(ACCURACY).isNumber()) {
                    group.getValue().forEach(part -> parts.add(part.asText()));
                }
            });
            Map<String, Double> accuracies = new LinkedHashMap<>();
            tasks.properties().forEach(task -> {
                OptionalDouble accuracy = number(task.getValue().path(ACCURACY));
                if (accuracy.isPresent() && !parts.contains(task.getKey())) {
                    accuracies.put(task.getKey(), accuracy.getAsDouble() * PERCENT);
                }
            });
            return accuracies;
        }

        private static OptionalDouble number(JsonNode node) {
            return node.isNumber() && Double.isFinite(node.doubleValue())
                    ? OptionalDouble.of(node.doubleValue())
                    : OptionalDouble.empty();
        }
    }
}
