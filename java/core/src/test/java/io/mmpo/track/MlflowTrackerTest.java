package io.mmpo.track;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.containing;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a tracking server is sent. bench/track/check sends it to MLflow's own. */
class MlflowTrackerTest {
    private static final String API = "/api/2.0/mlflow/";
    private static final String SECRET = "s3cret";

    @TempDir
    Path directory;

    private final WireMockServer server =
            new WireMockServer(WireMockConfiguration.options().dynamicPort());
    private final List<String> messages = new ArrayList<>();

    @BeforeEach
    void start() {
        server.start();
        server.stubFor(get(urlPathEqualTo(API + "experiments/get-by-name"))
                .willReturn(okJson("{\"experiment\": {\"experiment_id\": \"7\"}}")));
        server.stubFor(post(urlPathEqualTo(API + "runs/create"))
                .willReturn(okJson("{\"run\": {\"info\": {\"run_id\": \"abc\"}}}")));
        server.stubFor(post(urlPathEqualTo(API + "runs/log-batch")).willReturn(okJson("{}")));
        server.stubFor(post(urlPathEqualTo(API + "runs/update")).willReturn(okJson("{}")));
    }

    @AfterEach
    void stop() {
        server.stop();
    }

    private Tracker open(boolean resumed, Map<String, String> settings) {
        Map<String, String> environment = new HashMap<>(Map.of("MLFLOW_TRACKING_URI", server.baseUrl() + "/"));
        environment.put("MLFLOW_TRACKING_TOKEN", SECRET);
        environment.put("MLFLOW_EXPERIMENT_NAME", "mine & others");
        TrackedRun run = new TrackedRun(directory, settings, 0, resumed);
        return MlflowTracker.open(run, MlflowSettings.of(environment), messages::add);
    }

    private List<JsonNode> bodies(String path) throws IOException {
        List<JsonNode> bodies = new ArrayList<>();
        for (var request : server.findAll(postRequestedFor(urlPathEqualTo(API + path)))) {
            assertThat(request.getHeader("Authorization")).isEqualTo("Bearer " + SECRET);
            bodies.add(new ObjectMapper().readTree(request.getBodyAsString()));
        }
        return bodies;
    }

