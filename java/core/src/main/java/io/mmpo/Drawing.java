package io.mmpo;

import io.mmpo.Answer.FinishReason;
import io.mmpo.infer.Answerer;
import io.mmpo.infer.OpenModel;
import io.mmpo.model.RowLimit;
import io.mmpo.nativelib.TokenListener.Next;
import io.mmpo.spec.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** One answer while it is drawn. */
final class Drawing {
    private static final char HALF_A_CHARACTER = '\uFFFD';

    private final OpenModel model;
    private final GenerationOptions options;
    private final AnswerStream stream;
    private final boolean inPieces;
    private final BooleanSupplier closing;
    private String told = "";

    /** inPieces: whether the stream hears the text as it grows. closing: whether the model is about to be closed. */
    Drawing(
            OpenModel model,
            GenerationOptions options,
            AnswerStream stream,
            boolean inPieces,
            BooleanSupplier closing) {
        this.model = model;
        this.options = options;
        this.stream = stream;
        this.inPieces = inPieces;
        this.closing = closing;
    }

    /** An answer ends with the model's context at the latest. */
    Answer draw(int[] prompt) {
        long context = Math.min(
                model.positions(),
                model.config().rowLimit().map(RowLimit::tokens).orElse(Long.MAX_VALUE));
        long left = context - prompt.length;
        if (left < 1) {
            throw MmpoException.data(
                    "The prompt has %d tokens, and the model's context ends after %d, so there is no room for an answer. Give a shorter one.",
                    prompt.length, context);
        }
        Sampling sampling = new Sampling(options.temperature(), options.topP(), options.topK(), options.seed(), (int)
                Math.min(left, options.maxNewTokens()));
        Answerer.Answer answer = answer(new Answerer(model, sampling, 1), prompt);
        if (inPieces && answer.text().startsWith(told)) {
            stream.tell(answer.text().substring(told.length()));
        }
        return new Answer(answer.text(), answer.tokenIds(), reason(answer));
    }

    private Answerer.Answer answer(Answerer answerer, int[] prompt) {
        List<Answerer.Answer> answers = new ArrayList<>();
        answerer.answer(List.of(prompt), new int[] {0}, new Answerer.Listener() {
            @Override
            public Next heard(int place, int[] soFar) {
                return goesOn(soFar) ? Next.GOES_ON : Next.ENDS_PROMPT;
            }

            @Override
            public void answered(int place, Answerer.Answer answer) {
                answers.add(answer);
            }
        });
        return answers.getFirst();
    }

    private FinishReason reason(Answerer.Answer answer) {
        if (answer.stopped()) {
            return FinishReason.STOP;
        }
        return stream.isCancelled() || closing.getAsBoolean() ? FinishReason.CANCELLED : FinishReason.LENGTH;
    }

    private boolean goesOn(int[] soFar) {
        if (inPieces) {
            tell(soFar);
        }
        return !stream.isCancelled() && !closing.getAsBoolean();
    }

    /** The text so far, but for a character that needs more tokens. */
    private void tell(int[] soFar) {
        String text = model.tokenizer().get().decode(soFar, true);
        boolean isWhole = text.isEmpty() || text.charAt(text.length() - 1) != HALF_A_CHARACTER;
        if (isWhole && text.startsWith(told)) {
            stream.tell(text.substring(told.length()));
            told = text;
        }
    }
}
