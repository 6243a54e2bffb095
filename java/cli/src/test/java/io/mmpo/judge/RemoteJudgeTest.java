package io.mmpo.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.eval.judge.JudgeException;
import io.mmpo.eval.judge.JudgeFile;
import io.mmpo.eval.judge.JudgeSpec;
import io.mmpo.eval.judge.Question;
import io.mmpo.eval.judge.Reply;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RemoteJudgeTest {
    private static final String KEY = "sk-a-secret-of-the-test";
    private static final Question QUESTION = new Question("You judge.", "m or M?");

    private static RemoteJudge judge(JudgeServer server, JudgeSpec.Wire wire) {
        boolean isOpenAi = wire == JudgeSpec.Wire.OPENAI;
        String name = JudgeFile.NAMES.get(isOpenAi ? 0 : 1);
        JudgeSpec spec = JudgeFile.read(
                name, Optional.of(isOpenAi ? server.openAi() : server.anthropic()), Optional.of("A_KEY"));
        return RemoteJudge.open(spec, Map.of("A_KEY", KEY));
    }

    private static JudgeServer server(JudgeServer.Fault... faults) throws IOException {
        return new JudgeServer(request -> request < faults.length ? faults[request] : JudgeServer.Fault.NONE, 0);
    }

    @Test
    void asksOpenAisInterfaceForProbabilities() throws Exception {
        try (JudgeServer server = server();
                RemoteJudge judge = judge(server, JudgeSpec.Wire.OPENAI)) {
            Reply reply = judge.ask(QUESTION);
            assertThat(reply.manner()).isEqualTo(Reply.Manner.WEIGHTED);
            assertThat(reply.logprobs()).hasSize(3).containsEntry("The", -9.0);
            assertThat(reply.inputTokens()).isEqualTo(400);
            JudgeServer.Request request = server.requests().getFirst();
            assertThat(request.path()).isEqualTo("/v1/chat/completions");
            assertThat(request.key()).isEqualTo("Bearer " + KEY);
            JsonNode body = request.body();
            assertThat(body.path("model").asText()).isEqualTo("gpt-4o-mini-2024-07-18");
            assertThat(body.path("max_tokens").asInt()).isEqualTo(1);
            assertThat(body.path("temperature").asDouble()).isEqualTo(1);
            assertThat(body.path("logprobs").asBoolean()).isTrue();
            assertThat(body.path("top_logprobs").asInt()).isEqualTo(5);
            assertThat(body.path("messages").path(0).path("content").asText()).isEqualTo("You judge.");
            assertThat(request.user()).isEqualTo("m or M?");
        }
    }

    @Test
    void asksAnthropicsInterfaceForAChoice() throws Exception {
        try (JudgeServer server = server();
                RemoteJudge judge = judge(server, JudgeSpec.Wire.ANTHROPIC)) {
            Reply reply = judge.ask(QUESTION);
            assertThat(reply.manner()).isEqualTo(Reply.Manner.CHOSEN);
            assertThat(reply.outputTokens()).isEqualTo(4);
            JudgeServer.Request request = server.requests().getFirst();
            assertThat(request.path()).isEqualTo("/v1/messages");
            assertThat(request.key()).isEqualTo("Bearer " + KEY);
            assertThat(request.body().path("model").asText()).isEqualTo("claude-haiku-4-5-20251001");
            assertThat(request.body().path("system").asText()).isEqualTo("You judge.");
            assertThat(request.body().path("temperature").asDouble(-1)).isZero();
            assertThat(request.body().path("max_tokens").asInt()).isEqualTo(8);
            assertThat(request.user()).isEqualTo("m or M?");
        }
    }

    /** One request an attempt: the clients repeat nothing by themselves. */
    @ParameterizedTest
    @EnumSource(JudgeSpec.Wire.class)
    void saysWhatAFailureMeans(JudgeSpec.Wire wire) throws Exception {
        try (JudgeServer server = server(
                        JudgeServer.Fault.RATE_LIMIT,
                        JudgeServer.Fault.UNAVAILABLE,
                        JudgeServer.Fault.MALFORMED,
                        JudgeServer.Fault.DROPPED);
                RemoteJudge judge = judge(server, wire)) {
            JudgeException limited = failure(judge);
            assertThat(limited.kind()).isEqualTo(JudgeException.Kind.BUSY);
            assertThat(limited.retryAfter()).hasValue(Duration.ofSeconds(1));
            JudgeException unavailable = failure(judge);
            assertThat(unavailable.kind()).isEqualTo(JudgeException.Kind.BUSY);
            assertThat(unavailable.retryAfter()).hasValue(Duration.ofMillis(20));
            assertThat(failure(judge).kind()).isEqualTo(JudgeException.Kind.LOST);
            assertThat(failure(judge).kind()).isEqualTo(JudgeException.Kind.LOST);
            assertThat(server.requests()).hasSize(4);
            assertThat(judge.ask(QUESTION).preference()).isBetween(1.0, 2.0);
        }
    }

    /** Servers repeat the key that they refuse. */
    @ParameterizedTest
    @EnumSource(JudgeSpec.Wire.class)
    void noMessageHoldsTheKey(JudgeSpec.Wire wire) throws Exception {
        try (JudgeServer server = server(JudgeServer.Fault.UNAUTHORIZED);
                RemoteJudge judge = judge(server, wire)) {
            JudgeException refused = failure(judge);
            assertThat(refused.kind()).isEqualTo(JudgeException.Kind.REFUSED);
            assertThat(refused).hasMessageContaining("401").hasMessageContaining("[key]");
            StringWriter trace = new StringWriter();
            refused.printStackTrace(new PrintWriter(trace));
            assertThat(trace.toString()).doesNotContain(KEY);
        }
    }

    @Test
    void aKeyIsWantedFromTheEnvironment() {
        JudgeSpec spec = JudgeFile.read(JudgeFile.NAMES.getFirst(), Optional.empty(), Optional.empty());
        assertThatThrownBy(() -> RemoteJudge.open(spec, Map.of()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("OPENAI_API_KEY");
        assertThatThrownBy(() -> RemoteJudge.open(spec, Map.of("OPENAI_API_KEY", "a\nb")))
                .hasMessageContaining("OPENAI_API_KEY")
                .hasMessageNotContaining("a\nb");
    }

    @Test
    void readsEveryFormOfRetryAfter() {
        assertThat(retryAfter("retry-after", "1.5")).hasValue(Duration.ofMillis(1500));
        assertThat(retryAfter("retry-after-ms", "250")).hasValue(Duration.ofMillis(250));
        assertThat(retryAfter("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")).hasValue(Duration.ZERO);
        assertThat(retryAfter("retry-after", "soon")).isEmpty();
        assertThat(retryAfter("other", "1")).isEmpty();
    }

    private static Optional<Duration> retryAfter(String header, String... values) {
        return ServerProblem.retryAfter(name -> name.equals(header) ? Arrays.asList(values) : List.of());
    }

    private static JudgeException failure(RemoteJudge judge) {
        return catchThrowableOfType(JudgeException.class, () -> judge.ask(QUESTION));
    }
}
