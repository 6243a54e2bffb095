package example.embed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The service as its users and its operator meet it: over HTTP, by restarts and by a kill. */
@Timeout(120)
class EmbedTest {
    private static final List<String> QUESTIONS = TinyModel.questions();

    @TempDir
    Path temporary;

    private Path model;
    private Path directory;

    @BeforeEach
    void prepare() throws IOException {
        model = TinyModel.copyTo(temporary.resolve("model"));
        directory = temporary.resolve("service");
        TinyModel.writeKeys(directory, 20);
    }

    private Embed start() throws IOException {
        return Embed.start(model, directory, 0, Optional.empty());
    }

    @Test
    void feedbackChangesItsAnswersAndARestartKeepsBoth() throws Exception {
        String before;
        JsonNode tuned;
        try (Embed embed = start()) {
            Client client = new Client(embed.port());
            JsonNode first = client.chat(QUESTIONS.getFirst());
            before = first.get("reply").asText();
            assertThat(before).isNotBlank();
            assertThat(first.get("model").asText()).isEqualTo("base");
            assertThat(client.send("POST", "/tune", "").status()).isEqualTo(422);

            client.judge(QUESTIONS, "Lily saw a red ball.");
            assertThat(client.status().get("verdicts").asInt()).isEqualTo(2 * QUESTIONS.size());
            assertThat(client.send("POST", "/tune", "").status()).isEqualTo(202);
            assertThat(client.send("POST", "/tune", "").status()).isEqualTo(409);
            JsonNode meanwhile = client.chat(QUESTIONS.getFirst());
            assertThat(meanwhile.get("model").asText()).isEqualTo("base");
            assertThat(meanwhile).isEqualTo(first);

            JsonNode status = client.await(now -> !now.get("tuning").asBoolean());
            assertThat(status.has("failure")).as(status.toString()).isFalse();
            tuned = client.chat(QUESTIONS.getFirst());
            assertThat(tuned.get("model").asText()).isEqualTo("run-1");
            assertThat(tuned.get("reply").asText()).isNotEqualTo(before);
        }
        try (Embed embed = start()) {
            Client client = new Client(embed.port());
            assertThat(client.chat(QUESTIONS.getFirst())).isEqualTo(tuned);
            assertThat(client.status().get("verdicts").asInt()).isEqualTo(2 * QUESTIONS.size());
        }
    }

    @Test
    void itTunesAtItsTimeOfDay() throws Exception {
        try (Embed embed = start()) {
            new Client(embed.port()).judge(QUESTIONS, "Lily saw a red ball.");
        }
        try (Embed embed =
                Embed.start(model, directory, 0, Optional.of(LocalTime.now().plusSeconds(2)))) {
            Client client = new Client(embed.port());
            assertThat(client.await(now -> now.get("model").asText().equals("run-1"))
                            .has("failure"))
                    .isFalse();
        }
    }

    /** A line that a crash has left half-written was never acknowledged; a run that it has ended is begun anew. */
    @Test
    void aKillLosesNothingThatWasAcknowledged() throws Exception {
        TinyModel.writeKeys(directory, 1_000_000);
        Process process = startProcess();
        try (BufferedReader out = process.inputReader()) {
            Client client = new Client(Integer.parseInt(out.readLine().replaceFirst(".*:", "")));
            client.judge(QUESTIONS, "Lily saw a red ball.");
            assertThat(client.send("POST", "/tune", "").status()).isEqualTo(202);
            client.await(now -> now.path("phase").asText().equals("TRAINING")
                    && now.get("done").asInt() > 0);
            process.destroyForcibly().waitFor();
        } finally {
            process.destroyForcibly();
        }
        Files.writeString(directory.resolve("feedback.jsonl"), "{\"messages\": [{\"ro", StandardOpenOption.APPEND);
        TinyModel.writeKeys(directory, 2);
        try (Embed embed = start()) {
            Client client = new Client(embed.port());
            assertThat(client.status().get("verdicts").asInt()).isEqualTo(2 * QUESTIONS.size());
            assertThat(client.status().get("model").asText()).isEqualTo("base");
            client.judge(List.of("Is the ball red?"), "The ball was red.");
            assertThat(client.send("POST", "/tune", "").status()).isEqualTo(202);
            JsonNode status = client.await(now -> !now.get("tuning").asBoolean());
            assertThat(status.get("model").asText()).isEqualTo("run-2");
            assertThat(directory.resolve("runs/run-1")).doesNotExist();
        }
        assertThat(Files.readAllLines(directory.resolve("feedback.jsonl"))).hasSize(2 * QUESTIONS.size() + 2);
    }

    private Process startProcess() throws IOException {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin/java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dmmpo.libtorch=" + System.getProperty("mmpo.libtorch", ""),
                        "-cp",
                        classPath,
                        Embed.class.getName(),
                        model.toString(),
                        directory.toString(),
                        "0")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    @Test
    void aStopEndsARun() throws Exception {
        TinyModel.writeKeys(directory, 1_000_000);
        try (Embed embed = start()) {
            Client client = new Client(embed.port());
            client.judge(QUESTIONS, "Lily saw a red ball.");
            assertThat(client.send("POST", "/tune", "").status()).isEqualTo(202);
            assertThatThrownBy(this::start)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("belongs to another service that runs");
        }
        try (Embed embed = start()) {
            assertThat(new Client(embed.port()).status().get("model").asText()).isEqualTo("base");
        }
    }

    @Test
    void whatItDoesNotUnderstandIsSaid() throws Exception {
        try (Embed embed = start()) {
            Client client = new Client(embed.port());
            assertThat(client.send("POST", "/chat", "{\"messages\": ").status()).isEqualTo(400);
            assertThat(client.send("POST", "/chat", "null").status()).isEqualTo(400);
            assertThat(client.send("POST", "/chat", "{}").body().get("error").asText())
                    .contains("messages");
            assertThat(client.post("/chat", Map.of("messages", Client.messages("Who?"), "max_new_tokens", 0))
                            .body())
                    .hasToString("{\"error\":\"maxNewTokens must be at least 1, got 0\"}");
            assertThat(client.post(
                                    "/feedback",
                                    Map.of("messages", Client.messages("Who?"), "accepted", "Tom.", "rejectd", "Ball."))
                            .body())
                    .asString()
                    .contains("rejectd");
            assertThat(client.post("/feedback", Map.of("messages", Client.messages("Who?")))
                            .body())
                    .hasToString(
                            "{\"error\":\"give the reply that was accepted, the one that was rejected, or both\"}");
            assertThat(client.send("POST", "/chat", " ".repeat((1 << 20) + 1)).status())
                    .isEqualTo(400);
            assertThat(client.send("DELETE", "/tune", "").status()).isEqualTo(405);
            assertThat(client.send("GET", "/tunes", "").status()).isEqualTo(404);
            assertThat(client.status().get("verdicts").asInt()).isZero();
        }
    }
}
