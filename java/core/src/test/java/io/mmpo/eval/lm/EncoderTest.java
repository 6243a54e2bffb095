package io.mmpo.eval.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.eval.lm.Question.Request;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** With the tokenizer of stories260k, which begins a text with its BOS. */
class EncoderTest {
    private static final TaskSpec TASK = TaskFile.parse(
            "task: t\noutput_type: multiple_choice\ndoc_to_text: a\ndoc_to_target: b\ndoc_to_choice: c", "t.yaml");

    private static Tokenizer tokenizer;

    @BeforeAll
    static void open() {
        tokenizer = Tokenizer.open(SharedFiles.path("models/stories260k"), Optional.empty());
    }

    @AfterAll
    static void close() {
        if (tokenizer != null) {
            tokenizer.close();
        }
    }

    private static List<Encoded.Group> encode(int window, Request... requests) {
        Question question =
                new Question(0, JsonNodeFactory.instance.objectNode(), 0L, List.of(), List.of(), List.of(requests));
        return new Encoder(tokenizer, window)
                .encode(TASK, List.of(question))
                .getFirst()
                .groups();
    }

    @Test
    void aContextIsThereOnceForAllOfItsChoices() {
        List<Encoded.Group> groups =
                encode(512, new Request("Lily saw a", " dog"), new Request("Lily saw a", " big cat"));
        assertThat(groups).hasSize(1);
        assertThat(groups.getFirst().context()).isEqualTo(tokenizer.encode("Lily saw a", true));
        assertThat(Stream.of(" dog", " big cat")
                        .map(choice -> tokenizer.encode("Lily saw a" + choice, true))
                        .map(ids -> Arrays.copyOfRange(ids, groups.getFirst().context().length, ids.length)))
                .containsExactlyElementsOf(groups.getFirst().continuations());
        assertThat(encode(512, new Request("Lily", " ran"), new Request("Tom", " ran")))
                .hasSize(2);
    }

    @Test
    void whiteSpaceAtTheEndBelongsToTheContinuation() {
        Encoded.Group moved = encode(512, new Request("Lily saw\n ", "Tom")).getFirst();
        assertThat(moved.context()).isEqualTo(tokenizer.encode("Lily saw", true));
        int[] whole = tokenizer.encode("Lily saw\n Tom", true);
        assertThat(moved.continuations().getFirst())
                .isEqualTo(Arrays.copyOfRange(whole, moved.context().length, whole.length));
    }

    @Test
    void anEmptyContextIsTheBeginToken() {
        Encoded.Group group = encode(512, new Request("", "Lily ran")).getFirst();
        assertThat(group.context()).containsExactly(tokenizer.bosTokenId().orElseThrow());
        assertThat(group.continuations().getFirst()).isEqualTo(tokenizer.encode("Lily ran", false));
    }

    @Test
    void aTextThatBeginsWithTheBeginTokenGetsNoSecondOne() {
        Encoded.Group group = encode(512, new Request("<s>Lily", " ran")).getFirst();
        assertThat(group.context()).isEqualTo(tokenizer.encode("<s>Lily", false));
    }

    /** The last token is not read: 8 positions hold 9 tokens. */
    @Test
    void whatIsTooLongLosesItsBeginning() {
        int[] context = tokenizer.encode("Lily and Tom went to the big park today", true);
        int[] whole = tokenizer.encode("Lily and Tom went to the big park today to play", true);
        List<Encoded.Group> groups = encode(
                8,
                new Request("Lily and Tom went to the big park today", " to play"),
                new Request("Lily and Tom went to the big park today", " to play"));
        assertThat(context.length).isGreaterThan(8);
        assertThat(groups).hasSize(2).allSatisfy(group -> {
            assertThat(group.tokens()).isEqualTo(9);
            int[] joined = Stream.of(group.context(), group.continuations().getFirst())
                    .flatMapToInt(Arrays::stream)
                    .toArray();
            assertThat(joined).isEqualTo(Arrays.copyOfRange(whole, whole.length - 9, whole.length));
        });
    }

    @Test
    void aContinuationLongerThanTheModelIsScoredWhole() {
        Encoder encoder = new Encoder(tokenizer, 3);
        Question question = new Question(
                0,
                JsonNodeFactory.instance.objectNode(),
                0L,
                List.of(),
                List.of(),
                List.of(new Request("Lily", " went to the big park today")));
        Encoded.Group group =
                encoder.encode(TASK, List.of(question)).getFirst().groups().getFirst();
        assertThat(group.context()).hasSize(1);
        assertThat(group.continuations().getFirst().length).isGreaterThan(3);
        assertThat(encoder.notes())
                .singleElement()
                .asString()
                .contains("1 continuations alone are longer than the 3 positions");
    }

    @Test
    void anEmptyContinuationIsAnError() {
        assertThatThrownBy(() -> encode(512, new Request("Lily", "")))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("Row 1 of the task t")
                .hasMessageContaining("must not be empty");
    }
}
