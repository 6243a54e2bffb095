package io.mmpo.judge;

import io.mmpo.eval.judge.JudgeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** What a judge's server, or the way to it, did in place of a reply. */
final class ServerProblem {
    private static final int MAX_TEXT = 300;
    private static final int NOT_FOUND = 404;
    private static final int NO_SUCH_METHOD = 405;
    private static final int REQUEST_TIMEOUT = 408;
    private static final int CONFLICT = 409;
    private static final int RATE_LIMIT = 429;
    private static final int SERVER_ERROR = 500;
    private static final int NOT_IMPLEMENTED = 501;

    private final Optional<String> key;
    private final boolean ofBatches;

    /** key: appears in no message, whoever repeats it. */
    ServerProblem(Optional<String> key) {
        this(key.filter(text -> !text.isEmpty()), false);
    }

    private ServerProblem(Optional<String> key, boolean ofBatches) {
        this.key = key;
        this.ofBatches = ofBatches;
    }

    /** Of the interface for batches, which a server may lack. */
    ServerProblem ofBatches() {
        return new ServerProblem(key, true);
    }

    /** A call of a vendor's client, or the reading of what it brought. */
    interface Call<T> {
        T run() throws JudgeException;
    }

    /** headers: a header's values by its name. */
    JudgeException status(int code, Function<String, List<String>> headers, RuntimeException e) {
        boolean comesBack = code == REQUEST_TIMEOUT || code == CONFLICT || code == RATE_LIMIT || code >= SERVER_ERROR;
        boolean isAbsent = ofBatches && (code == NOT_FOUND || code == NO_SUCH_METHOD || code == NOT_IMPLEMENTED);
        return exception(
                isAbsent
                        ? JudgeException.Kind.ABSENT
                        : comesBack ? JudgeException.Kind.BUSY : JudgeException.Kind.REFUSED,
                "answered with HTTP status " + code + " (" + text(e) + ")",
                retryAfter(headers),
                e);
    }

    /** The connection broke, or nothing came in time. */
    JudgeException connection(RuntimeException e) {
        Throwable deepest = e;
        while (deepest.getCause() != null) {
            deepest = deepest.getCause();
        }
        return exception(
                JudgeException.Kind.LOST, "did not answer to the end (" + text(deepest) + ")", Optional.empty(), e);
    }

    /** Something arrived that is no reply. */
    JudgeException malformed(RuntimeException e) {
        return exception(JudgeException.Kind.LOST, "sent what is no reply (" + text(e) + ")", Optional.empty(), e);
    }

    /** A question of a batch that was not answered and not charged. */
    JudgeException passing(String text) {
        IllegalStateException e = new IllegalStateException(text);
        return exception(JudgeException.Kind.BUSY, "did not answer (" + text(e) + ")", Optional.empty(), e);
    }

    /** A question of a batch that is of no use to ask again. */
    JudgeException refused(String text) {
        IllegalStateException e = new IllegalStateException(text);
        return exception(JudgeException.Kind.REFUSED, "refused the question (" + text(e) + ")", Optional.empty(), e);
    }

    private JudgeException exception(
            JudgeException.Kind kind, String message, Optional<Duration> retryAfter, RuntimeException e) {
        // The cause's own text may hold the key, and --debug would print it.
        boolean isSafe = key.isEmpty() || !everyText(e).contains(key.get());
        return new JudgeException(
                kind,
                message,
                retryAfter,
                isSafe ? e : new IllegalStateException(e.getClass().getName()));
    }

    private static String everyText(Throwable e) {
        StringBuilder texts = new StringBuilder();
        for (Throwable at = e; at != null; at = at.getCause()) {
            texts.append(at).append('\n');
        }
        return texts.toString();
    }

    private String text(Throwable e) {
        return safe(String.valueOf(e.getMessage()).strip());
    }

    /** A server's text without the key, and not too long. */
    String safe(String text) {
        String safe = key.map(secret -> text.replace(secret, "[key]")).orElse(text);
        return safe.length() <= MAX_TEXT ? safe : safe.substring(0, MAX_TEXT) + "…";
    }

    /** Seconds, a date, or milliseconds in the header that OpenAI and Anthropic have beside it. */
    static Optional<Duration> retryAfter(Function<String, List<String>> headers) {
        Optional<Duration> millis = first(headers, "retry-after-ms").flatMap(text -> number(text, 1));
        return millis.or(() ->
                first(headers, "retry-after").flatMap(text -> number(text, 1000).or(() -> untilDate(text))));
    }

    private static Optional<String> first(Function<String, List<String>> headers, String name) {
        return headers.apply(name).stream().findFirst().map(String::strip);
    }

    private static Optional<Duration> number(String text, int millis) {
        return text.matches("[0-9]{1,9}(\\.[0-9]{1,9})?")
                ? Optional.of(Duration.ofMillis((long) Math.ceil(Double.parseDouble(text) * millis)))
                : Optional.empty();
    }

    private static Optional<Duration> untilDate(String text) {
        try {
            Duration left = Duration.between(
                    Instant.now(),
                    ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME)
                            .toInstant());
            return Optional.of(left.isNegative() ? Duration.ZERO : left);
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }
}
