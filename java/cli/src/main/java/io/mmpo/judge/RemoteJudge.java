package io.mmpo.judge;

import io.mmpo.MmpoException;
import io.mmpo.eval.judge.Judge;
import io.mmpo.eval.judge.JudgeSpec;
import io.mmpo.eval.judge.Price;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** A judge that is asked over a network, by its vendor's own client. */
public abstract class RemoteJudge implements Judge {
    /** Of one request. */
    static final Duration TIMEOUT = Duration.ofMinutes(5);

    /** Of one that carries a batch's questions or answers. */
    static final Duration BATCH_TIMEOUT = Duration.ofHours(1);

    /** How much later this machine's clock may be than a server's. */
    static final Duration CLOCKS_APART = Duration.ofHours(1);

    /** What servers without keys are sent, as the clients want one. */
    static final String NO_KEY = "none";

    final JudgeSpec spec;
    final ServerProblem problems;

    RemoteJudge(JudgeSpec spec, Optional<String> key) {
        this.spec = spec;
        this.problems = new ServerProblem(key);
    }

    /** environment: the only place where keys are looked for. */
    public static RemoteJudge open(JudgeSpec spec, Map<String, String> environment) {
        Optional<String> key = spec.keyVariable().map(variable -> key(spec, variable, environment));
        return switch (spec.wire()) {
            case OPENAI -> new OpenAiJudge(spec, key);
            case ANTHROPIC -> new AnthropicJudge(spec, key);
        };
    }

    private static String key(JudgeSpec spec, String variable, Map<String, String> environment) {
        String key = environment.getOrDefault(variable, "").strip();
        if (key.isEmpty()) {
            throw MmpoException.configuration(
                    "The judge %s wants a key for %s, and the environment variable %s is not set. Set it; a key is read from nowhere else.",
                    spec.name(), spec.baseUrl(), variable);
        }
        if (!key.matches("[\\x21-\\x7e]+")) {
            throw MmpoException.configuration(
                    "The environment variable %s holds characters that no key has. Set it to the key alone.", variable);
        }
        return key;
    }

    @Override
    public String name() {
        return spec.name();
    }

    @Override
    public String identity() {
        return spec.identity();
    }

    @Override
    public int maxTokens() {
        return spec.maxTokens();
    }

    @Override
    public Optional<Price> price() {
        return spec.price();
    }
}