    @Test
    void settingsAreParametersAndLinesAreMetrics() throws IOException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (int i = 0; i < 150; i++) {
            settings.put("key" + i, i == 0 ? "x".repeat(900) : "value");
        }
        try (Tracker tracker = open(false, settings)) {
            tracker.log(Lines.evaluation(3, 0.25));
            tracker.log(Lines.summary(4, 2));
            tracker.ended(Tracker.Ending.FINISHED);
        }
        assertThat(server.getAllServeEvents().stream()
                        .map(event -> event.getRequest().getUrl()))
                .contains(API + "experiments/get-by-name?experiment_name=mine+%26+others");
        JsonNode created = bodies("runs/create").getFirst();
        assertThat(created.path("experiment_id").asText()).isEqualTo("7");
        assertThat(created.path("run_name").asText())
                .isEqualTo(directory.getFileName().toString());
        List<JsonNode> batches = bodies("runs/log-batch");
        assertThat(batches)
                .hasSize(4)
                .allMatch(batch -> batch.path("run_id").asText().equals("abc"));
        assertThat(batches.get(0).path("params")).hasSize(100);
        assertThat(batches.get(0).path("params").get(0).path("value").asText())
                .hasSize(500)
                .endsWith("…");
        assertThat(batches.get(1).path("params")).hasSize(50);
        JsonNode metric = batches.get(2).path("metrics").get(0);
        assertThat(metric.path("key").asText()).isEqualTo("eval_loss");
        assertThat(metric.path("value").doubleValue()).isEqualTo(0.25);
        assertThat(metric.path("step").intValue()).isEqualTo(3);
        assertThat(metric.path("timestamp").longValue()).isGreaterThan(1_600_000_000_000L);
        assertThat(batches.get(2).path("metrics").findValuesAsText("key"))
                .containsExactly("eval_loss", "eval_rewards/margins", "epoch");
        assertThat(batches.get(3).path("metrics").findValuesAsText("key")).containsExactly("train_loss", "epoch");
        assertThat(bodies("runs/update").getLast().path("status").asText()).isEqualTo("FINISHED");
        assertThat(String.join("\n", messages)).contains("run abc").doesNotContain(SECRET, "warning");
        assertThat(directory.resolve("mlflow.json")).content().doesNotContain(SECRET);
    }

    @Test
    void aRunThatGoesOnWritesIntoTheSame() throws IOException {
        open(false, Map.of("seed", "1")).close();
        assertThat(bodies("runs/update").getLast().path("status").asText()).isEqualTo("FAILED");
        try (Tracker tracker = open(true, Map.of("seed", "1"))) {
            tracker.ended(Tracker.Ending.INTERRUPTED);
        }
        assertThat(bodies("runs/create")).hasSize(1);
        assertThat(bodies("runs/log-batch")).hasSize(1);
        assertThat(bodies("runs/update").stream()
                        .map(body -> body.path("status").asText()))
                .containsExactly("FAILED", "RUNNING", "KILLED");
        open(false, Map.of()).close();
        assertThat(bodies("runs/create")).hasSize(2);
    }

    /** A server takes no metric back, and a run that goes on has its summary at another step. */
    @Test
    void theSummaryOfARunThatDidNotEndWellIsNotSent() throws IOException {
        try (Tracker tracker = open(false, Map.of())) {
            tracker.log(Lines.evaluation(5, 1));
            tracker.log(Lines.summary(5, 1));
        }
        try (Tracker tracker = open(true, Map.of())) {
            tracker.log(Lines.evaluation(5, 1));
            tracker.log(Lines.summary(6, 1));
            tracker.ended(Tracker.Ending.FINISHED);
        }
        assertThat(bodies("runs/log-batch").stream()
                        .filter(batch -> batch.has("metrics"))
                        .map(batch -> batch.path("metrics").get(0).path("key").asText() + " "
                                + batch.path("metrics").get(0).path("step").asInt()))
                .containsExactly("eval_loss 5", "eval_loss 5", "train_loss 6");
    }

    @Test
    void anExperimentIsMadeWhereThereIsNone() throws IOException {
        server.stubFor(get(urlPathEqualTo(API + "experiments/get-by-name"))
                .willReturn(aResponse()
                        .withStatus(404)
                        .withBody("{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"none\"}")));
        server.stubFor(
                post(urlPathEqualTo(API + "experiments/create")).willReturn(okJson("{\"experiment_id\": \"9\"}")));
        open(false, Map.of()).close();
        assertThat(bodies("experiments/create").getFirst().path("name").asText())
                .isEqualTo("mine & others");
        assertThat(bodies("runs/create").getFirst().path("experiment_id").asText())
                .isEqualTo("9");
    }

    /** Lines wait while the server is away, and arrive in their order. */
    @Test
    void aServerThatIsAwayForAWhileLosesNothing() throws IOException {
        server.stubFor(post(urlPathEqualTo(API + "runs/log-batch"))
                .withRequestBody(containing("\"step\":1"))
                .inScenario("away")
                .whenScenarioStateIs(Scenario.STARTED)
                .willReturn(aResponse().withStatus(503).withBody("<html>"))
                .willSetStateTo("back"));
        try (Tracker tracker = open(false, Map.of())) {
            tracker.log(Lines.summary(1, 1));
            tracker.log(Lines.summary(2, 2));
            tracker.ended(Tracker.Ending.FINISHED);
        }
        List<JsonNode> lines = bodies("runs/log-batch").stream()
                .filter(body -> body.has("metrics"))
                .toList();
        assertThat(lines.stream()
                        .map(body -> body.path("metrics").get(0).path("step").intValue()))
                .containsExactly(1, 1, 2);
        assertThat(messages)
                .anyMatch(line -> line.contains("does not answer (status 503); metrics wait until it does"));
    }

    @Test
    void aRefusedLineIsSaidAndTheRunGoesOn() {
        server.stubFor(post(urlPathEqualTo(API + "runs/log-batch"))
                .withRequestBody(containing("metrics"))
                .willReturn(aResponse().withStatus(400).withBody("{\"message\": \"bad name\"}")));
        try (Tracker tracker = open(false, Map.of())) {
            tracker.log(Lines.evaluation(1, 1));
        }
        assertThat(messages).anyMatch(line -> line.contains("refused runs/log-batch (status 400, bad name)"));
    }

    @Test
    void noServerIsAnErrorBeforeTraining() {
        Map<String, String> environment = Map.of("MLFLOW_TRACKING_URI", server.baseUrl());
        server.stop();
        assertThatThrownBy(() -> MlflowTracker.open(
                        new TrackedRun(directory, Map.of(), 0, false), MlflowSettings.of(environment), messages::add))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessageContaining("gave no run to write into");
    }

    @Test
    void addressesThatAreNoServersAreRefused() {
        for (String address : List.of("file:///tmp/mlruns", "sqlite:///x.db", "databricks", "http://me:secret@host")) {
            assertThatThrownBy(() -> MlflowSettings.of(Map.of("MLFLOW_TRACKING_URI", address)))
                    .hasMessageContaining("must be the http or https address of a tracking server")
                    .hasMessageNotContaining("secret");
        }
        assertThatThrownBy(() -> MlflowSettings.of(Map.of())).hasMessageContaining("needs the environment variable");
        assertThat(MlflowSettings.of(Map.of(
                                "MLFLOW_TRACKING_URI",
                                "https://h",
                                "MLFLOW_TRACKING_USERNAME",
                                "a",
                                "MLFLOW_TRACKING_PASSWORD",
                                "b"))
                        .authorization())
                .contains("Basic YTpi");
    }
}
