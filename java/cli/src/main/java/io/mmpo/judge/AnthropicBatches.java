package io.mmpo.judge;

import com.anthropic.client.AnthropicClient;
import com.anthropic.core.ObjectMappers;
import com.anthropic.core.RequestOptions;
import com.anthropic.core.http.HttpResponse;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.batches.BatchCreateParams;
import com.anthropic.models.messages.batches.BatchListParams;
import com.anthropic.models.messages.batches.BatchResultsParams;
import com.anthropic.models.messages.batches.MessageBatch;
import com.anthropic.models.messages.batches.MessageBatchIndividualResponse;
import com.anthropic.models.messages.batches.MessageBatchRequestCounts;
import com.anthropic.models.messages.batches.MessageBatchResult;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.mmpo.eval.judge.BatchService;
import io.mmpo.eval.judge.BatchStatus;
import io.mmpo.eval.judge.JudgeException;
import io.mmpo.eval.judge.Question;
import io.mmpo.eval.judge.Reply;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Anthropic's message batches. */
final class AnthropicBatches implements BatchService {
    private static final JsonMapper JSON = ObjectMappers.jsonMapper();
    private static final long PAGE = 100;

    private final AnthropicClient client;
    private final ServerProblem problems;
    private final Function<Question, MessageCreateParams> request;

    /** request: as a question is sent alone. */
    AnthropicBatches(AnthropicClient client, ServerProblem problems, Function<Question, MessageCreateParams> request) {
        this.client = client;
        this.problems = problems.ofBatches();
        this.request = request;
    }

    @Override
    public int maxQuestions() {
        return 100_000;
    }

    @Override
    public long maxBytes() {
        return 256_000_000;
    }

    @Override
    public long bytes(Item item) {
        try {
            return JSON.writeValueAsBytes(request(item)).length + 1L; // and a comma
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private BatchCreateParams.Request request(Item item) {
        return BatchCreateParams.Request.builder()
                .customId(item.id())
                .params(JSON.convertValue(
                        request.apply(item.question())._body(), BatchCreateParams.Request.Params.class))
                .build();
    }

    @Override
    public String create(String name, List<Item> items) throws JudgeException {
        BatchCreateParams batch = BatchCreateParams.builder()
                .requests(items.stream().map(this::request).toList())
                .build();
        return AnthropicJudge.attempt(
                problems,
                () -> client.messages().batches().create(batch, whole()).id());
    }

    /** Of a request that carries a batch's questions or answers. */
    private static RequestOptions whole() {
        return RequestOptions.builder().timeout(RemoteJudge.BATCH_TIMEOUT).build();
    }

    /** A batch has no name here, but its results have its questions' ids, once they are there. */
    @Override
    public Search find(String name, int questions, Instant begun) throws JudgeException {
        Instant earliest = begun.minus(RemoteJudge.CLOCKS_APART);
        List<MessageBatch> candidates = AnthropicJudge.attempt(
                problems,
                () ->
                        client
                                .messages()
                                .batches()
                                .list(BatchListParams.builder().limit(PAGE).build())
                                .autoPager()
                                .stream()
                                .takeWhile(batch ->
                                        !batch.createdAt().toInstant().isBefore(earliest)) // the newest come first
                                .filter(batch -> total(batch.requestCounts()) == questions)
                                .toList());
        boolean undecided = false;
        for (MessageBatch candidate : candidates) {
            if (isRunning(candidate)) {
                undecided = true;
            } else if (holds(candidate.id(), name)) {
                return new Search(Optional.of(candidate.id()), false);
            }
        }
        return new Search(Optional.empty(), undecided);
    }

    private boolean holds(String id, String name) throws JudgeException {
        return AnthropicJudge.attempt(problems, () -> {
            try (var results = client.messages().batches().resultsStreaming(id)) {
                return results.stream()
                        .findFirst()
                        .filter(result -> result.customId().startsWith(name))
                        .isPresent();
            }
        });
    }

    private static boolean isRunning(MessageBatch batch) {
        return batch.processingStatus().value() != MessageBatch.ProcessingStatus.Value.ENDED;
    }

    private static long total(MessageBatchRequestCounts counts) {
        return counts.processing() + done(counts);
    }

    private static long done(MessageBatchRequestCounts counts) {
        return counts.succeeded() + counts.errored() + counts.canceled() + counts.expired();
    }

    @Override
    public BatchStatus status(String id) throws JudgeException {
        return AnthropicJudge.attempt(problems, () -> {
            MessageBatch batch = client.messages().batches().retrieve(id);
            MessageBatchRequestCounts counts = batch.requestCounts();
            if (isRunning(batch)) {
                return new BatchStatus(BatchStatus.State.RUNNING, done(counts), "");
            }
            if (counts.expired() > 0) {
                return new BatchStatus(BatchStatus.State.CUT_SHORT, done(counts), "expired on the server");
            }
            return counts.canceled() > 0
                    ? new BatchStatus(BatchStatus.State.CUT_SHORT, done(counts), "was cancelled on the server")
                    : new BatchStatus(BatchStatus.State.COMPLETE, done(counts), "");
        });
    }

    @Override
    public void results(String id, Results results) throws JudgeException {
        AnthropicJudge.attempt(problems, () -> {
            try (HttpResponse response = client.messages()
                    .batches()
                    .withRawResponse()
                    .resultsStreaming(id, BatchResultsParams.none(), whole())) {
                ResultLines.read(response.body(), JSON, results, this::reply);
            }
            return true;
        });
    }

    private Reply reply(JsonNode line) throws JudgeException {
        MessageBatchResult result = AnthropicJudge.attempt(
                problems,
                () -> ResultLines.value(JSON, line, MessageBatchIndividualResponse.class)
                        .result());
        if (result.isErrored()) {
            JsonNode error = line.path("result").path("error").path("error");
            String text =
                    error.path("type").asText() + ", " + error.path("message").asText();
            boolean isItsOwn = error.path("type").asText().equals("invalid_request_error");
            throw isItsOwn ? problems.refused(text) : problems.passing(text);
        }
        if (result.isExpired() || result.isCanceled()) {
            throw problems.passing(line.path("result").path("type").asText());
        }
        return AnthropicJudge.attempt(
                problems,
                () -> AnthropicJudge.read(result.asSucceeded().message().validate()));
    }
}
