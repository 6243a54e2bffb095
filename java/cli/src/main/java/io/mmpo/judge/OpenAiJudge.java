package io.mmpo.judge;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.LogLevel;
import com.openai.core.ObjectMappers;
import com.openai.errors.OpenAIException;
import com.openai.errors.OpenAIIoException;
import com.openai.errors.OpenAIServiceException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.CompletionUsage;
import io.mmpo.eval.judge.BatchService;
import io.mmpo.eval.judge.JudgeException;
import io.mmpo.eval.judge.JudgeSpec;
import io.mmpo.eval.judge.Question;
import io.mmpo.eval.judge.Reply;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Chat completions: OpenAI's, and of the many servers that offer the same. */
final class OpenAiJudge extends RemoteJudge {
    private final OpenAIClient client;

    OpenAiJudge(JudgeSpec spec, Optional<String> key) {
        super(spec, key);
        client = OpenAIOkHttpClient.builder()
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
                problems,
                () -> read(client.chat().completions().create(request(question)).validate()));
    }

    @Override
    public Optional<BatchService> batches() {
        return Optional.of(new OpenAiBatches(
                client,
                problems,
                question ->
                        ObjectMappers.jsonMapper().valueToTree(request(question)._body())));
    }

    private ChatCompletionCreateParams request(Question question) {
        ChatCompletionCreateParams.Builder request = ChatCompletionCreateParams.builder()
                .model(spec.model())
                .addSystemMessage(question.system())
                .addUserMessage(question.user());
        maxTokens(request);
        if (!Double.isNaN(spec.temperature())) {
            request.temperature(spec.temperature());
        }
        if (spec.topLogprobs() > 0) {
            request.logprobs(true).topLogprobs(spec.topLogprobs());
        }
        return request.build();
    }

    /** A call of the client, whose failures are the judge's. */
    static <T> T attempt(ServerProblem problems, ServerProblem.Call<T> call) throws JudgeException {
        try {
            return call.run();
        } catch (OpenAIServiceException e) {
            throw problems.status(e.statusCode(), e.headers()::values, e);
        } catch (OpenAIIoException | UncheckedIOException e) {
            throw problems.connection(e);
        } catch (OpenAIException | IllegalStateException e) {
            throw problems.malformed(e);
        }
    }

    /** The name of the limit that every server of this interface knows. */
    @SuppressWarnings("deprecation")
    private void maxTokens(ChatCompletionCreateParams.Builder request) {
        request.maxTokens(spec.maxTokens());
    }

    static Reply read(ChatCompletion completion) {
        if (completion.choices().isEmpty()) {
            throw new IllegalStateException("no choices");
        }
        ChatCompletion.Choice choice = completion.choices().getFirst();
        Map<String, Double> logprobs = new HashMap<>();
        choice.logprobs().flatMap(ChatCompletion.Choice.Logprobs::content).stream()
                .flatMap(List::stream)
                .limit(1) // the first token's
                .flatMap(token -> token.topLogprobs().stream())
                .forEach(likely -> logprobs.put(likely.token(), likely.logprob()));
        CompletionUsage usage = completion.usage().orElseThrow(() -> new IllegalStateException("no usage"));
        return new Reply(
                choice.message().content().orElse(""), logprobs, usage.promptTokens(), usage.completionTokens());
    }

    @Override
    public void close() {
        client.close();
    }
}
