package io.mmpo.eval.judge;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a judge reads: AlpacaEval 2's prompt (Dubois et al., Apache-2.0), which calls the first answer's model m and the second's M. */
public record Question(String system, String user) {
    public static final String FIRST = "m";
    public static final String SECOND = "M";

    private static final String SYSTEM = resource("system.txt");
    private static final String USER = resource("user.txt");
    private static final Pattern PLACE = Pattern.compile("\\{(instruction|output_1|output_2)\\}");

    /** What vendors add to a question: marks of its messages. */
    private static final int MARKS = 64;

    private static final int BYTES_A_TOKEN = 4;

    static Question of(String instruction, String first, String second) {
        Map<String, String> texts = Map.of("instruction", instruction, "output_1", first, "output_2", second);
        return new Question(
                SYSTEM,
                PLACE.matcher(USER)
                        .replaceAll(
                                place -> Matcher.quoteReplacement(Objects.requireNonNull(texts.get(place.group(1))))));
    }

    /** No tokenizer of bytes makes more tokens than there are bytes. */
    long mostTokens() {
        return bytes() + MARKS;
    }

    /** Of English, about. */
    long likelyTokens() {
        return bytes() / BYTES_A_TOKEN;
    }

    private long bytes() {
        return (long) system.getBytes(StandardCharsets.UTF_8).length + user.getBytes(StandardCharsets.UTF_8).length;
    }

    private static String resource(String name) {
        try (InputStream text = Objects.requireNonNull(Question.class.getResourceAsStream(name))) {
            return new String(text.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
