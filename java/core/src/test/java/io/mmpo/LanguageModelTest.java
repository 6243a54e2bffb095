package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.Answer.FinishReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class LanguageModelTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final List<Message> QUESTION = List.of(Message.user("Once upon a time"));
    /** More than the context of 512 tokens. */
    private static final GenerationOptions LONG = GREEDY.withMaxNewTokens(5000).withTemperature(1);

    @TempDir
    static Path directory;

    private static LanguageModel model;

    @BeforeAll
    static void load() {
        model = LanguageModel.builder(ChattingModel.copyTo(directory))
                .device("cpu")
                .load();
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
        }
    }

    @Test
    void anAnswerIsTheSameWholeAndInPieces() {
        Answer whole = model.chat(QUESTION, GREEDY.withMaxNewTokens(40));
        assertThat(whole.tokenIds()).hasSize(40);
        assertThat(whole.finishReason()).isEqualTo(FinishReason.LENGTH);
        List<String> pieces = new ArrayList<>();
        try (AnswerStream stream = model.stream(QUESTION, GREEDY.withMaxNewTokens(40))) {
            stream.forEach(pieces::add);
            assertThat(stream.answer()).isEqualTo(whole);
        }
        assertThat(pieces).hasSizeGreaterThan(10);
        assertThat(String.join("", pieces)).isEqualTo(whole.text());
    }

    @Test
    void theContextsEndIsAFinishReason() {
        String story = "Once upon a time there was a little girl named Lily. ".repeat(15);
        Answer answer = model.generate(story, GREEDY.withMaxNewTokens(5000));
        assertThat(answer.finishReason()).isIn(FinishReason.LENGTH, FinishReason.STOP);
        assertThat(answer.tokenIds()).hasSizeLessThan(512);
        assertThatThrownBy(() -> model.generate(story.repeat(3), GREEDY))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("the model's context ends after 512");
    }

    @Test
    void aCancelledAnswerSaysSo() {
        try (AnswerStream stream = model.stream(QUESTION, LONG)) {
            assertThat(stream.iterator().hasNext()).isTrue();
            stream.cancel();
            assertThat(stream.answer().finishReason()).isIn(FinishReason.CANCELLED, FinishReason.STOP);
            assertThat(stream.answer().tokenIds()).hasSizeLessThan(500);
        }
    }

    @Test
    void anInterruptedCallerGetsACancellation() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> model.chat(QUESTION, LONG)).isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(model.chat(QUESTION, GREEDY.withMaxNewTokens(1)).tokenIds()).hasSize(1);
    }

    /** Whenever it comes: an answer that was ready is given, and any other call is a cancellation. */
    @Test
    void anInterruptAtAnyMomentEndsACallAsDocumented() throws InterruptedException {
        Random random = new Random(11);
        int cancelled = 0;
        for (int i = 0; i < 50; i++) {
            Thread waiting = Thread.currentThread();
            long micros = random.nextInt(20_000);
            Thread interrupting = Thread.startVirtualThread(() -> {
                LockSupport.parkNanos(1000 * micros);
                waiting.interrupt();
            });
            try {
                assertThat(model.chat(QUESTION, LONG.withMaxNewTokens(40).withSeed(i))
                                .finishReason())
                        .isNotEqualTo(FinishReason.CANCELLED);
            } catch (CancellationException e) {
                cancelled++;
                assertThat(Thread.currentThread().isInterrupted()).isTrue();
            }
            while (!Thread.interrupted()) {
                Thread.onSpinWait();
            }
            interrupting.join();
        }
        assertThat(cancelled).isBetween(1, 50);
        assertThat(model.chat(QUESTION, GREEDY.withMaxNewTokens(1)).tokenIds()).hasSize(1);
    }

    /** Each continuation's log-probability does not depend on what is scored beside it. */
    @Test
    void logProbabilitiesOfSeveralAnswersAreThoseOfEach() {
        List<String> continuations = List.of(" there was a girl", " zzz", " there was a very big dog");
        double[] together = model.logProbabilities("Once upon a time", continuations);
        for (int i = 0; i < together.length; i++) {
            double[] alone = model.logProbabilities("Once upon a time", List.of(continuations.get(i)));
            assertThat(together[i]).isCloseTo(alone[0], within(1e-4));
        }
        assertThat(together[0]).isGreaterThan(together[1]);
        assertThatThrownBy(() -> model.logProbabilities("Once", List.of(" a", "")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("Of 2 texts");
    }

    @Test
    void rewardsAreThoseOfTheMethod() {
        Rows pairs = Rows.of(ChattingModel.PAIRS);
        RewardEvaluation alone = model.evaluate(pairs, new Method.SimPo(1, 0, false), null);
        double[] logps = model.logProbabilities(
                List.of(Message.user("Is the cat big?")), List.of("The cat was very big.", "No no no."));
        assertThat(alone.pairs()).isEqualTo(4);
        assertThat(alone.accuracy()).isBetween(0.0, 1.0);
        RewardEvaluation first =
                model.evaluate(Rows.of(ChattingModel.PAIRS.getFirst()), new Method.SimPo(1, 0, false), null);
        assertThat(first.margin()).isCloseTo(logps[0] - logps[1], within(1e-3));
        assertThat(model.evaluate(pairs, Method.dpo(), model).margin()).isZero();
        assertThatThrownBy(() -> model.evaluate(pairs, Method.dpo(), null))
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("give the model before it was tuned");
    }

    /** Rows of a stream may be made with the model that they measure. */
    @Test
    void aStreamOfRowsMayAskTheModel() {
        Stream<Row> answered = ChattingModel.PAIRS.stream()
                .map(Row.Pair.class::cast)
                .map(pair -> new Row.Pair(
                        pair.prompt(),
                        pair.chosen(),
                        model.chat(pair.prompt(), GREEDY.withMaxNewTokens(5)).text()));
        assertThat(model.evaluate(Rows.of(answered), Method.simPo(), null).pairs())
                .isEqualTo(4);
    }

    @Test
    void anAnswerInPiecesIsGoneThroughOnce() {
        try (AnswerStream stream = model.stream(QUESTION, GREEDY.withMaxNewTokens(5))) {
            assertThat(String.join("", stream)).isEqualTo(stream.answer().text());
            assertThatThrownBy(stream::iterator)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("can be gone through once");
        }
    }

    @Test
    void anInterruptWhileAModelIsLoadedIsACancellation() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> LanguageModel.load(directory))
                .isInstanceOf(CancellationException.class)
                .hasMessage("interrupted while loading " + directory);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void aClosedModelSaysSo() {
        LanguageModel closed = LanguageModel.load(directory);
        AnswerStream stream = closed.stream(QUESTION, LONG);
        assertThat(stream.iterator().hasNext()).isTrue();
        closed.close();
        closed.close();
        assertThat(stream.answer().finishReason()).isIn(FinishReason.CANCELLED, FinishReason.STOP);
        assertThatThrownBy(() -> closed.chat("Who?"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the language model is closed");
    }

    @Test
    void aModelWithoutATemplateSaysSo() {
        try (LanguageModel plain = LanguageModel.load(SharedFiles.path("models/stories260k"))) {
            assertThatThrownBy(() -> plain.chat("Who?"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("has no chat template");
            assertThat(plain.generate("Once upon", GREEDY.withMaxNewTokens(3)).tokenIds())
                    .hasSize(3);
        }
    }
}
