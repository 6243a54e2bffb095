package io.mmpo.eval.judge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Reads a judge's YAML: one of those that come with the program, or a user's own. */
public final class JudgeFile {
    /** The paper's two, and the leaderboard's. */
    public static final List<String> NAMES = List.of(
            "weighted_alpaca_eval_gpt-4o-mini-2024-07-18",
            "claude-haiku-4-5-20251001",
            "weighted_alpaca_eval_gpt4_turbo");

    private static final YAMLMapper YAML = YAMLMapper.builder(YAMLFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final Set<String> KEYS = Set.of(
            "name",
            "interface",
            "model",
            "base_url",
            "api_key_env",
            "max_tokens",
            "temperature",
            "top_logprobs",
            "input_price",
            "output_price");

    private static final int MAX_TOKENS = 8;

    private final String origin;
    private final JsonNode yaml;

    private JudgeFile(String origin, JsonNode yaml) {
        this.origin = origin;
        this.yaml = yaml;
    }

    /**
     * A judge by its name, or by its file's.
     *
     * @param baseUrl in place of the file's, whose key is then not sent
     * @param keyVariable in place of the file's
     */
    public static JudgeSpec read(String judge, Optional<String> baseUrl, Optional<String> keyVariable) {
        try {
            return parse(
                    NAMES.contains(judge) ? resource(judge) : Utf8.read(Path.of(judge)), judge, baseUrl, keyVariable);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION,
                    e,
                    "The judge %s cannot be read: %s. Give one of %s, a judge's YAML file, or a model's directory.",
                    judge,
                    IoProblem.of(e),
                    String.join(", ", NAMES));
        }
    }

    private static String resource(String name) {
        try (InputStream yaml = Objects.requireNonNull(JudgeFile.class.getResourceAsStream(name + ".yaml"))) {
            return new String(yaml.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JudgeSpec parse(String text, String origin, Optional<String> baseUrl, Optional<String> keyVariable) {
        try {
            if (YAML.readTree(text) instanceof ObjectNode object) {
                return new JudgeFile(origin, object).spec(baseUrl, keyVariable);
            }
            throw MmpoException.configuration("%s must hold the keys of a judge.", origin);
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION, e, "%s is not valid YAML: %s.", origin, JsonFile.problem(e));
        }
    }

    private JudgeSpec spec(Optional<String> givenUrl, Optional<String> givenVariable) {
        yaml.fieldNames().forEachRemaining(key -> {
            if (!KEYS.contains(key)) {
                throw error("there is no key %s; those that count are %s", key, String.join(", ", new TreeSet<>(KEYS)));
            }
        });
        String name = text("name");
        if (!name.matches("[A-Za-z0-9_.+-]+")) {
            throw error("name must be of letters, digits, '_', '-', '+' and '.', found '%s'", name);
        }
        String wireKey = text("interface");
        JudgeSpec.Wire wire = Arrays.stream(JudgeSpec.Wire.values())
                .filter(candidate -> candidate.key().equals(wireKey))
                .findFirst()
                .orElseThrow(() -> error("interface must be openai or anthropic, found '%s'", wireKey));
        Optional<String> ownUrl = yaml.has("base_url") ? Optional.of(text("base_url")) : Optional.empty();
        Optional<String> ownVariable = yaml.has("api_key_env") ? Optional.of(text("api_key_env")) : Optional.empty();
        // A key is sent to the server that it was named for.
        Optional<String> variable = givenVariable.or(() -> givenUrl.isPresent()
                ? Optional.empty()
                : ownVariable.or(() -> ownUrl.isPresent() ? Optional.empty() : Optional.of(wire.keyVariable())));
        return new JudgeSpec(
                name,
                wire,
                text("model"),
                givenUrl.or(() -> ownUrl).map(this::address).orElse(wire.vendor()),
                variable,
                whole("max_tokens", 1, MAX_TOKENS),
                yaml.has("temperature") ? number("temperature") : Double.NaN,
                whole("top_logprobs", 0, 0),
                price());
    }

    private Optional<Price> price() {
        if (yaml.has("input_price") != yaml.has("output_price")) {
            throw error("input_price and output_price are wanted together");
        }
        return yaml.has("input_price")
                ? Optional.of(new Price(number("input_price"), number("output_price")))
                : Optional.empty();
    }

    private URI address(String text) {
        if (!text.matches("https?://[^/?#@\\s]+(/[^?#@\\s]*)?")) {
            throw error("a server's address is wanted, as https://host/v1 is, found '%s'", text);
        }
        return URI.create(text.endsWith("/") ? text.substring(0, text.length() - 1) : text);
    }

    private String text(String key) {
        JsonNode value = yaml.path(key);
        if (!value.isTextual() || value.textValue().isBlank()) {
            throw error("%s must be a text, found %s", key, JsonFile.describe(value));
        }
        return value.textValue();
    }

    private double number(String key) {
        JsonNode value = yaml.path(key);
        if (!value.isNumber() || !(value.doubleValue() >= 0) || Double.isInfinite(value.doubleValue())) {
            throw error("%s must be a number of at least 0, found %s", key, JsonFile.describe(value));
        }
        return value.doubleValue();
    }

    private int whole(String key, int smallest, int otherwise) {
        JsonNode value = yaml.path(key);
        if (value.isMissingNode()) {
            return otherwise;
        }
        if (!value.isInt() || value.intValue() < smallest) {
            throw error("%s must be a whole number of at least %d, found %s", key, smallest, JsonFile.describe(value));
        }
        return value.intValue();
    }

    private MmpoException error(String format, Object... arguments) {
        return MmpoException.configuration("%s: %s.", origin, String.format(Locale.ROOT, format, arguments));
    }
}
