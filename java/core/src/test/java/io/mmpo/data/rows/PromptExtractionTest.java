package io.mmpo.data.rows;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.NotEmpty;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class PromptExtractionTest {
    @Test
    void textAsTrlExtractsIt() {
        assertThat(PromptExtraction.sharedText("The sky is blue", "The sky is green"))
                .isEqualTo(10); // "The sky is"
        assertThat(PromptExtraction.sharedText("blue", "green")).isZero();
        assertThat(PromptExtraction.sharedText("ab", "abc")).isEqualTo(1); // never all of the shorter one
        assertThat(PromptExtraction.sharedText("same", "same")).isEqualTo(3);
        assertThat(PromptExtraction.sharedText("", "x")).isZero();
        assertThat(PromptExtraction.sharedText("a \ud83e\udd99", "a \ud83e\udd9a"))
                .isEqualTo(1); // not inside a character
    }

    @Test
    void messagesAsTrlExtractsThem() {
        assertThat(PromptExtraction.sharedMessages(List.of("q", "yes"), List.of("q", "no")))
                .isEqualTo(1);
        assertThat(PromptExtraction.sharedMessages(List.of("q", "yes"), List.of("q", "yes")))
                .isEqualTo(1);
        assertThat(PromptExtraction.sharedMessages(List.of("a"), List.of("b"))).isZero();
        assertThat(PromptExtraction.sharedMessages(List.of(), List.of("b"))).isZero();
    }

    @Property
    void bothBeginWithThePromptAndKeepARest(
            @ForAll @NotEmpty String chosen, @ForAll @NotEmpty String rejected, @ForAll @Size(max = 5) String start) {
        String a = start + chosen;
        String b = start + rejected;
        int shared = PromptExtraction.sharedText(a, b);
        assertThat(b).startsWith(a.substring(0, shared));
        assertThat(shared).isLessThan(Math.min(a.length(), b.length()));
    }

    @Property
    void messagesLikewise(
            @ForAll @Size(min = 1, max = 6) List<Boolean> chosen,
            @ForAll @Size(min = 1, max = 6) List<Boolean> rejected) {
        int shared = PromptExtraction.sharedMessages(chosen, rejected);
        assertThat(chosen.subList(0, shared)).isEqualTo(rejected.subList(0, shared));
        assertThat(shared).isLessThan(Math.min(chosen.size(), rejected.size()));
    }
}
