package io.mmpo.judge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.openai.client.OpenAIClient;
import com.openai.core.JsonValue;
import com.openai.core.MultipartField;
import com.openai.core.ObjectMappers;
import com.openai.core.RequestOptions;
import com.openai.core.http.HttpResponse;
import com.openai.models.batches.Batch;
import com.openai.models.batches.BatchCreateParams;
import com.openai.models.batches.BatchError;
import com.openai.models.batches.BatchRequestCounts;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FilePurpose;
import io.mmpo.eval.judge.BatchService;
import io.mmpo.eval.judge.BatchStatus;
import io.mmpo.eval.judge.JudgeException;
import io.mmpo.eval.judge.Question;
import io.mmpo.eval.judge.Reply;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** OpenAI's batches: a file of questions goes up, one of answers and one of failures come down. */
final class OpenAiBatches implements BatchService {
    private static final JsonMapper JSON = ObjectMappers.jsonMapper();
    private static final String PATH = "/v1/chat/completions";

    /** Of a batch's metadata: the name that it was given here. */
    private static final String NAME = "mmpo";

    private static final int HTTP_OK = 200;

    private final OpenAIClient client;
    private final ServerProblem problems;
    /** A question's body, as it is sent alone. */
    private final Function<Question, JsonNode> body;

    OpenAiBatches(OpenAIClient client, ServerProblem problems, Function<Question, JsonNode> body) {
        this.client = client;
        this.problems = problems.ofBatches();
        this.body = body;
    }

    @Override
    public int maxQuestions() {
        return 50_000;
    }

    @Override
    public long maxBytes() {
        return 200_000_000;
    }

    @Override
    public long bytes(Item item) {
        return line(item).length;
    }

    private byte[] line(Item item) {
        JsonNode line = JSON.createObjectNode()
                .put("custom_id", item.id())
                .put("method", "POST")
                .put("url", PATH)
                .set("body", body.apply(item.question()));
        try {
            byte[] json = JSON.writeValueAsBytes(line);
            byte[] whole = Arrays.copyOf(json, json.length + 1);
            whole[json.length] = '\n';
            return whole;
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String create(String name, List<Item> items) throws JudgeException {
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        items.forEach(item -> lines.writeBytes(line(item)));
        FileCreateParams file = FileCreateParams.builder()
                .purpose(FilePurpose.BATCH)
                .file(MultipartField.<InputStream>builder()
                        .value(new ByteArrayInputStream(lines.toByteArray()))
                        .filename(NAME + "-" + name + ".jsonl")
                        .build())
                .build();
        return OpenAiJudge.attempt(problems, () -> {
            String input = client.files().create(file, whole()).id();
            return client.batches()
                    .create(BatchCreateParams.builder()
                            .inputFileId(input)
                            .endpoint(BatchCreateParams.Endpoint.of(PATH))
                            .completionWindow(BatchCreateParams.CompletionWindow._24H)
                            .metadata(BatchCreateParams.Metadata.builder()
                                    .putAdditionalProperty(NAME, JsonValue.from(name))
                                    .build())
                            .build())
                    .id();
        });
    }

    /** Of a request that carries a batch's questions or answers. */
    private static RequestOptions whole() {
        return RequestOptions.builder().timeout(RemoteJudge.BATCH_TIMEOUT).build();
    }

    @Override
    public Search find(String name, int questions, Instant begun) throws JudgeException {
        long earliest = begun.minus(RemoteJudge.CLOCKS_APART).getEpochSecond();
        return OpenAiJudge.attempt(
                problems,
                () -> new Search(
                        client.batches().list().autoPager().stream()
                                .takeWhile(batch -> batch.createdAt() >= earliest) // the newest come first
                                .filter(batch -> isNamed(batch, name))
                                .findFirst()
                                .map(Batch::id),
                        false));
    }

    private static boolean isNamed(Batch batch, String name) {
        return batch.metadata()
                .map(metadata -> JsonValue.from(name)
                        .equals(metadata._additionalProperties().get(NAME)))
                .orElse(false);
    }

    @Override
    public BatchStatus status(String id) throws JudgeException {
        return OpenAiJudge.attempt(problems, () -> {
            Batch batch = client.batches().retrieve(id);
            long done = batch.requestCounts().map(OpenAiBatches::done).orElse(0L);
            return switch (batch.status().value()) {
                case COMPLETED -> new BatchStatus(BatchStatus.State.COMPLETE, done, "");
                case EXPIRED -> new BatchStatus(BatchStatus.State.CUT_SHORT, done, "expired on the server");
                case CANCELLED -> new BatchStatus(BatchStatus.State.CUT_SHORT, done, "was cancelled on the server");
                case FAILED -> new BatchStatus(BatchStatus.State.REJECTED, done, "failed (" + errors(batch) + ")");
                default -> new BatchStatus(BatchStatus.State.RUNNING, done, "");
            };
        });
    }

    private static long done(BatchRequestCounts counts) {
        return counts.completed() + counts.failed();
    }

    private String errors(Batch batch) {
        return problems.safe(batch.errors().flatMap(Batch.Errors::data).stream()
                .flatMap(List::stream)
                .map(BatchError::message)
                .flatMap(Optional::stream)
                .distinct()
                .collect(Collectors.joining("; ")));
    }

    @Override
    public void results(String id, Results results) throws JudgeException {
        Batch batch = OpenAiJudge.attempt(problems, () -> client.batches().retrieve(id));
        for (String file : Stream.of(batch.outputFileId(), batch.errorFileId())
                .flatMap(Optional::stream)
                .toList()) {
            OpenAiJudge.attempt(problems, () -> {
                try (HttpResponse response = client.files().content(file, whole())) {
                    ResultLines.read(response.body(), JSON, results, this::reply);
                }
                return true;
            });
        }
    }

    private Reply reply(JsonNode line) throws JudgeException {
        JsonNode error = line.path("error");
        if (error.isObject()) { // it was not asked: batch_expired, batch_cancelled
            throw problems.passing(
                    error.path("code").asText() + ", " + error.path("message").asText());
        }
        JsonNode response = line.path("response");
        int status = response.path("status_code").asInt();
        if (status != HTTP_OK && status != 0) {
            throw problems.status(
                    status,
                    header -> List.of(),
                    new IllegalStateException(
                            response.path("body").path("error").path("message").asText()));
        }
        return OpenAiJudge.attempt(
                problems,
                () -> OpenAiJudge.read(ResultLines.value(JSON, response.path("body"), ChatCompletion.class)
                        .validate()));
    }
}
