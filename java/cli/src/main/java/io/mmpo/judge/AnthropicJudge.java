package io.mmpo.judge;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.JsonValue;
import com.anthropic.core.LogLevel;
import com.anthropic.errors.AnthropicException;
import com.anthropic.errors.AnthropicIoException;
import com.anthropic.errors.AnthropicServiceException;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import io.mmpo.eval.judge.BatchService;
import io.mmpo.eval.judge.JudgeException;
import io.mmpo.eval.judge.JudgeSpec;
import io.mmpo.eval.judge.Question;
import io.mmpo.eval.judge.Reply;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Anthropic's messages, which have no log-probabilities: a verdict is the name that is said. */
final class AnthropicJudge extends RemoteJudge {
    private final AnthropicClient client;

    AnthropicJudge(JudgeSpec spec, Optional<String> key) {
        super(spec, key);
        client = AnthropicOkHttpClient.builder()
                .baseUrl(spec.baseUrl().toString())
                .apiKey(key.orElse(NO_KEY))
                .maxRetries(0) // an attempt is paid for, so whoever counts decides
                .timeout(TIMEOUT)
                .logLevel(LogLevel.OFF)
                .build();
    }

    @Override
    public Reply ask(Question question) throws JudgeException {
        return attempt(
                problems, () -> read(client.messages().create(request(question)).validate()));
    }

    @Override
    public Optional<BatchService> batches() {
        return Optional.of(new AnthropicBatches(client, problems, this::request));
    }

    private MessageCreateParams request(Question question) {
        MessageCreateParams.Builder request = MessageCreateParams.builder()
                .model(spec.model())
                .system(question.system())
                .addUserMessage(question.user())
                .maxTokens(spec.maxTokens());
        if (!Double.isNaN(spec.temperature())) {
            request.putAdditionalBodyProperty("temperature", JsonValue.from(spec.temperature()));
        }
        return request.build();
    }

    /** A call of the client, whose failures are the judge's. */
    static <T> T attempt(ServerProblem problems, ServerProblem.Call<T> call) throws JudgeException {
        try {
            return call.run();
        } catch (AnthropicServiceException e) {
            throw problems.status(e.statusCode(), e.headers()::values, e);
        } catch (AnthropicIoException | UncheckedIOException e) {
            throw problems.connection(e);
        } catch (AnthropicException | IllegalStateException e) {
            throw problems.malformed(e);
        }
    }

    static Reply read(Message message) {
        String text = message.content().stream()
                .flatMap(block -> block.text().stream())
                .map(block -> block.text())
                .collect(Collectors.joining());
        return new Reply(
                text, Map.of(), message.usage().inputTokens(), message.usage().outputTokens());
    }

    @Override
    public void close() {
        client.close();
    }
}
