package io.mmpo.track;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.RunMetrics;
import io.mmpo.TrainingSummary;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A run of an MLflow experiment: settings as parameters, every line of metrics as metrics. The server must answer before training begins;
 * from then on a {@link MlflowSender} sends, so that a server that is slow or away holds up nothing. mlflow.json in the run's directory
 * remembers the run, and a run that goes on writes into the same one. A server takes no metric back. What was sent of steps that are done
 * again is sent again, and the later value of a step counts; a summary, which only the end of a run has, waits until the run has ended well.
 */
final class MlflowTracker implements Tracker {
    static final String FILE = "mlflow.json";

    /** What the server takes in one call, of parameters and of a parameter's letters. */
    private static final int MAX_PARAMETERS = 100;

    private static final int MAX_LETTERS = 500;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String runId;
    private final MlflowSender sender;
    private final List<MlflowSender.Call> atTheEnd = new ArrayList<>();
    private String status = "FAILED";

    private MlflowTracker(String runId, MlflowSender sender) {
        this.runId = runId;
        this.sender = sender;
    }

    static MlflowTracker open(TrackedRun run, MlflowSettings settings, Consumer<String> messages) {
        MlflowClient client = new MlflowClient(settings);
        try {
            Optional<String> earlier =
                    settings.run().or(() -> run.resumed() ? remembered(run.directory(), settings) : Optional.empty());
            String runId = earlier.isPresent() ? reopened(client, earlier.get()) : created(client, run, settings);
            remember(run.directory(), settings, runId);
            messages.accept("MLflow: run " + PrintableText.line(runId) + " of experiment "
                    + PrintableText.line(settings.experiment()) + " on " + settings.server());
            return new MlflowTracker(
                    runId, new MlflowSender(client, settings.server().toString(), messages));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while MLflow was asked for a run", e);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "MLflow's server %s, which MLFLOW_TRACKING_URI names, gave no run to write into: %s. Start it (`mlflow server`) or name"
                            + " another, or write report_to: none.",
                    settings.server(),
                    Objects.requireNonNullElse(e.getMessage(), e.toString()));
        }
    }

    /** Its parameters stay as they were when it began. */
    private static String reopened(MlflowClient client, String runId) throws IOException, InterruptedException {
        client.post("runs/update", JSON.createObjectNode().put("run_id", runId).put("status", "RUNNING"));
        return runId;
    }

    private static String created(MlflowClient client, TrackedRun run, MlflowSettings settings)
            throws IOException, InterruptedException {
        ObjectNode body = JSON.createObjectNode()
                .put("experiment_id", experiment(client, settings.experiment()))
                .put("run_name", run.name())
                .put("start_time", System.currentTimeMillis());
        JsonNode created = client.post("runs/create", body);
        String runId = created.path("run").path("info").path("run_id").asText();
        if (runId.isEmpty()) {
            throw new IOException("its answer to runs/create holds no run_id");
        }
        ArrayNode parameters = JSON.createArrayNode();
        for (Map.Entry<String, String> setting : run.settings().entrySet()) {
            String value = setting.getValue();
            parameters
                    .addObject()
                    .put("key", setting.getKey())
                    .put("value", value.length() <= MAX_LETTERS ? value : value.substring(0, MAX_LETTERS - 1) + "…");
            if (parameters.size() == MAX_PARAMETERS) {
                log(client, runId, parameters);
                parameters = JSON.createArrayNode();
            }
        }
        log(client, runId, parameters);
        return runId;
    }

    private static void log(MlflowClient client, String runId, ArrayNode parameters)
            throws IOException, InterruptedException {
        ObjectNode body = JSON.createObjectNode().put("run_id", runId);
        body.set("params", parameters);
        client.post("runs/log-batch", body);
    }

    private static String experiment(MlflowClient client, String name) throws IOException, InterruptedException {
        try {
            return client.get("experiments/get-by-name", "experiment_name", name)
                    .path("experiment")
                    .path("experiment_id")
                    .asText();
        } catch (MlflowClient.Refused e) {
            if (!e.isOf("RESOURCE_DOES_NOT_EXIST")) {
                throw e;
            }
            return client.post("experiments/create", JSON.createObjectNode().put("name", name))
                    .path("experiment_id")
                    .asText();
        }
    }

    private static Optional<String> remembered(Path directory, MlflowSettings settings) {
        Path file = directory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        ObjectNode json = JsonFile.read(file);
        boolean isSameServer =
                json.path("server").asText().equals(settings.server().toString());
        return isSameServer ? Optional.of(json.path("run_id").asText()) : Optional.empty();
    }

    private static void remember(Path directory, MlflowSettings settings, String runId) {
        ObjectNode json = JSON.createObjectNode()
                .put("server", settings.server().toString())
                .put("run_id", runId);
        AtomicFile.write(directory.resolve(FILE), json.toPrettyString() + "\n");
    }

    @Override
    public void log(RunMetrics line) {
        ObjectNode body = JSON.createObjectNode().put("run_id", runId);
        ArrayNode values = body.putArray("metrics");
        long now = System.currentTimeMillis();
        TrackedRun.numbers(line)
                .forEach((name, value) -> values.addObject()
                        .put("key", name)
                        .put("value", value.doubleValue())
                        .put("timestamp", now)
                        .put("step", line.step()));
        MlflowSender.Call call = new MlflowSender.Call("runs/log-batch", body);
        if (line instanceof TrainingSummary) {
            atTheEnd.add(call);
        } else {
            sender.send(call);
        }
    }

    @Override
    public void ended(Ending ending) {
        status = ending == Ending.FINISHED ? "FINISHED" : "KILLED";
        if (ending == Ending.FINISHED) {
            atTheEnd.forEach(sender::send);
        }
    }

    @Override
    public void close() {
        ObjectNode body = JSON.createObjectNode()
                .put("run_id", runId)
                .put("status", status)
                .put("end_time", System.currentTimeMillis());
        sender.sendLast(List.of(new MlflowSender.Call("runs/update", body)));
    }
}
