package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.eval.lm.Question.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/** Questions to tokens, as the harness cuts them: context and continuation are tokenized together, the context alone says where they part. */
final class Encoder {
    private final Tokenizer tokenizer;
    private final int beginToken;
    private final String beginText;
    private final int window;
    private final AtomicInteger cutContexts = new AtomicInteger();
    private final AtomicInteger longContinuations = new AtomicInteger();

    /** window: positions of the model. */
    Encoder(Tokenizer tokenizer, int window) {
        this.tokenizer = tokenizer;
        this.window = window;
        this.beginToken = tokenizer
                .bosTokenId()
                .orElseGet(() -> tokenizer
                        .eosTokenId()
                        .orElseThrow(() -> MmpoException.data(
                                "The tokenizer in %s has neither a bos_token nor an eos_token, and an empty context needs one of them. Name one"
                                        + " in tokenizer_config.json.",
                                tokenizer.directory())));
        this.beginText = tokenizer.decode(new int[] {beginToken}, false);
    }

    /** In the order of the questions; on all processors. */
    List<Encoded> encode(TaskSpec task, List<Question> questions) {
        return IntStream.range(0, questions.size())
                .parallel()
                .mapToObj(i -> encode(task, questions.get(i), i))
                .toList();
    }

    private Encoded encode(TaskSpec task, Question question, int index) {
        if (task.outputType() == OutputType.GENERATE_UNTIL) {
            int[] context = context(question.requests().getFirst().context(), task.maxGenToks());
            return new Encoded(index, List.of(new Encoded.Group(context, List.of())));
        }
        List<Encoded.Group> groups = new ArrayList<>();
        List<Request> requests = question.requests();
        for (int first = 0; first < requests.size(); ) {
            int end = first + 1;
            while (end < requests.size()
                    && requests.get(end).context().equals(requests.get(first).context())) {
                end++;
            }
            add(groups, requests.subList(first, end), task, question);
            first = end;
        }
        return new Encoded(index, List.copyOf(groups));
    }

    private int[] context(String text, int newTokens) {
        int[] ids = text.isEmpty() ? new int[] {beginToken} : whole(text);
        int room = Math.max(1, window - newTokens);
        if (ids.length <= room) {
            return ids;
        }
        cutContexts.incrementAndGet();
        return Arrays.copyOfRange(ids, ids.length - room, ids.length);
    }

    /** Requests of one context; one whose context has to be cut is apart. */
    private void add(List<Encoded.Group> groups, List<Request> requests, TaskSpec task, Question question) {
        String context = requests.getFirst().context();
        int spaces = context.length() - context.stripTrailing().length();
        String kept = context.substring(0, context.length() - spaces);
        List<int[]> joint = kept.isEmpty()
                ? requests.stream()
                        .map(request -> tokenizer.encode(context + request.continuation(), false))
                        .toList()
                : encodeAll(requests.stream()
                        .map(request -> context + request.continuation())
                        .toList());
        int[] contextIds = kept.isEmpty() ? new int[] {beginToken} : whole(kept);
        int skipped = kept.isEmpty() ? 0 : contextIds.length;
        List<int[]> together = new ArrayList<>();
        for (int[] ids : joint) {
            // An empty context is the begin token, which the continuation may bring itself.
            int from = kept.isEmpty() && ids.length > 1 && ids[0] == beginToken ? 1 : skipped;
            if (ids.length <= from) {
                throw MmpoException.data(
                        "Row %d of the task %s has a continuation without tokens of its own behind '%s'; a choice must not be empty.",
                        question.docId() + 1, task.name(), context.substring(Math.max(0, context.length() - 40)));
            }
            int[] continuation = Arrays.copyOfRange(ids, from, ids.length);
            if ((long) contextIds.length + continuation.length <= window + 1L) {
                together.add(continuation);
            } else {
                flush(groups, contextIds, together);
                groups.add(new Encoded.Group(cut(contextIds, continuation.length), List.of(continuation)));
            }
        }
        flush(groups, contextIds, together);
    }

    private static void flush(List<Encoded.Group> groups, int[] context, List<int[]> continuations) {
        if (!continuations.isEmpty()) {
            groups.add(new Encoded.Group(context, List.copyOf(continuations)));
            continuations.clear();
        }
    }

    /** The last token is predicted and not read, so one more than the window fits. */
    private int[] cut(int[] context, int continuation) {
        int room = window + 1 - continuation;
        (room < 1 ? longContinuations : cutContexts).incrementAndGet();
        return Arrays.copyOfRange(context, context.length - Math.max(1, room), context.length);
    }

    /** With what the tokenizer puts around a text, unless the text begins with it already. */
    private int[] whole(String text) {
        return tokenizer.encode(text, !text.startsWith(beginText));
    }

    private List<int[]> encodeAll(List<String> texts) {
        return tokenizer.encodeBatch(texts, !texts.getFirst().startsWith(beginText));
    }

    /** What a reader of the results should know of lengths; empty where all fit. */
    List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (cutContexts.get() > 0) {
            notes.add(
                    cutContexts.get() + " contexts are longer than the " + window
                            + " positions of the model with what follows; they lose their beginning, as in lm-evaluation-harness");
        }
        if (longContinuations.get() > 0) {
            notes.add(longContinuations.get() + " continuations alone are longer than the " + window
                    + " positions of the model; they are scored whole after the last token of their context, though the model was made for no"
                    + " such text");
        }
        return notes;
    }
}
